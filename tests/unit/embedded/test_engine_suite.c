/* The embedded engine does what every engine must do. */
#include "support/engine_suite.h"

#include "embedded/engine_embedded.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

static struct broker_fixture fixture;

static struct engine *create(void)
{
    broker_fixture_open(&fixture);
    struct topic_config defaults;
    topic_config_default(&defaults);
    struct engine *eng;
    struct srt_err err = {0};
    assert_ok(engine_embedded_create(fixture.broker, &defaults, &fixture.clock.clock, &eng, &err),
              &err);
    return eng;
}

static void destroy(struct engine *eng)
{
    engine_embedded_destroy(eng);
    broker_fixture_close(&fixture);
}

int main(void)
{
    static const struct engine_suite suite = {create, destroy};
    return engine_suite_run(&suite);
}
