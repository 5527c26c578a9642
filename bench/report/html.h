// Text that goes into a page. Whatever comes from a file passes through Escape on its way; there is
// no other way from outside into the page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aether::perf {

// For element content and for attributes in double quotes alike.
std::string Escape(std::string_view text);

// For a <script type="application/json">: no tag can end or begin in it.
std::string EscapeScript(std::string_view json);

// Of Markdown what our summaries use: headings, tables, lists, code, bold. Everything else is text.
// Headings become smaller ones, so that a file can stand in a section of the page.
std::string MarkdownToHtml(const std::string& markdown);

// A figure with four digits and its unit behind it.
std::string Figure(double value, const std::string& unit);

}  // namespace aether::perf
