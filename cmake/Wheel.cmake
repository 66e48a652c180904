# In `pip install .` (pyproject.toml) LibTorch is the torch of the Python that builds: pip's own copy
# or, with --no-build-isolation, the environment's.
find_package(Python REQUIRED COMPONENTS Interpreter)
set(_dcgan_find_torch [[
import importlib.util, os
print(os.path.realpath(importlib.util.find_spec("torch").submodule_search_locations[0]))]])
execute_process(
  COMMAND ${Python_EXECUTABLE} -c "${_dcgan_find_torch}"
  OUTPUT_VARIABLE DCGAN_TORCH_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
message(STATUS "Torch: ${DCGAN_TORCH_ROOT}")
message(STATUS "Should a library be missing: scripts/setup.sh --torch none installs them all")
