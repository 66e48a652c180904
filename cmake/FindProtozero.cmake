# protozero's headers: Protozero::Protozero. Debian and Ubuntu: libprotozero-dev.
find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_builder.hpp)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Protozero REQUIRED_VARS PROTOZERO_INCLUDE_DIR)
if(Protozero_FOUND AND NOT TARGET Protozero::Protozero)
  add_library(Protozero::Protozero INTERFACE IMPORTED)
  target_include_directories(Protozero::Protozero SYSTEM INTERFACE ${PROTOZERO_INCLUDE_DIR})
endif()
