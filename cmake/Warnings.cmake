# dcgan_warnings: what every target of ours is compiled with.
add_library(dcgan_warnings INTERFACE)
target_compile_options(dcgan_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
                       -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference
                       -Wno-missing-field-initializers)
if(DCGAN_SANITIZE)
  target_compile_options(dcgan_warnings INTERFACE -fsanitize=${DCGAN_SANITIZE}
                         -fno-omit-frame-pointer)
  target_link_options(dcgan_warnings INTERFACE -fsanitize=${DCGAN_SANITIZE})
endif()
