# build.sh - configuring and building one build directory. Sourced by scripts/demo and scripts/test,
# so that both use the same build/.

# build_dir DIR [CMAKE ARGUMENT...]: configure DIR unless it is, and build everything in it. The
# arguments count at the first time only; ninja itself configures again when a CMake file has
# changed.
build_dir() {
    build_target all "$@"
}

# build_target TARGET DIR [CMAKE ARGUMENT...]: the same for one target.
build_target() {
    local target=$1 dir=$2 source
    shift 2
    source=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$dir/CMakeCache.txt" 2>/dev/null)
    if [ -n "$source" ] && [ "$source" != "$PWD" ]; then
        echo "$dir was configured for $source: starting anew"
        rm -rf "$dir/CMakeCache.txt" "$dir/CMakeFiles" "$dir/build.ninja"
    fi
    if [ ! -f "$dir/build.ninja" ]; then
        cmake -S . -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" || return 1
    fi
    cmake --build "$dir" --target "$target"
}
