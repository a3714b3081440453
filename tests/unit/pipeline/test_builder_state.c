/* Steps that keep state, in both forms: the same graph. Of builder.c, lualib's builder_state.lua,
 * compile_window.c, compile_aggregate.c, compile_join.c and compile_state.c. */
#include "builder_fixture.h"
#include "graph_dump.h"

/* `lua` and `yaml` are the same pipeline. */
static void assert_same(const char *lua, const char *yaml)
{
    struct compiled built = compiled_lua("same.lua", lua);
    struct compiled read = compiled_yaml("same.yaml", yaml);
    char *a = graph_dump(compiled_graph(&built));
    char *b = graph_dump(compiled_graph(&read));
    if (strcmp(a, b) != 0) {
        print_error("lua:\n%syaml:\n%s", a, b);
    }
    assert_string_equal(a, b);
    free(a);
    free(b);
    compiled_free(&built);
    compiled_free(&read);
}

static void click_sessions_are_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same("local s = require 'streamrt'\n"
                "s.pipeline { name = 'click-sessions' }\n"
                "local sessions = s.topic('clicks', { time = 'v.ts' })\n"
                "  :reject \"v.agent:find('bot')\"\n"
                "  :group_by 'v.user'\n"
                "  :window(s.session('30m', { grace = '1m', late = 'clicks.late' }))\n"
                "  :aggregate {\n"
                "    pages     = s.count(),\n"
                "    landing   = s.first 'v.page',\n"
                "    exit      = s.last 'v.page',\n"
                "    path      = s.collect('v.page', 20),\n"
                "    converted = s.any \"v.page == '/checkout/done'\",\n"
                "  }:as 'session'\n"
                "  :map(function(x)\n"
                "    x.bounced = x.pages == 1\n"
                "    return x\n"
                "  end)\n"
                "sessions:to 'sessions'\n",
                "pipelines:\n"
                "  click-sessions:\n"
                "    from: { topic: clicks, time: v.ts }\n"
                "    steps:\n"
                "      - reject: v.agent:find('bot')\n"
                "      - group_by: v.user\n"
                "      - window: { session: 30m, grace: 1m, late: clicks.late }\n"
                "      - as: session\n"
                "        aggregate:\n"
                "          pages: count()\n"
                "          landing: first(v.page)\n"
                "          exit: last(v.page)\n"
                "          path: collect(v.page, 20)\n"
                "          converted: any(v.page == '/checkout/done')\n"
                "      - map: |\n"
                "          function(x)\n"
                "            x.bounced = x.pages == 1\n"
                "            return x\n"
                "          end\n"
                "      - to: sessions\n");
}

static void a_second_window_goes_on_from_a_stream_that_is_used_twice(void **state)
{
    (void)state;
    struct compiled it = compiled_lua(
        "twice.lua",
        "local sessions = s.topic 'clicks' :group_by 'v.user' :window(s.session '30m')\n"
        "  :aggregate { pages = s.count() } :as 'session'\n"
        "sessions:to 'sessions'\n"
        "sessions:group_by 'v.landing'\n"
        "  :window(s.tumbling '1h')\n"
        "  :aggregate { sessions = s.count(), bounces = s.count 'v.bounced',\n"
        "    conversions = s.count 'v.converted' }\n"
        "  :as 'funnel'\n"
        "  :to 'landing_pages.hourly'\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph, "0 from -> 1; 1 aggregate -> 2,3; 2 to; 3 aggregate -> 4; 4 to");
    const struct stage *funnel = &graph->stages[3];
    assert_string_equal(funnel->name, "funnel");
    assert_int_equal(funnel->window.size_ms, 3600000);
    assert_string_equal(funnel->fn.text.text, "v.landing");
    assert_int_equal(funnel->aggregate_count, 3);
    /* as written, not by the alphabet */
    assert_string_equal(funnel->aggregates[0].name, "sessions");
    assert_string_equal(funnel->aggregates[1].name, "bounces");
    assert_string_equal(funnel->aggregates[2].name, "conversions");
    compiled_free(&it);
}

static void route_errors_are_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same("local s = require 'streamrt'\n"
                "s.pipeline { name = 'route-errors', dlq = 'access_log.bad' }\n"
                "local function parse(line) return { route = line } end\n"
                "local per_minute = s.topic('access_log', { codec = 'text' })\n"
                "  :map(parse)\n"
                "  :group_by 'v.route'\n"
                "  :window(s.tumbling('1m', { grace = '10s' }))\n"
                "  :aggregate {\n"
                "    requests = s.count(),\n"
                "    errors   = s.count 'v.status >= 500',\n"
                "    p95_ms   = s.quantile(0.95, 'v.ms'),\n"
                "    clients  = s.distinct 'v.ip',\n"
                "  }:as 'route_minute'\n"
                "  :update 'v.error_rate = v.errors / v.requests'\n"
                "  :to 'http.routes_per_minute'\n"
                "  :filter 'v.requests >= 3 and v.error_rate > 0.5':to 'oncall.alerts'\n",
                "pipelines:\n"
                "  route-errors:\n"
                "    dlq: access_log.bad\n"
                "    from: { topic: access_log, codec: text }\n"
                "    steps:\n"
                "      - map: function(line) return { route = line } end\n"
                "      - group_by: v.route\n"
                "      - window: { tumbling: 1m, grace: 10s }\n"
                "      - as: route_minute\n"
                "        aggregate:\n"
                "          requests: count()\n"
                "          errors: count(v.status >= 500)\n"
                "          p95_ms: quantile(0.95, v.ms)\n"
                "          clients: distinct(v.ip)\n"
                "      - update: v.error_rate = v.errors / v.requests\n"
                "      - to: http.routes_per_minute\n"
                "      - filter: v.requests >= 3 and v.error_rate > 0.5\n"
                "      - to: oncall.alerts\n");
}

