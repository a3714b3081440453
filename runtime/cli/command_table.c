/* The table of commands. To add one: a row here, a handler, a test; help and suggestions follow.
 * Commands that are planned have a row too: they are refused by name (E090) instead of being
 * unknown, so that nobody looks for a spelling mistake.
 *
 * clang-format would give each field a line of its own; rows are easier to compare as they are. */
/* clang-format off */
#include "broker/topic.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "record/compress.h"

#define END {.name = NULL}

static const char *const list_formats[] = {"table", "json", NULL};
static const char *const record_formats[] = {"jsonl", NULL};
static const char *const check_formats[] = {"text", "json", "sarif", NULL};
static const char *const plain_formats[] = {"text", "json", NULL};
static const char *const isolations[] = {"read_committed", "read_uncommitted", NULL};

#define DATA_DIR                                                                                   \
    {.name = "data-dir", .type = COMMAND_TEXT, .value = "DIR", .required = true,                   \
     .help = "the data directory"}
#define LIST_OUTPUT                                                                                \
    {.name = "output", .letter = 'o', .type = COMMAND_CHOICE, .value = "FORMAT",                   \
     .choices = list_formats, .help = "table (default) or json"}
#define ISOLATION                                                                                  \
    {.name = "isolation", .type = COMMAND_CHOICE, .value = "LEVEL", .choices = isolations,         \
     .help = "read_committed (default) or read_uncommitted"}

const struct command_flag command_global_flags[] = {
    {.name = "help", .letter = 'h', .type = COMMAND_SWITCH, .help = "how to call this command"},
    {.name = "quiet", .letter = 'q', .type = COMMAND_SWITCH, .help = "log less: warnings, errors"},
    {.name = "verbose", .letter = 'v', .type = COMMAND_SWITCH, .help = "log everything"},
    {.name = "no-color", .type = COMMAND_SWITCH, .help = "never colour what is printed"},
    {.name = "context", .letter = 'C', .type = COMMAND_TEXT, .value = "NAME", .unavailable = true,
     .help = "a named instance"},
    {.name = "config", .letter = 'c', .type = COMMAND_TEXT, .value = "FILE", .unavailable = true,
     .help = "the command line tool's own settings"},
    {.name = "timeout", .type = COMMAND_DURATION, .value = "TIME", .unavailable = true,
     .help = "how long to wait for an instance"},
    {.name = "dry-run", .type = COMMAND_SWITCH, .unavailable = true, .help = "say, do not do"},
    {.name = "no-input", .type = COMMAND_SWITCH, .unavailable = true, .help = "never ask"},
    {.name = "yes", .letter = 'y', .type = COMMAND_SWITCH, .unavailable = true,
     .help = "do not ask"},
    END,
};

static const struct command_flag run_flags[] = {
    {.name = "data-dir", .type = COMMAND_TEXT, .value = "DIR",
     .help = "the data directory (default: node.data_dir of the configuration)"},
    {.name = "until-drained", .type = COMMAND_SWITCH,
     .help = "end when everything there is has been processed"},
    {.name = "keep-open", .type = COMMAND_SWITCH,
     .help = "with --until-drained: leave windows open for the next run"},
    {.name = "set", .type = COMMAND_TEXT, .value = "PATH=VALUE",
     .help = "change one setting of the configuration (may be repeated)"},
    {.name = "reset-state", .type = COMMAND_TEXT, .value = "PIPELINE.STAGE",
     .help = "forget what a stage kept (may be repeated)"},
    {.name = "keep-state", .type = COMMAND_SWITCH, .unavailable = true,
     .help = "go on with the state there is after an incompatible change"},
    {.name = "dev", .type = COMMAND_SWITCH, .unavailable = true, .help = "development mode"},
    {.name = "watch", .type = COMMAND_SWITCH, .unavailable = true,
     .help = "reload when files change"},
    {.name = "check-only", .type = COMMAND_SWITCH, .unavailable = true,
     .help = "use `streamrt check`"},
    END,
};

