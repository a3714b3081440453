# A layer is one folder of runtime/: a static library that may use only the layers it names.
#
#   srt_layer(store DEPENDS io record LIBS PkgConfig::xxhash)
#
# The folder's own CMakeLists.txt lists its sources with srt_sources(). Three things follow from the
# DEPENDS list and are checked by tests (tests/tidy): which "layer/file.h" a source may include,
# which symbols the archive may need when linked whole, and that every header compiles alone.

add_library(srt_compile INTERFACE)
target_compile_features(srt_compile INTERFACE c_std_17)
target_compile_definitions(srt_compile INTERFACE _GNU_SOURCE SRT_VERSION="${PROJECT_VERSION}")
target_compile_options(srt_compile INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes -Wvla
  -Wundef -fno-omit-frame-pointer -fno-common
  # "Set only on success" is beyond what gcc follows across functions; the sanitizers judge instead.
  $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(SRT_WERROR)
  target_compile_options(srt_compile INTERFACE -Werror)
endif()
if(SRT_HOSTILE)
  target_compile_definitions(srt_compile INTERFACE SRT_HOSTILE=1)
else()
  target_compile_definitions(srt_compile INTERFACE SRT_HOSTILE=0)
endif()
if(SRT_SANITIZE)
  target_compile_options(srt_compile INTERFACE -fsanitize=${SRT_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(srt_compile INTERFACE -fsanitize=${SRT_SANITIZE})
endif()
# The program of a release is optimized across files; for each of some 150 tests that would take
# longer than it saves. Fat objects serve both, and all that reads archives; clang 14 has none.
if(CMAKE_BUILD_TYPE STREQUAL Release AND CMAKE_C_COMPILER_ID STREQUAL GNU AND NOT SRT_SANITIZE)
  set(SRT_LTO_COMPILE -flto=auto -ffat-lto-objects)
  target_link_options(srt_compile INTERFACE
    $<IF:$<BOOL:$<TARGET_PROPERTY:SRT_LTO>>,-flto=auto,-fno-lto>)
endif()
if(SRT_FUZZ) # what a fuzzer reaches is counted in the layers, too
  target_compile_options(srt_compile INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(srt_compile INTERFACE -fsanitize=fuzzer-no-link)
endif()
set(CMAKE_C_EXTENSIONS OFF)

file(WRITE ${PROJECT_BINARY_DIR}/layers.txt "")

function(srt_layer NAME)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBS" ${ARGN})
  set(LAYER ${NAME})
  add_library(srt_${NAME} STATIC)
  target_include_directories(srt_${NAME} PUBLIC ${PROJECT_SOURCE_DIR}/runtime)
  target_link_libraries(srt_${NAME} PUBLIC srt_compile)
  target_compile_options(srt_${NAME} PRIVATE ${SRT_LTO_COMPILE})
  foreach(dep IN LISTS ARG_DEPENDS)
    target_link_libraries(srt_${NAME} PUBLIC srt_${dep})
  endforeach()
  target_link_libraries(srt_${NAME} PUBLIC ${ARG_LIBS})
  add_subdirectory(${NAME})
  get_target_property(sources srt_${NAME} SOURCES)
  if(NOT sources) # a layer whose first file is still to be written
    file(WRITE ${PROJECT_BINARY_DIR}/linkcheck/empty.c "extern int srt_layer_is_empty;\n")
    target_sources(srt_${NAME} PRIVATE ${PROJECT_BINARY_DIR}/linkcheck/empty.c)
  endif()
  list(JOIN ARG_DEPENDS " " deps)
  file(APPEND ${PROJECT_BINARY_DIR}/layers.txt "${NAME}: ${deps}\n")
  set_property(GLOBAL APPEND PROPERTY srt_layers ${NAME})

  # Linked whole against its declared dependencies only: finds an upward `extern` that no include
  # shows.
  if(BUILD_TESTING)
    set(main ${PROJECT_BINARY_DIR}/linkcheck/main.c)
    if(NOT EXISTS ${main}) # written again it would be built again
      file(WRITE ${main} "int main(void) { return 0; }\n")
    endif()
    add_executable(linkcheck_${NAME} EXCLUDE_FROM_ALL ${main})
    target_link_libraries(linkcheck_${NAME} PRIVATE
      srt_compile -Wl,--whole-archive $<TARGET_FILE:srt_${NAME}> -Wl,--no-whole-archive)
    add_dependencies(linkcheck_${NAME} srt_${NAME})
    foreach(dep IN LISTS ARG_DEPENDS)
      target_link_libraries(linkcheck_${NAME} PRIVATE srt_${dep})
    endforeach()
    target_link_libraries(linkcheck_${NAME} PRIVATE ${ARG_LIBS})
  endif()
endfunction()

# In a layer's own CMakeLists.txt: its source files, one a line.
function(srt_sources)
  get_filename_component(layer ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  target_sources(srt_${layer} PRIVATE ${ARGN})
endfunction()