static void an_enrichment_is_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same("local s = require 'streamrt'\n"
                "s.pipeline { name = 'order-enrichment', dlq = 'orders.dlq' }\n"
                "local customers = s.table 'customers'\n"
                "local payments  = s.topic 'payments'\n"
                "s.topic('orders', { time = 'v.placed_at' })\n"
                "  :filter 'v.total > 0'\n"
                "  :join(customers, { how = 'left', by = 'v.customer_id',\n"
                "    with = function(order, customer)\n"
                "      order.customer = customer and { name = customer.name } or s.null\n"
                "      return order\n"
                "    end }):as 'with_customer'\n"
                "  :join(payments, { how = 'left', by = 'v.order_id', within = '15m',\n"
                "    with = function(order, payment)\n"
                "      order.paid = payment ~= nil\n"
                "      return order\n"
                "    end }):as 'with_payment'\n"
                "  :key_by 'v.customer_id'\n"
                "  :to(function(order) return order.paid and 'yes' or 'no' end)\n",
                "pipelines:\n"
                "  order-enrichment:\n"
                "    dlq: orders.dlq\n"
                "    from: { topic: orders, time: v.placed_at }\n"
                "    steps:\n"
                "      - filter: v.total > 0\n"
                "      - as: with_customer\n"
                "        join:\n"
                "          table: customers\n"
                "          how: left\n"
                "          by: v.customer_id\n"
                "          with: | # lua\n"
                "            function(order, customer)\n"
                "              order.customer = customer and { name = customer.name } or s.null\n"
                "              return order\n"
                "            end\n"
                "      - as: with_payment\n"
                "        join:\n"
                "          topic: payments\n"
                "          how: left\n"
                "          by: v.order_id\n"
                "          within: 15m\n"
                "          with: | # lua\n"
                "            function(order, payment)\n"
                "              order.paid = payment ~= nil\n"
                "              return order\n"
                "            end\n"
                "      - key_by: v.customer_id\n"
                "      - to: function(order) return order.paid and 'yes' or 'no' end\n");
}

