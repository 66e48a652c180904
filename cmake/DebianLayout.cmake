# What Debian wants otherwise than `cmake --install` has it; run by cpack on the files to pack.
file(GLOB_RECURSE _manual ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/dcgan.1)
get_filename_component(_share ${_manual}/../../.. ABSOLUTE)
set(_doc ${_share}/doc/dcgan)
file(RENAME ${_share}/zsh/site-functions ${_share}/zsh/vendor-completions)

string(TIMESTAMP _date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${_doc}/changelog
"dcgan (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * CHANGELOG.md of the sources has the changes.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${_date}
")
execute_process(COMMAND gzip -9n ${_manual} ${_doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
file(CHMOD_RECURSE ${_doc} FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
     DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                           WORLD_EXECUTE)
