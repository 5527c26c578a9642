// The calls of a replay main other than replaying: --decode, --text and --encode.
#pragma once

namespace aether::fuzz {

// The exit code; -1 when the arguments ask for none of them.
int RunDecodeTool(int argc, char** argv);

}  // namespace aether::fuzz