static void sensor_alerts_are_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same("local s = require 'streamrt'\n"
                "s.pipeline { name = 'sensor-alerts' }\n"
                "s.topic('sensors', { time = 'v.ts' })\n"
                "  :dedupe { by = \"v.device .. '#' .. v.seq\", within = '10m' }\n"
                "  :key_by 'v.device'\n"
                "  :process {\n"
                "    ttl  = '7d',\n"
                "    init = '{ alarm = false, streak = 0, silent = false }',\n"
                "    on_record = function(reading, dev, ctx) ctx:timer('silence', '60s') end,\n"
                "    on_timer = function(dev, ctx) dev.silent = true end,\n"
                "  }:as 'alarm_state'\n"
                "  :to 'sensors.alerts'\n",
                "pipelines:\n"
                "  sensor-alerts:\n"
                "    from: { topic: sensors, time: v.ts }\n"
                "    steps:\n"
                "      - dedupe: { by: \"v.device .. '#' .. v.seq\", within: 10m }\n"
                "      - key_by: v.device\n"
                "      - as: alarm_state\n"
                "        process:\n"
                "          ttl: 7d\n"
                "          init: \"{ alarm = false, streak = 0, silent = false }\"\n"
                "          on_record: | # lua\n"
                "            function(reading, dev, ctx)\n"
                "              ctx:timer(\"silence\", \"60s\")\n"
                "            end\n"
                "          on_timer: | # lua\n"
                "            function(dev, ctx)\n"
                "              dev.silent = true\n"
                "            end\n"
                "      - to: sensors.alerts\n");
}

static void every_join_is_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same("s.pipeline { name = 'j' }\n"
                "local t = s.table('t', { codec = 'text' })\n"
                "s.topic('a', { time = 'v.t' })\n"
                "  :join(t, { by = 'v.x' }):as 'one'\n"
                "  :join(s.global 'g', { how = 'left', with = function(a, b) return a end })\n"
                "    :as 'two'\n"
                "  :join(s.topic('b', { time = 'v.u', idle = '1m' }), { how = 'outer',\n"
                "    by = 'v.x', other_by = 'v.y', within = '1h', grace = '5s' }):as 'three'\n"
                "  :join(t, { by = 'v.z' }):as 'four'\n"
                "  :dedupe { within = 'forever' } :as 'five'\n"
                "  :to 'o'\n",
                "pipelines:\n"
                "  j:\n"
                "    from: { topic: a, time: v.t }\n"
                "    steps:\n"
                "      - { as: one, join: { table: { topic: t, codec: text }, by: v.x } }\n"
                "      - { as: two, join: { global: g, how: left,\n"
                "          with: \"function(a, b) return a end\" } }\n"
                "      - as: three\n"
                "        join:\n"
                "          topic: { topic: b, time: v.u, idle: 1m }\n"
                "          how: outer\n"
                "          by: v.x\n"
                "          other_by: v.y\n"
                "          within: 1h\n"
                "          grace: 5s\n"
                "      - { as: four, join: { table: t, by: v.z } }\n"
                "      - { as: five, dedupe: { within: forever } }\n"
                "      - to: o\n");
}

static void the_other_side_may_have_steps_of_its_own(void **state)
{
    (void)state;
    struct compiled it =
        compiled_lua("steps.lua", "local paid = s.topic 'payments' :filter 'v.ok' :map 'v.p'\n"
                                  "paid:to 'paid'\n"
                                  "s.topic 'orders' :filter 'v.x'\n"
                                  "  :join(paid, { within = '1h' }):as 'j' :to 'o'\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph, "0 from -> 1; 1 filter -> 6; 2 from -> 3; 3 filter -> 4; 4 map -> 5,6; "
                        "5 to; 6 join -> 7; 7 to");
    assert_string_equal(graph->stages[0].source->topics[0], "orders");
    assert_string_equal(graph->stages[2].name, "j.from");
    assert_int_equal(graph->stages[1].arms[0].next_side[0], 0);
    assert_int_equal(graph->stages[4].arms[0].next_side[0], 0);
    assert_int_equal(graph->stages[4].arms[0].next_side[1], 1);
    assert_null(graph->stages[6].join->topic);
    compiled_free(&it);
}

static void joins_may_stand_on_both_sides_of_joins(void **state)
{
    (void)state;
    struct compiled it =
        compiled_lua("nest.lua", "local o = { within = '1h' }\n"
                                 "local c = s.topic 'c' :filter 'v'\n"
                                 "local b = s.topic 'b' :join(c, o):as 'bc'\n"
                                 "local arms = b:branch { { 'x', 'v.x' }, { 'y' } }\n"
                                 "arms.x:to 'x'\n"
                                 "s.topic 'a' :join(arms.y, o):as 'aby' :to 'o'\n");
    assert_shape(compiled_graph(&it),
                 "0 from -> 7; 1 from -> 4; 2 from -> 3; 3 filter -> 4; 4 join -> 5; "
                 "5 branch -> 6 | 7; 6 to; 7 join -> 8; 8 to");
    compiled_free(&it);
}