static const struct command_flag check_flags[] = {
    {.name = "output", .letter = 'o', .type = COMMAND_CHOICE, .value = "FORMAT",
     .choices = check_formats, .help = "text (default), json or sarif"},
    {.name = "data-dir", .type = COMMAND_TEXT, .value = "DIR",
     .help = "where topics that the configuration does not declare may exist"},
    {.name = "set", .type = COMMAND_TEXT, .value = "PATH=VALUE",
     .help = "change one setting of the configuration (may be repeated)"},
    {.name = "strict", .type = COMMAND_SWITCH, .unavailable = true, .help = "warnings fail too"},
    {.name = "connect", .type = COMMAND_SWITCH, .unavailable = true, .help = "try connections"},
    END,
};

static const struct command_flag dump_flags[] = {
    DATA_DIR,
    {.name = "output", .letter = 'o', .type = COMMAND_CHOICE, .value = "FORMAT",
     .choices = record_formats, .help = "jsonl: one JSON object a record (default)"},
    {.name = "format", .letter = 'f', .type = COMMAND_TEXT, .value = "FORMAT",
     .help = "own lines instead: %t topic, %p partition, %o offset, %k key, %v value, %h headers, "
             "%d timestamp, \\n"},
    ISOLATION,
    END,
};

static const struct command_flag list_flags[] = {
    DATA_DIR,
    LIST_OUTPUT,
    {.name = "all", .type = COMMAND_SWITCH, .help = "internal topics too"},
    END,
};

static const struct command_flag groups_flags[] = {DATA_DIR, LIST_OUTPUT, END};
static const struct command_flag show_flags[] = {DATA_DIR, LIST_OUTPUT, END};
static const struct command_flag data_dir_flags[] = {DATA_DIR, END};

static const struct command_flag repair_flags[] = {
    DATA_DIR,
    {.name = "dry-run", .type = COMMAND_SWITCH, .help = "only print what it would do"},
    END,
};

static const struct command_flag create_flags[] = {
    DATA_DIR,
    {.name = "partitions", .letter = 'p', .type = COMMAND_COUNT, .value = "N",
     .help = "how many partitions (default 3)"},
    {.name = "retention", .type = COMMAND_DURATION, .value = "TIME",
     .help = "how long records are kept, or forever (default 7d)"},
    {.name = "retention-bytes", .type = COMMAND_SIZE, .value = "SIZE",
     .help = "how much one partition keeps, or unlimited (default)"},
    {.name = "segment-bytes", .type = COMMAND_SIZE, .value = "SIZE",
     .help = "size at which a new file is begun (default 128MiB)"},
    {.name = "max-record-bytes", .type = COMMAND_SIZE, .value = "SIZE",
     .help = "largest record that is taken (default 1MiB)"},
    {.name = "compression", .type = COMMAND_CHOICE, .value = "CODEC", .choices = compress_names,
     .help = "none (default), gzip, snappy, lz4 or zstd"},
    {.name = "cleanup", .type = COMMAND_CHOICE, .value = "HOW", .choices = topic_cleanup_names,
     .help = "delete (default): old records go; compact: of each key the last stays"},
    {.name = "delete-retention", .type = COMMAND_DURATION, .value = "TIME",
     .help = "compacted: how long a deletion stays (default 1d)"},
    END,
};

static const struct command_flag produce_flags[] = {
    DATA_DIR,
    {.name = "key", .letter = 'k', .type = COMMAND_TEXT, .value = "KEY",
     .help = "this key for every line; the whole line is the value"},
    {.name = "no-key", .type = COMMAND_SWITCH, .help = "no key; the whole line is the value"},
    {.name = "partition", .letter = 'p', .type = COMMAND_COUNT, .value = "N",
     .help = "this partition instead of the key's"},
    {.name = "header", .letter = 'H', .type = COMMAND_TEXT, .value = "NAME=VALUE",
     .help = "a header for every record (may be repeated)"},
    {.name = "timestamp", .type = COMMAND_COUNT, .value = "MS",
     .help = "milliseconds since 1970 (default: now)"},
    END,
};

