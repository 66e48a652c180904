# Installs BUILD below WORK, moves the installation, trains with its program and a configuration of its, and
# builds EXAMPLES against its library as a project of its own.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    string(REPLACE ";" " " command "${ARGV}")
    message(FATAL_ERROR "${command}\n${output}\nfailed: ${failed}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/moved)

foreach(file IN ITEMS man/man1/dcgan.1 bash-completion/completions/dcgan zsh/site-functions/_dcgan
                      fish/vendor_completions.d/dcgan.fish doc/dcgan/copyright)
  if(NOT EXISTS ${WORK}/moved/share/${file})
    message(FATAL_ERROR "no share/${file} is installed")
  endif()
endforeach()

# The configuration's name is enough in any folder.
run(moved/bin/dcgan train -q --config smoke.yaml --out run)
run(moved/bin/dcgan config --list)
if(NOT output MATCHES "\nsmoke.yaml ")
  message(FATAL_ERROR "the installed configurations are not listed:\n${output}")
endif()
run(moved/bin/dcgan config --config mnist)
if(NOT output MATCHES "moved/share/dcgan/configs/mnist.yaml" OR
   NOT output MATCHES "moved/share/dcgan/data/mnist  #")
  message(FATAL_ERROR "not the installed configuration or data:\n${output}")
endif()

run(${CMAKE_COMMAND} -S ${EXAMPLES} -B examples -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${WORK}/moved)
run(${CMAKE_COMMAND} --build examples)
run(examples/train moved/share/dcgan/configs/smoke.yaml own-run train.epochs=1)
run(examples/embed own-run/g.pt sixteen.png)
if(NOT EXISTS ${WORK}/sixteen.png)
  message(FATAL_ERROR "embed wrote no sixteen.png")
endif()
run(examples/evaluate own-run)
if(NOT output MATCHES "precision +[01][.][0-9]+ .real images")
  message(FATAL_ERROR "evaluate shows no precision:\n${output}")
endif()
file(REMOVE_RECURSE ${WORK})
