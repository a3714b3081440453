# packages.sh - which Debian packages the project needs, and getting them. Sourced by scripts/demo
# and scripts/test; docs/dependencies.md says what each is for.
#
# The names are the same in Debian 12 and 13. Nothing is asked of the network when nothing is
# missing.

PACKAGES_BUILD="cmake ninja-build gcc libc6-dev pkgconf liblua5.4-dev libuv1-dev libyaml-dev
    libxxhash-dev libisal-dev
    zlib1g-dev libsnappy-dev liblz4-dev libzstd-dev"
PACKAGES_TEST="libcmocka-dev lua5.4 lua-check sqlite3 strace time"
PACKAGES_FUZZ="clang libclang-rt-dev" # each release's own clang, its sanitizers and libFuzzer

# missing_packages NAME...: those that are not installed.
missing_packages() {
    local name
    for name in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
            printf '%s ' "$name"
        fi
    done
}

# need_packages build [test] [fuzz]: install what is missing, or end with 69 and say what to do.
need_packages() {
    local kind wanted="" missing as_root=""
    for kind in "$@"; do
        case $kind in
        build) wanted="$wanted $PACKAGES_BUILD" ;;
        test) wanted="$wanted $PACKAGES_TEST" ;;
        fuzz) wanted="$wanted $PACKAGES_FUZZ" ;;
        *)
            echo "need_packages: no such list: $kind" >&2
            exit 70
            ;;
        esac
    done
    if ! command -v dpkg-query >/dev/null; then
        echo "This is not a Debian system; going on with what is installed. Needed are:" $wanted >&2
        return 0
    fi
    # shellcheck disable=SC2086 # a list of words
    missing=$(missing_packages $wanted)
    if [ -z "$missing" ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            echo "Some Debian packages are missing and only root can install them. Please run:" >&2
            echo "    apt-get update && apt-get install --no-install-recommends -y ${missing% }" >&2
            exit 69
        fi
        as_root=sudo
    fi
    echo "installing: $missing"
    if ! $as_root apt-get update -q ||
        ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
            --no-install-recommends $missing; then
        echo "The packages could not be installed. Please run:" >&2
        echo "    apt-get update && apt-get install --no-install-recommends -y ${missing% }" >&2
        exit 69
    fi
}
