#include "bench/report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aether::perf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Html, NothingThatIsEscapedIsMarkup) {
  EXPECT_EQ(Escape("<a href=\"x\" id='y'>&"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
  EXPECT_THAT(EscapeScript("{\"a\": \"</script><!--\"}"), Not(HasSubstr("<")));
  EXPECT_THAT(EscapeScript("{\"a\": \"</script>\"}"), HasSubstr("\\u003c/script\\u003e"));
}

TEST(Html, MarkdownBecomesTablesListsAndText) {
  const std::string html = MarkdownToHtml(
      "# A `title`\n\ntext **bold**\nmore\n\n| a | b |\n|---|---:|\n| 1 | <b>2</b> |\n\n- one\n- "
      "two\n```\n<pre>\n```\n");
  EXPECT_THAT(html, HasSubstr("<h4>A <code>title</code></h4>"));
  EXPECT_THAT(html, HasSubstr("<p>text <b>bold</b>\nmore\n</p>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>a</th><th>b</th></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><td>1</td><td>&lt;b&gt;2&lt;/b&gt;</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<ul><li>one</li>\n<li>two</li>"));
  EXPECT_THAT(html, HasSubstr("<pre>&lt;pre&gt;\n</pre>"));
}

TEST(Html, MarkdownThatEndsInTheMiddleIsClosed) {
  EXPECT_EQ(MarkdownToHtml("**not bold"), "<p>**not bold\n</p>\n");
  EXPECT_THAT(MarkdownToHtml("```\nx"), HasSubstr("</pre>"));
  EXPECT_THAT(MarkdownToHtml("| a |"), HasSubstr("</table>"));
}

}  // namespace
}  // namespace aether::perf
