# LibTorch as LibTorch::LibTorch, without TorchConfig.cmake: that one insists on nvcc where the
# library has CUDA, and we compile host code only.
#
#   DCGAN_TORCH_ROOT   a folder with include/ and lib/ (the wheel's site-packages/torch); empty for
#                      the system's libtorch-dev
#
# Only libtorch_cpu and libc10 are linked. Where libtorch_cuda.so lies beside them it is loaded when
# a GPU is asked for (src/runtime/device.cpp), so that a CPU run pays neither its time nor its memory.
# There LibTorch::CUDA is it with CUDA's headers and runtime, those of the wheel's own packages
# (site-packages/nvidia), for the library of what needs them; nccl.h is in LIBTORCH_NCCL_INCLUDE_DIR.
if(DCGAN_TORCH_ROOT)
  set(_dcgan_search PATHS ${DCGAN_TORCH_ROOT} NO_DEFAULT_PATH)
else()
  set(_dcgan_search)
endif()
find_path(LIBTORCH_INCLUDE_DIR ATen/ATen.h ${_dcgan_search} PATH_SUFFIXES include)
find_path(LIBTORCH_API_INCLUDE_DIR torch/torch.h ${_dcgan_search}
          PATH_SUFFIXES include/torch/csrc/api/include torch/csrc/api/include)
find_library(LIBTORCH_CPU_LIBRARY torch_cpu ${_dcgan_search} PATH_SUFFIXES lib)
find_library(LIBTORCH_C10_LIBRARY c10 ${_dcgan_search} PATH_SUFFIXES lib)

# Newer versions keep their number in torch/headeronly/version.h.
foreach(_dcgan_header IN ITEMS ${LIBTORCH_INCLUDE_DIR}/torch/headeronly/version.h
                               ${LIBTORCH_API_INCLUDE_DIR}/torch/version.h)
  if(NOT LIBTORCH_VERSION AND EXISTS ${_dcgan_header})
    file(STRINGS ${_dcgan_header} _dcgan_version
         REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    if(_dcgan_version MATCHES "MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+)")
      set(LIBTORCH_VERSION ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3})
    endif()
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY LIBTORCH_INCLUDE_DIR
                LIBTORCH_API_INCLUDE_DIR
  VERSION_VAR LIBTORCH_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup.sh, or name a LibTorch with -DDCGAN_TORCH_ROOT=DIR")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LIBTORCH_C10_LIBRARY})
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION ${LIBTORCH_CPU_LIBRARY}
    INTERFACE_LINK_LIBRARIES LibTorch::c10)
  if(DCGAN_TORCH_ROOT)
    # The wheel carries headers of its own fmt; ours must be the one that spdlog was built with.
    find_path(_dcgan_fmt_dir fmt/core.h PATHS /usr/include NO_CACHE REQUIRED)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/system-headers)
    file(CREATE_LINK ${_dcgan_fmt_dir}/fmt ${PROJECT_BINARY_DIR}/system-headers/fmt SYMBOLIC)
    target_include_directories(LibTorch::LibTorch SYSTEM BEFORE INTERFACE
                               ${PROJECT_BINARY_DIR}/system-headers)
    target_link_options(LibTorch::LibTorch INTERFACE -Wl,--allow-shlib-undefined)
  endif()
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${LIBTORCH_INCLUDE_DIR}
                                                                 ${LIBTORCH_API_INCLUDE_DIR})
endif()

if(LibTorch_FOUND AND DCGAN_TORCH_ROOT AND NOT TARGET LibTorch::CUDA)
  # DCGAN_TORCH_ROOT may be a link: what lies beside the wheel lies beside what it points to.
  file(REAL_PATH ${DCGAN_TORCH_ROOT} _dcgan_wheel)
  cmake_path(GET _dcgan_wheel PARENT_PATH _dcgan_wheels)
  file(GLOB _dcgan_cuda_dirs ${_dcgan_wheels}/nvidia/cu*)
  find_path(LIBTORCH_CUDA_INCLUDE_DIR cuda_runtime_api.h PATHS ${_dcgan_cuda_dirs}
            PATH_SUFFIXES include NO_DEFAULT_PATH)
  find_path(LIBTORCH_NCCL_INCLUDE_DIR nccl.h PATHS ${_dcgan_wheels}/nvidia/nccl
            PATH_SUFFIXES include NO_DEFAULT_PATH)
  find_library(LIBTORCH_CUDA_LIBRARY torch_cuda PATHS ${DCGAN_TORCH_ROOT}/lib NO_DEFAULT_PATH)
  find_library(LIBTORCH_C10_CUDA_LIBRARY c10_cuda PATHS ${DCGAN_TORCH_ROOT}/lib NO_DEFAULT_PATH)
  # The package has no libcudart.so without a number.
  file(GLOB _dcgan_cudart ${LIBTORCH_CUDA_INCLUDE_DIR}/../lib/libcudart.so.*)
  if(LIBTORCH_CUDA_INCLUDE_DIR AND LIBTORCH_CUDA_LIBRARY AND LIBTORCH_C10_CUDA_LIBRARY AND _dcgan_cudart)
    add_library(LibTorch::CUDA INTERFACE IMPORTED)
    target_include_directories(LibTorch::CUDA SYSTEM INTERFACE ${LIBTORCH_CUDA_INCLUDE_DIR})
    target_link_libraries(LibTorch::CUDA INTERFACE ${LIBTORCH_CUDA_LIBRARY}
                                                   ${LIBTORCH_C10_CUDA_LIBRARY} ${_dcgan_cudart})
    target_link_options(LibTorch::CUDA INTERFACE -Wl,--allow-shlib-undefined)
  elseif(LIBTORCH_CUDA_LIBRARY)
    message(STATUS "No CUDA headers beside LibTorch: without run.cuda_graph and NCCL")
  endif()
endif()
