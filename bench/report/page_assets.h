// The style sheet and the script of the page, page.css and page.js, which the build turns into
// text.
#pragma once

#include <string>

namespace aether::perf {

std::string PageCss();
std::string PageScript();

}  // namespace aether::perf
