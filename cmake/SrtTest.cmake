# srt_test(store segment LIBS ... SOURCES ... LABELS ...): builds tests/unit/store/test_segment.c as
# unit_store_segment and registers it as the ctest unit.store.segment. tests/support is linked in.
#
# LABELS threads: the test starts threads, so scripts/test repeats it under the thread sanitizer.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)

function(srt_test LAYER NAME)
  cmake_parse_arguments(ARG "" "" "LIBS;SOURCES;LABELS" ${ARGN})
  set(target unit_${LAYER}_${NAME})
  add_executable(${target} ${CMAKE_CURRENT_SOURCE_DIR}/test_${NAME}.c ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE
    srt_compile srt_${LAYER} ${ARG_LIBS} test_support PkgConfig::cmocka)
  target_compile_options(${target} PRIVATE -Wno-missing-prototypes)
  add_test(NAME unit.${LAYER}.${NAME} COMMAND ${target})
  set_tests_properties(unit.${LAYER}.${NAME} PROPERTIES
    TIMEOUT 300 LABELS "unit;${LAYER};${ARG_LABELS}")
endfunction()