static void a_stream_joins_itself(void **state)
{
    (void)state;
    struct compiled it = compiled_lua(
        "self.lua", "local a = s.topic 'a'\n"
                    "a:join(a, { by = 'v.x', other_by = 'v.y', within = '1h' }):as 'j' :to 'o'\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph, "0 from -> 1,1; 1 join -> 2; 2 to");
    assert_int_equal(graph->stages[0].arms[0].next_side[0], 0);
    assert_int_equal(graph->stages[0].arms[0].next_side[1], 1);
    compiled_free(&it);
    it = compiled_yaml("p.yaml", "pipelines:\n"
                                 "  p:\n"
                                 "    from: a\n"
                                 "    steps:\n"
                                 "      - as: j\n"
                                 "        join: { topic: a, by: v.x, other_by: v.y, within: 1h }\n"
                                 "      - to: o\n");
    assert_shape(compiled_graph(&it), "0 from -> 1,1; 1 join -> 2; 2 to");
    compiled_free(&it);
}

static void every_aggregator_is_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same(
        "s.pipeline { name = 'all' }\n"
        "s.topic('t', { time = 'v.ts', tie = 'v.seq', out_of_order = '5s', idle = '1m',\n"
        "    max_ahead = 'none' })\n"
        "  :group_by '{v.a, v.b}'\n"
        "  :aggregate {\n"
        "    a = s.count(), b = s.count 'v.x', c = s.sum 'v.x', d = s.avg 'v.x', e = s.min 'v.x',\n"
        "    f = s.max 'v.x', g = s.first(function(v) return v.x end), h = s.last 'v.x',\n"
        "    i = s.any 'v.x', j = s.all 'v.x', k = s.distinct 'v.x', l = s.approx_distinct 'v.x',\n"
        "    m = s.quantile(0.5, 'v.x'), n = s.histogram('v.x', 1, 2.5, 1e3), o = s.stddev 'v.x',\n"
        "    p = s.top(3, 'v', 'v.x'), q = s.top(3, 'v.x'), r = s.collect 'v.x',\n"
        "    s = s.collect('v.x', 5), t = s.ewma('v.x', 0.2), u = s.rate(), v = s.rate 'v.x',\n"
        "    w = s.histogram('v.x', { 1, 2 }),\n"
        "    x = { init = '0', add = function(acc, v) return acc + v.x end,\n"
        "      merge = function(a, b) return a + b end, result = function(acc) return acc end },\n"
        "  }:as 'all' :to 'o'\n",
        "pipelines:\n"
        "  all:\n"
        "    from: { topic: t, time: v.ts, tie: v.seq, out_of_order: 5s, idle: 1m,\n"
        "            max_ahead: none }\n"
        "    steps:\n"
        "      - group_by: '{v.a, v.b}'\n"
        "      - as: all\n"
        "        aggregate:\n"
        "          a: count()\n"
        "          b: count(v.x)\n"
        "          c: sum(v.x)\n"
        "          d: { avg: v.x }\n"
        "          e: min(v.x)\n"
        "          f: max(v.x)\n"
        "          g: first(function(v) return v.x end)\n"
        "          h: { last: [v.x] }\n"
        "          i: any(v.x)\n"
        "          j: all(v.x)\n"
        "          k: distinct(v.x)\n"
        "          l: approx_distinct(v.x)\n"
        "          m: quantile(0.5, v.x)\n"
        "          n: histogram(v.x, 1, 2.5, 1000)\n"
        "          o: stddev(v.x)\n"
        "          p: top(3, v, v.x)\n"
        "          q: top(3, v.x)\n"
        "          r: collect(v.x)\n"
        "          s: collect(v.x, 5)\n"
        "          t: ewma(v.x, 0.2)\n"
        "          u: rate()\n"
        "          v: rate(v.x)\n"
        "          w: { histogram: [v.x, 1, 2] }\n"
        "          x:\n"
        "            init: 0\n"
        "            add: function(acc, v) return acc + v.x end\n"
        "            merge: function(a, b) return a + b end\n"
        "            result: function(acc) return acc end\n"
        "      - to: o\n");
}

