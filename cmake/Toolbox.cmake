# ccache and a fast linker, where they are installed.
find_program(DCGAN_CCACHE ccache)
if(DCGAN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DCGAN_CCACHE})
endif()
find_program(DCGAN_MOLD mold)
if(DCGAN_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION
                                                           VERSION_GREATER_EQUAL 12.1)
  add_link_options(-fuse-ld=mold)
endif()
