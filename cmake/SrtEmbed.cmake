# Writes a C file with the library's Lua modules in it. Run as a script:
#   cmake -D OUT=FILE.c -D ROOT=lualib "-D MODULES=streamrt/init.lua;..." -P SrtEmbed.cmake
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS MODULES)
  file(READ ${ROOT}/${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR len "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REPEAT "0x..," 16 line_of_bytes)
  string(REGEX REPLACE "(${line_of_bytes})" "\\1\n    " bytes "${bytes}")
  string(REGEX REPLACE "\\.lua$" "" name "${file}")
  string(REGEX REPLACE "/init$" "" name "${name}")
  string(REPLACE "/" "." name "${name}")
  string(APPEND arrays "static const char text_${number}[] = {\n    ${bytes}0};\n\n")
  string(APPEND rows "    {\"${name}\", \"${file}\", text_${number}, ${len}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "/* Made from lualib/ by cmake/SrtEmbed.cmake. */
#include \"script/module.h\"

${arrays}const struct module_embedded module_embedded[] = {\n${rows}};
const size_t module_embedded_count = ${number};
")