static void every_window_is_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same("s.pipeline { name = 'w' }\n"
                "s.merge(s.topic('a', { time = 'v.t' }), s.topic('b', { time = 'v.t' }))\n"
                "  :group_by 'v.a' :window(s.tumbling '1h') :count():as 'a'\n"
                "  :window(s.hopping('1h', '5m', { grace = '1s', emit = 'updates' }))\n"
                "    :count 'n':as 'b'\n"
                "  :group_by() :window(s.sliding('10m', { late = 'l' })) :count():as 'c'\n"
                "  :group_by 'v.a' :window(s.session '30m') :count():as 'd'\n"
                "  :group_by 'v.a' :window(s.tumbling_count(100))\n"
                "    :reduce(function(acc, v) return acc end):as 'e'\n"
                "  :window { tumbling = '2h' } :count { name = 'm' } :as 'f' :to 'o'\n",
                "pipelines:\n"
                "  w:\n"
                "    from: { merge: [a, b], time: v.t }\n"
                "    steps:\n"
                "      - group_by: v.a\n"
                "      - window: { tumbling: 1h }\n"
                "      - { as: a, count: {} }\n"
                "      - window: { hopping: 1h, every: 5m, grace: 1s, emit: updates }\n"
                "      - { as: b, count: n }\n"
                "      - group_by:\n"
                "      - window: { sliding: 10m, late: l }\n"
                "      - as: c\n"
                "        count:\n"
                "      - group_by: v.a\n"
                "      - window: { session: 30m }\n"
                "      - { as: d, count: {} }\n"
                "      - group_by: v.a\n"
                "      - window: { count: 100 }\n"
                "      - { as: e, reduce: \"function(acc, v) return acc end\" }\n"
                "      - window: { tumbling: 2h }\n"
                "      - { as: f, count: { name: m } }\n"
                "      - to: o\n");
}