static const struct command_flag tail_flags[] = {
    DATA_DIR,
    {.name = "last", .letter = 'n', .type = COMMAND_COUNT, .value = "N",
     .help = "how many records: the last ones (default 10), with --offset the first ones"},
    {.name = "follow", .letter = 'f', .type = COMMAND_SWITCH, .help = "go on as records come"},
    {.name = "offset", .type = COMMAND_TEXT, .value = "OFFSET",
     .help = "start, end, 42, +10, -10, 42:99, @-1h, @2026-01-05T10:00:00Z: where to begin"},
    {.name = "output", .letter = 'o', .type = COMMAND_CHOICE, .value = "FORMAT",
     .choices = record_formats, .help = "jsonl: one JSON object a record (default)"},
    {.name = "format", .type = COMMAND_TEXT, .value = "FORMAT",
     .help = "own lines instead: %t %p %o %k %v %h %d \\n as in `log dump -f`"},
    ISOLATION,
    END,
};

static const struct command_flag version_flags[] = {
    {.name = "output", .letter = 'o', .type = COMMAND_CHOICE, .value = "FORMAT",
     .choices = plain_formats, .help = "text (default) or json"},
    END,
};

static const struct command_flag help_flags[] = {
    {.name = "all", .type = COMMAND_SWITCH, .help = "every command, also those still to come"},
    END,
};

#define LATER(path_, help_)                                                                        \
    {.path = (path_), .arg_max = -1, .help = (help_), .unavailable = true}

