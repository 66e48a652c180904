# cpack -G DEB: the installed program as a Debian package, for the system that it is built on. With
# another LibTorch than the system's there is no package that it could depend on.
if(DCGAN_TORCH_ROOT OR NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
cmake_host_system_information(RESULT _dcgan_system QUERY DISTRIB_ID DISTRIB_VERSION_ID)
list(JOIN _dcgan_system "" _dcgan_system)
execute_process(COMMAND dpkg --print-architecture OUTPUT_VARIABLE _dcgan_architecture
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME dcgan)
set(CPACK_DEBIAN_PROGRAM_FILE_NAME
    dcgan_${PROJECT_VERSION}_${_dcgan_system}_${_dcgan_architecture}.deb)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "train, sample and evaluate DCGANs")
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION
"Trains the generative adversarial networks of Radford, Metz and Chintala
(2015) on a CPU, draws images from them and measures these.")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The dcgan authors <maintainers@dcgan.example>" CACHE STRING
    "Whom the Debian package names")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# LibTorch takes any BLAS; the reference, which Debian installs with it, is many times slower.
set(CPACK_DEBIAN_PACKAGE_DEPENDS libopenblas0-openmp)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)  # for `dcgan data fetch`
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/DebianLayout.cmake)
include(CPack)
