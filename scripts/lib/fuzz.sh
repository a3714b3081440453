# fuzz.sh - running the fuzz targets of tests/fuzz. Sourced by scripts/test.
#
# What was found goes to build/fuzz/found: inputs that crash, hang or take too much memory. They
# become files of tests/fuzz/corpus, which every build replays, and unit tests.

FUZZ_DIR=build/fuzz
FUZZ_AT_ONCE=2       # each may take FUZZ_RSS_MIB
FUZZ_RSS_MIB=2048
FUZZ_TIMEOUT_S=10    # for one input

# fuzz_names REGEX: the targets, one a line, that the regular expression selects as fuzz.NAME.
fuzz_names() {
    local name
    for name in tests/fuzz/corpus/*/; do
        name=$(basename "$name")
        if [ -z "$1" ] || [[ fuzz.$name =~ $1 ]]; then
            echo "$name"
        fi
    done
}

# What a target's inputs look like: programs of single bytes are short.
fuzz_options() {
    case $1 in
    calls | recovery) echo "-max_len=256 -len_control=0" ;;
    *) echo "-max_len=4096" ;;
    esac
    if [ -f "tests/fuzz/dict/$1.dict" ]; then
        echo "-dict=tests/fuzz/dict/$1.dict"
    fi
}

# fuzz_one NAME SECONDS SEED: run one target; the log is in build/fuzz/NAME.log.
fuzz_one() {
    local inputs=$FUZZ_DIR/inputs/$1 options
    read -r -d '' -a options <<<"$(fuzz_options "$1")"
    rm -rf "$inputs"
    mkdir -p "$inputs" "$FUZZ_DIR/found"
    UBSAN_OPTIONS=print_stacktrace=1 "$FUZZ_DIR/tests/fuzz/fuzz_$1" \
        -max_total_time="$2" -seed="$3" -timeout=$FUZZ_TIMEOUT_S -rss_limit_mb=$FUZZ_RSS_MIB \
        -print_final_stats=1 -artifact_prefix="$FUZZ_DIR/found/$1-" "${options[@]}" \
        "$inputs" "tests/fuzz/corpus/$1" >"$FUZZ_DIR/$1.log" 2>&1
}

# fuzz_say NAME EXIT: how it went; returns 1 when something was found.
fuzz_say() {
    local runs
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$FUZZ_DIR/$1.log")
    if [ "$2" -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
        echo "fuzz.$1: passed, $runs inputs"
        return 0
    fi
    echo "fuzz.$1: failed with exit $2; the end of $FUZZ_DIR/$1.log:"
    tail -n 40 "$FUZZ_DIR/$1.log" | sed 's/^/    /'
    return 1
}

# fuzz_all SECONDS SEED NAME...: run them, some at once. Sets fuzz_passed and fuzz_failed.
fuzz_all() {
    local seconds=$1 seed=$2 name code
    local -A name_of=() # by process
    shift 2
    fuzz_passed=0 fuzz_failed=0
    while [ $# -gt 0 ] || [ ${#name_of[@]} -gt 0 ]; do
        if [ $# -gt 0 ] && [ ${#name_of[@]} -lt $FUZZ_AT_ONCE ]; then
            fuzz_one "$1" "$seconds" "$seed" &
            name_of[$!]=$1
            shift
            continue
        fi
        wait -n -p pid "${!name_of[@]}"
        code=$?
        name=${name_of[$pid]}
        unset "name_of[$pid]"
        if fuzz_say "$name" "$code"; then
            fuzz_passed=$((fuzz_passed + 1))
        else
            fuzz_failed=$((fuzz_failed + 1))
        fi
    done
}
