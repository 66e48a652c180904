# Installs BUILD below WORK, moves the installation, trains with its program and its configuration, and
# builds EXAMPLES against its library as a project of its own.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    string(REPLACE ";" " " command "${ARGV}")
    message(FATAL_ERROR "${command}\n${output}\nfailed: ${failed}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/moved)

run(moved/bin/dcgan train -q --config moved/share/dcgan/configs/smoke.yaml --out run)

run(${CMAKE_COMMAND} -S ${EXAMPLES} -B examples -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${WORK}/moved)
run(${CMAKE_COMMAND} --build examples)
run(examples/embed run/g.pt sixteen.png)
if(NOT EXISTS ${WORK}/sixteen.png)
  message(FATAL_ERROR "embed wrote no sixteen.png")
endif()
file(REMOVE_RECURSE ${WORK})
