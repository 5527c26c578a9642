# Writes a source file with the commit that is being built, when it is another one than before. Called at build time
# with SOURCE and OUT.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT
     "namespace aether::bench {
// As long for every commit, so that the addresses of what lies behind it are the same.
extern const char kCommitText[64];
const char kCommitText[64] = \"${commit}\";
extern const char* const kCommit;
const char* const kCommit = kCommitText;
}
")