static void a_group_goes_two_ways(void **state)
{
    (void)state;
    struct compiled it =
        compiled_lua("ways.lua", "local users = s.topic 'a' :group_by 'v.user'\n"
                                 "users:window(s.tumbling '1m'):count():as 'minute':to 'm'\n"
                                 "users:window(s.tumbling '1h'):count():as 'hour':to 'h'\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph, "0 from -> 1,3; 1 aggregate -> 2; 2 to; 3 aggregate -> 4; 4 to");
    for (uint32_t i = 1; i < 4; i += 2) {
        assert_string_equal(graph->stages[i].fn.text.text, "v.user");
    }
    assert_int_equal(graph->stages[1].window.size_ms, 60000);
    assert_int_equal(graph->stages[3].window.size_ms, 3600000);
    compiled_free(&it);
}

static void values_know_their_places_in_a_line(void **state)
{
    (void)state;
    struct compiled it =
        compiled_lua("places.lua", "s.topic 'a' :aggregate { a = s.count(), b = s.sum 'v.a',\n"
                                   "  c = s.sum 'v.b', d = s.sum('v.b') } :as 'x' :to 'b'\n");
    const struct aggregate_spec *specs = compiled_graph(&it)->stages[1].aggregates;
    static const struct {
        int line;
        int column;
        int value_column;
    } places[] = {{1, 32, 0}, {1, 47, 52}, {2, 9, 14}, {2, 26, 31}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(specs[i].mark.line, places[i].line);
        assert_int_equal(specs[i].mark.column, places[i].column);
        assert_int_equal(specs[i].value.mark.column, places[i].value_column);
    }
    compiled_free(&it);
}

static void wrong_calls_say_what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"s.topic 'a' :count() :to 'b'\n", "add :as \"counts\""},
        {"s.topic 'a' :group_by 'v.a' :to 'b'\n",
         "behind 'group_by' stands no aggregate, reduce or count, but 'to'"},
        {"s.topic 'a' :group_by 'v.a' :as 'x' :count() :as 'y' :to 'b'\n",
         "'as' has no meaning for 'group_by'"},
        {"s.topic 'a' :window '1h' :count() :as 'y' :to 'b'\n",
         ":window takes a window such as s.tumbling \"1h\""},
        {"s.topic 'a' :aggregate(s.count()) :as 'y' :to 'b'\n", ":aggregate takes a table"},
        {"s.topic 'a' :aggregate { n = 1 } :as 'y' :to 'b'\n",
         "'n' is '1'; it takes an aggregator"},
        {"s.topic 'a' :aggregate { n = s.sum(nil) } :as 'y' :to 'b'\n",
         "argument 1 of s.sum is nil"},
        {"s.topic 'a' :aggregate { n = s.sum() } :as 'y' :to 'b'\n", "'sum' takes 1 argument"},
        {"s.topic 'a' :window(s.hopping '1h') :count() :as 'y' :to 'b'\n",
         "s.hopping takes two durations"},
        {"s.topic 'a' :window(s.tumbling()) :count() :as 'y' :to 'b'\n",
         "s.tumbling takes a duration"},
        {"s.topic 'a' :window(s.tumbling(60)) :count() :as 'y' :to 'b'\n",
         "'tumbling' is '60'; it takes a duration"},
        {"s.topic 'a' :filter(s.count()) :to 'b'\n", "'filter' is a map; it takes a function"},
        {"s.topic 'a' :reduce() :as 'y' :to 'b'\n", ":reduce takes a function(acc, v)"},
        {"s.topic 'a' :reduce 'v.a' :as 'y' :to 'b'\n", "it takes a whole function"},
        {"s.topic 'a' :dedupe 'v.a' :to 'b'\n", ":dedupe takes { by = ..., within = \"10m\" }"},
        {"s.topic 'a' :process(function(v) end) :as 'y' :to 'b'\n", ":process takes { on_record ="},
        {"s.topic 'a' :process { on_record = function() end } :to 'b'\n", "add :as \"profile\""},
        {"s.topic 'a' :join('t', {}) :as 'y' :to 'b'\n", ":join takes a table or a stream"},
        {"s.topic 'a' :join(s.table 't', 'v.x') :as 'y' :to 'b'\n",
         ":join takes a table of options"},
        {"s.topic 'a' :join(s.table 't', { table = 't' }) :as 'y' :to 'b'\n",
         ":join has its other side before the options"},
        {"s.topic 'a' :join(s.topic 't', { by = 'v.x' }) :as 'y' :to 'b'\n", "has no 'within'"},
        {"s.topic 'a' :join(s.table 't', { by = 'v.x' }) :to 'b'\n", "add :as \"joined\""},
        {"s.table 't' :filter 'v' :to 'b'\n", "a table has no steps: join a stream with it"},
        {"s.topic 'a' :to 'b' s.table 't'\n", "nothing joins the table 't'"},
        {"s.topic 'a' :to 'b' s.topic 'c' :to 'd'\n", "a second source in one pipeline"},
        {"s.topic 'a' :join(s.table 'a', {}) :as 'y' :to 'b'\n",
         "reading 'a' in two ways in one pipeline is not available"},
        {"s.topic 'a' :join(s.topic('a', { time = 'v.x' }), { within = '1h' }) :as 'y' :to 'b'\n",
         "'a' is read already, and has its options there"},
        {"local a = s.topic 'a' local x = a:filter 'v' local y = a:map 'v' x:join(y, "
         "{ within = '1h' }):as 'j':to 'b'\n",
         "joining a stream with one that comes of it, or after it, is not available"},
        {"local a = s.topic 'a' s.merge(a, s.table 't') :to 'b'\n",
         "merging anything but topics as they are"},
        {"s.pipeline { ['x-\\1others'] = {} } s.topic 'a' :to 'b'\n", "the key x-?others"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled it = compiled_lua("wrong.lua", cases[i].text);
        assert_null(it.graph);
        compiled_says(&it, cases[i].says);
        compiled_says(&it, "wrong.lua:1");
        compiled_free(&it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(click_sessions_are_the_same_in_both_forms),
        cmocka_unit_test(a_second_window_goes_on_from_a_stream_that_is_used_twice),
        cmocka_unit_test(route_errors_are_the_same_in_both_forms),
        cmocka_unit_test(an_enrichment_is_the_same_in_both_forms),
        cmocka_unit_test(sensor_alerts_are_the_same_in_both_forms),
        cmocka_unit_test(every_join_is_the_same_in_both_forms),
        cmocka_unit_test(the_other_side_may_have_steps_of_its_own),
        cmocka_unit_test(joins_may_stand_on_both_sides_of_joins),
        cmocka_unit_test(a_stream_joins_itself),
        cmocka_unit_test(every_aggregator_is_the_same_in_both_forms),
        cmocka_unit_test(every_window_is_the_same_in_both_forms),
        cmocka_unit_test(a_group_goes_two_ways),
        cmocka_unit_test(values_know_their_places_in_a_line),
        cmocka_unit_test(wrong_calls_say_what_is_wrong_and_where),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
