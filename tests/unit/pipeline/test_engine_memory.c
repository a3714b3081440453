/* The memory engine does what every engine must do. */
#include "support/engine_suite.h"

#include "support/cmocka_srt.h"

static struct srt_clock_fake fake_clock;

static struct engine *create(void)
{
    srt_clock_fake_init(&fake_clock, 1000000);
    return engine_memory_create(&fake_clock.clock, 3);
}

int main(void)
{
    static const struct engine_suite suite = {create, engine_memory_destroy};
    return engine_suite_run(&suite);
}
