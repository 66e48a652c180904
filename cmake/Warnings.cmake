# dcgan_warnings: what every target of ours is compiled with.
add_library(dcgan_warnings INTERFACE)
target_compile_options(dcgan_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
                       -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference
                       -Wno-missing-field-initializers)
# GCC 12 sees overflows in its own std::string that are not there (GCC bugs 105329 and 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(dcgan_warnings INTERFACE -Wno-restrict -Wno-stringop-overflow)
endif()
if(DCGAN_SANITIZE)
  target_compile_options(dcgan_warnings INTERFACE -fsanitize=${DCGAN_SANITIZE}
                         -fno-omit-frame-pointer)
  target_link_options(dcgan_warnings INTERFACE -fsanitize=${DCGAN_SANITIZE})
endif()
