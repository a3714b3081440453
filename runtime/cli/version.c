#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"

int version_run(const struct command_line *line)
{
    struct srt_buf text;
    struct srt_err err = {0};
    srt_buf_init(&text);
    /* the second choice is json */
    srt_buf_put_str(&text, command_number(line, "output", 0) == 1 ? "{\"version\":\"" SRT_VERSION
                                                                    "\"}\n"
                                                                  : "streamrt " SRT_VERSION "\n");
    int code = output_flush(&text, &err);
    srt_buf_fini(&text);
    return code == SRT_OK || code == SRT_EEND ? EXIT_DONE : command_fail(line, &err, NULL);
}
