# Run after PROGRAM was linked: writes to TESTS one ctest test for each of its suites.
#   cmake -D PROGRAM=FILE -D TESTS=FILE -D PROPERTIES="NAME VALUE..." -P ListSuites.cmake
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE list COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)[^ \n]+\\.[^\n]*" suites "${list}")  # "Suite.  # TypeParam = float"
if(NOT suites)
  message(FATAL_ERROR "${PROGRAM} lists no tests")
endif()
# A suite of which every test was skipped, and none failed, counts as skipped.
set(skipped [=[PASSED  . 0 tests[.]\n(.  SKIPPED . [^\n]*\n?)+$]=])
set(script "")
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "^\n|\\.[^\n]*$" "" suite "${suite}")
  string(APPEND script "add_test([[${suite}]] [[${PROGRAM}]] [[--gtest_filter=${suite}.*]])\n"
                       "set_tests_properties([[${suite}]] PROPERTIES SKIP_REGULAR_EXPRESSION "
                       "\"${skipped}\" ${PROPERTIES})\n")
endforeach()
file(WRITE ${TESTS} "${script}")
