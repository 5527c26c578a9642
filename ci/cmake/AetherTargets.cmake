# aether_library(NAME SOURCES... DEPS...)  one library per folder of stack/; links only downwards.
# aether_test(NAME SOURCES... DEPS... [LABELS...])  one GoogleTest binary, one ctest entry.
function(aether_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC aether_options ${ARG_DEPS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE aether_options ${ARG_DEPS})
  endif()
endfunction()

if(AETHER_FUZZ)
  # No test programs beside the targets.
  function(aether_test)
  endfunction()
  return()
endif()

include(GoogleTest)

# What all test programs have in common. They are compiled without optimisation: what they test is mostly not in them, and
# compiling them is most of a build. clang 19 takes 1.9 s for a test under ASan and UBSan instead of 4.7.
add_library(aether_test_options INTERFACE)
target_compile_options(aether_test_options INTERFACE -O0)
# Who uses a precompiled header links this.
add_library(aether_pch_options INTERFACE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # With one, and with little optimisation, g++ 12 sees overruns in std::string that are none (its bug 105651).
  target_compile_options(aether_pch_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # The precompiled header is the same whenever it is made, so that a compiler cache finds what was compiled with it.
  target_compile_options(aether_pch_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
target_link_libraries(aether_test_options INTERFACE aether_pch_options)
target_link_libraries(aether_test_options INTERFACE aether_options GTest::gtest GTest::gmock Threads::Threads)
add_library(aether_test_pch OBJECT ${CMAKE_CURRENT_LIST_DIR}/test_pch.cc)
target_link_libraries(aether_test_pch PRIVATE aether_test_options)
target_precompile_headers(aether_test_pch PRIVATE <gmock/gmock.h> <gtest/gtest.h>)

function(aether_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE aether_test_options ${ARG_DEPS} GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM aether_test_pch)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "unit;${ARG_LABELS}")
endfunction()
