# dcgan_warnings: what every target of ours is compiled with.
add_library(dcgan_warnings INTERFACE)
target_compile_options(dcgan_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
                       -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference
                       -Wno-missing-field-initializers)
# GCC sees overflows that are not there in its own std::string (12; its bugs 105329 and 105651) and in
# its own std::vector<bool> and std::vector (from 13 on; 110807 and 107852).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(dcgan_warnings INTERFACE -Wno-stringop-overflow)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(dcgan_warnings INTERFACE -Wno-restrict)
  else()
    target_compile_options(dcgan_warnings INTERFACE -Wno-array-bounds)
  endif()
endif()
# Under sanitizers GCC takes LibTorch's empty optionals for uninitialised ones.
if(DCGAN_SANITIZE)
  target_compile_options(dcgan_warnings INTERFACE -fsanitize=${DCGAN_SANITIZE}
                         -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  target_link_options(dcgan_warnings INTERFACE -fsanitize=${DCGAN_SANITIZE})
endif()
