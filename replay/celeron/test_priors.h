// Priors for tests, as priors.tsv has them.
#pragma once

namespace aether::celeron {

inline constexpr const char* kTestPriors =
    "# name low high unit source\n"
    "clock\t2\t2\tGHz\ta book\n"
    "b\t0.45\t0.8\tcycles\ta book\n"
    "cbr\t15\t25\tcycles\ta book\n"
    "c2\t15\t15\tcycles\ta book\n"
    "h\t0.35\t1\tshare\ta book\n"
    "cmem\t160\t250\tcycles\ta book\n"
    "x\t0.4\t1\tshare\ta book\n"
    "tlb\t0\t0.06\tcycles\ta book\n"
    "kernel\t0.6\t1.4\tratio\ta guess\n"
    "here_b\t0.1\t0.8\tcycles\ta book\n"
    "here_h\t0.05\t1\tshare\ta book\n"
    "here_x\t0.03\t1\tshare\ta book\n";

}  // namespace aether::celeron