const struct command command_table[] = {
    {.path = "run", .arguments = "FILE...", .arg_min = 1, .arg_max = -1,
     .help = "run the pipelines of a configuration",
     .examples = "streamrt run app.yaml                        # until Ctrl-C, which drains\n"
                 "streamrt run app.yaml --until-drained        # process what is there, then end\n"
                 "streamrt run app.lua --data-dir /var/lib/x   # a pipeline written in Lua",
     .flags = run_flags, .external = COMMAND_RUN},
    {.path = "check", .arguments = "FILE...", .arg_min = 1, .arg_max = -1,
     .help = "find what is wrong with a configuration, without starting it",
     .examples = "streamrt check streamrt.yaml            # all problems at once; exit 1 if any\n"
                 "streamrt check -o sarif streamrt.yaml   # for editors and CI",
     .flags = check_flags, .external = COMMAND_CHECK},
    {.path = "topic ls", .help = "list the topics",
     .examples = "streamrt topic ls --data-dir data\n"
                 "streamrt topic ls --data-dir data -o json",
     .flags = list_flags, .handler = topic_commands_ls},
    {.path = "topic show", .arguments = "TOPIC", .arg_min = 1, .arg_max = 1,
     .help = "a topic's settings and partitions",
     .examples = "streamrt topic show orders --data-dir data",
     .flags = show_flags, .handler = topic_commands_show},
    {.path = "topic create", .arguments = "TOPIC", .arg_min = 1, .arg_max = 1,
     .help = "create a topic",
     .examples = "streamrt topic create orders --data-dir data\n"
                 "streamrt topic create orders --data-dir data -p 12 --retention 30d",
     .flags = create_flags, .handler = topic_commands_create},
    {.path = "topic produce", .arguments = "TOPIC", .arg_min = 1, .arg_max = 1,
     .help = "append lines of standard input: key<TAB>value, or a value alone",
     .examples = "printf 'k1\\t{\"n\":1}\\n' | streamrt topic produce orders --data-dir data\n"
                 "streamrt topic produce lines --no-key --data-dir data < lines.txt",
     .flags = produce_flags, .handler = topic_produce_run},
    {.path = "topic tail", .arguments = "TOPIC[/PARTITION]", .arg_min = 1, .arg_max = 1,
     .help = "print a topic's last records, or follow it",
     .examples = "streamrt topic tail orders --data-dir data             # the last 10\n"
                 "streamrt topic tail orders --data-dir data -f          # and what comes\n"
                 "streamrt topic tail orders --data-dir data --offset @-1h",
     .flags = tail_flags, .handler = topic_tail_run},
    LATER("topic alter", "change a topic's settings"),
    LATER("topic rm", "delete a topic"),
    LATER("topic seek", "find the offset of a time"),
    LATER("topic trim", "drop a topic's oldest records"),
    {.path = "log dump", .arguments = "TOPIC[/PARTITION]", .arg_min = 1, .arg_max = 1,
     .help = "print every record, beside a running server or after a crash",
     .examples = "streamrt log dump orders --data-dir data\n"
                 "streamrt log dump orders/0 --data-dir data -f '%p:%o %k %v\\n'",
     .flags = dump_flags, .handler = log_commands_dump},
    {.path = "log topics", .help = "list the topics with their partitions' offsets",
     .examples = "streamrt log topics --data-dir data -o json",
     .flags = list_flags, .handler = log_commands_topics},
    {.path = "log groups", .help = "list what every group has committed, and how far it is behind",
     .examples = "streamrt log groups --data-dir data -o json",
     .flags = groups_flags, .handler = log_commands_groups},
    {.path = "log check", .help = "read every byte and print what is damaged; changes nothing",
     .examples = "streamrt log check --data-dir data   # exit 1 with PATH:BYTE: reason lines",
     .flags = data_dir_flags, .handler = log_commands_check},
    {.path = "log repair",
     .help = "set damaged byte ranges aside in *.removed files and make the rest readable",
     .examples = "streamrt log repair --data-dir data --dry-run   # only say it; exit 1 if any\n"
                 "streamrt log repair --data-dir data             # say it, then do it",
     .flags = repair_flags, .handler = log_commands_repair},
    {.path = "version", .help = "the version of this binary",
     .examples = "streamrt version\nstreamrt version -o json",
     .flags = version_flags, .handler = version_run},
    {.path = "help", .arguments = "[COMMAND...]", .arg_min = 0, .arg_max = 2,
     .help = "how to call a command",
     .examples = "streamrt help topic tail\nstreamrt help --all",
     .flags = help_flags, .handler = command_help_run},

    LATER("dev", "run with demo data and the dashboard"),
    LATER("test", "run the tests of pipelines"),
    LATER("fmt", "format configuration files"),
    LATER("repl", "try pipelines interactively"),
    LATER("eval", "apply an expression to JSON lines"),
    LATER("group ls", "list the consumer groups"),
    LATER("group show", "a group's members and positions"),
    LATER("group lag", "how far groups are behind"),
    LATER("group reset", "move a group's positions"),
    LATER("group rm", "forget a group"),
    LATER("queue ls", "list the queues"),
    LATER("queue show", "a queue's counts"),
    LATER("queue push", "put messages"),
    LATER("queue pop", "take messages"),
    LATER("queue peek", "look at messages"),
    LATER("queue redrive", "bring dead messages back"),
    LATER("queue purge", "drop all messages"),
    LATER("pipeline ls", "list the pipelines"),
    LATER("pipeline show", "a pipeline's stages and counters"),
    LATER("pipeline graph", "a pipeline as a picture"),
    LATER("pipeline apply", "change a running pipeline"),
    LATER("pipeline rm", "remove a pipeline"),
    LATER("pipeline pause", "stop reading"),
    LATER("pipeline resume", "go on reading"),
    LATER("pipeline tap", "watch a stage's records"),
    LATER("pipeline why", "what happened to a record"),
    LATER("pipeline reset", "forget positions and state"),
    LATER("pipeline export", "print as YAML or Lua"),
    LATER("pipeline extract", "move inline Lua to a module"),
    LATER("pipeline shadow", "run a changed version beside"),
    LATER("dlq ls", "list dead letters"),
    LATER("dlq show", "a dead letter and its error"),
    LATER("dlq edit", "repair a dead letter"),
    LATER("dlq redrive", "bring dead letters back"),
    LATER("dlq drop", "forget dead letters"),
    LATER("top", "live table of rates and lag"),
    LATER("bench", "measure this machine"),
    LATER("gen", "generate demo data"),
    LATER("status", "how a running instance is"),
    LATER("reload", "read the configuration again"),
    LATER("diff", "what a reload would change"),
    LATER("stop", "end a running instance"),
    LATER("config show", "the settings that apply"),
    LATER("config schema", "the JSON Schema of the configuration"),
    LATER("config init", "write a first configuration"),
    LATER("context ls", "list named instances"),
    LATER("context use", "choose a named instance"),
    LATER("context add", "name an instance"),
    LATER("context rm", "forget a named instance"),
    LATER("cluster ls", "list Kafka clusters"),
    LATER("cluster ping", "reach a Kafka cluster"),
    LATER("backup create", "copy a data directory"),
    LATER("backup restore", "bring a copy back"),
    LATER("backup verify", "read a copy through"),
    LATER("explain", "what an error code means"),
    LATER("completion", "shell completion"),
    {.path = NULL},
};
