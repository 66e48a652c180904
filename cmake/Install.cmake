# cmake --install BUILD --prefix DIR: the program with the configurations and MNIST, and the library
# for other projects' find_package(dcgan).
#
#   bin/dcgan                which starts lib/dcgan/dcgan-core
#   share/dcgan/             configs/, which --config knows by name, and, where these look for it,
#                            data/mnist/
#   include/dcgan/, lib/     the library: dcgan::dcgan
#   lib/cmake/dcgan/         dcganConfig.cmake
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS dcgan_program RUNTIME DESTINATION bin COMPONENT program)
# The program looks for them here: src/cli/front.cpp, src/gan/recorded_step.cpp.
install(TARGETS dcgan_core RUNTIME DESTINATION lib/dcgan COMPONENT program)
if(TARGET dcgan_cuda)
  install(TARGETS dcgan_cuda LIBRARY DESTINATION lib/dcgan COMPONENT program)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION share/dcgan COMPONENT program
        FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/data/mnist DESTINATION share/dcgan/data COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/dcgan COMPONENT program)

set(_dcgan_package ${CMAKE_INSTALL_LIBDIR}/cmake/dcgan)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/dcgan DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT library)
install(TARGETS dcgan dcgan_base dcgan_config dcgan_image dcgan_sources dcgan_tensorboard dcgan_runtime
                dcgan_kernels
                dcgan_model dcgan_data dcgan_gan dcgan_generate dcgan_evaluate dcgan_training
        EXPORT dcganTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT dcganTargets NAMESPACE dcgan:: DESTINATION ${_dcgan_package} COMPONENT library)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/dcganConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/dcganConfig.cmake
                              INSTALL_DESTINATION ${_dcgan_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dcganConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dcganConfig.cmake ${PROJECT_BINARY_DIR}/dcganConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindLibTorch.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindWebP.cmake
        DESTINATION ${_dcgan_package} COMPONENT library)
