# discover_test_suites(TARGET [PROPERTIES NAME VALUE...]): as gtest_discover_tests(), but ctest gets a
# test for each suite, not for each test in it. For programs of which the start, as by loading LibTorch,
# takes longer than most of their tests.
function(discover_test_suites target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" PROPERTIES)
  list(JOIN ARG_PROPERTIES " " properties)
  set(tests ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake)
  add_custom_command(
    TARGET ${target} POST_BUILD
    BYPRODUCTS ${tests}
    COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${target}> -D TESTS=${tests}
            -D "PROPERTIES=${properties}" -P ${PROJECT_SOURCE_DIR}/cmake/ListSuites.cmake
    VERBATIM)
  # Until the program is built, a test that fails stands for it.
  set(include ${CMAKE_CURRENT_BINARY_DIR}/${target}_include.cmake)
  file(WRITE ${include} "if(EXISTS [[${tests}]])\n  include([[${tests}]])\nelse()\n"
                        "  add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()
