#include "script/native_parse.h"

#include <stdio.h>

#include "base/buf.h"
#include "support/cmocka_srt.h"

static void put_node(struct srt_buf *to, const struct native_program *program, uint16_t at)
{
    static const char *const signs[] = {
        [NATIVE_NOT] = "not", [NATIVE_NEGATE] = "neg",     [NATIVE_LENGTH] = "#",
        [NATIVE_OR] = "or",   [NATIVE_AND] = "and",        [NATIVE_EQUAL] = "==",
        [NATIVE_LESS] = "<",  [NATIVE_LESS_EQUAL] = "<=",  [NATIVE_DIFFERENT] = "~=",
        [NATIVE_ADD] = "+",   [NATIVE_SUBTRACT] = "-",     [NATIVE_MULTIPLY] = "*",
        [NATIVE_DIVIDE] = "/", [NATIVE_MODULO] = "%",
    };
    const struct native_node *node = &program->nodes[at];
    if (node->op == NATIVE_PATH) {
        srt_buf_put_str(to, "v");
        for (uint32_t i = node->step; i < (uint32_t)node->step + node->step_count; i++) {
            const struct native_step *step = &program->steps[i];
            if (step->key) {
                srt_buf_printf(to, ".%.*s", (int)step->key_len, step->key);
            } else {
                srt_buf_printf(to, "[%d]", (int)step->number);
            }
        }
    } else if (node->op == NATIVE_CONSTANT) {
        static const char *const words[] = {"nil", "null", "false", "true"};
        switch ((int)node->value.kind) {
        case NATIVE_INTEGER:
            srt_buf_printf(to, "%lld", (long long)node->value.integer);
            break;
        case NATIVE_FLOAT:
            srt_buf_printf(to, "%gf", node->value.number);
            break;
        case NATIVE_TEXT:
            srt_buf_printf(to, "'%.*s'", (int)node->value.len, node->value.text);
            break;
        default:
            srt_buf_put_str(to, words[node->value.kind]);
            break;
        }
    } else {
        srt_buf_printf(to, "(%s ", signs[node->op]);
        put_node(to, program, node->is_swapped ? node->right : node->left);
        if (node->op > NATIVE_LENGTH) {
            srt_buf_put_str(to, " ");
            put_node(to, program, node->is_swapped ? node->left : node->right);
        }
        srt_buf_put_str(to, ")");
    }
}

static struct native_program program;

static void expressions_are_read_as_lua_reads_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"v", "v"},
        {" v.total\n", "v.total"},
        {"v.user.name", "v.user.name"},
        {"v['odd name'][\"b\\\"c\"].d[12]", "v.odd name.b\"c.d[12]"},
        {"v.a == 1", "(== v.a 1)"},
        {"not v.a == 1", "(== (not v.a) 1)"},
        {"not (v.a == 1)", "(not (== v.a 1))"},
        {"-v.a + 1", "(+ (neg v.a) 1)"},
        {"#v.a > 3", "(< 3 (# v.a))"},
        {"v.a >= 3", "(<= 3 v.a)"},
        {"v.a or v.b and v.c", "(or v.a (and v.b v.c))"},
        {"v.a and v.b or v.c", "(or (and v.a v.b) v.c)"},
        {"v.a < 1 == true", "(== (< v.a 1) true)"},
        {"1 - 2 - 3", "(- (- 1 2) 3)"},
        {"1 - 2 * 3 / 4 % 5", "(- 1 (% (/ (* 2 3) 4) 5))"},
        {"(1 - 2) * 3", "(* (- 1 2) 3)"},
        {"2 - -3", "(- 2 (neg 3))"},
        {"v.a ~= s.null and v.b ~= nil", "(and (~= v.a null) (~= v.b nil))"},
        {"false or true", "(or false true)"},
        {"1.5 < 2e3", "(< 1.5f 2000f)"},
        {"99999999999999999999", "1e+20f"},
        {"'it\\'s\\t' == \"\"", "(== 'it's\t' '')"},
        {"((v))", "v"},
    };
    struct srt_buf shown = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!native_parse(&program, cases[i][0], strlen(cases[i][0]))) {
            fail_msg("'%s' was not read", cases[i][0]);
        }
        srt_buf_clear(&shown);
        put_node(&shown, &program, program.root);
        assert_string_equal(srt_buf_cstr(&shown), cases[i][1]);
    }
    srt_buf_fini(&shown);
}

static void what_is_not_of_this_language_is_not_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "r.key",         "k == 'a'",       "v.a .. 'x'",   "v.name:upper()",
        "f(v)",       "v.f(1)",        "v 'x'",          "v.a^2",        "-v.a^2",
        "v.a // 2",   "v.a & 1",       "v.a | 1",        "v.a ~ 1",      "~v.a",
        "v.a << 1",   "v.a >> 1",      "v[v.a]",         "v[1.5]",       "v[-1]",
        "v[ [[x]] ]", "v[[x]]",        "0x10",           "1e",           "007",
        ".5",         "5.",            "'\\65'",         "'\\x41'",      "'\\z  x'",
        "'\\\n'",     "v.a -- all",    "v.a --[[x]] == 1", "{}",         "function() end",
        "s.now()",    "s.null.x",      "s",              "(v).a",        "v.a,v.b",
        "v.",         "v.a = 1",       "v.a == ",        "'open",        "math.pi",
        "[[long]]",   "v.a::b",        "v.a == 1 v.b",   "(v.a",         "_ENV",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (native_parse(&program, texts[i], strlen(texts[i]))) {
            fail_msg("'%s' was read", texts[i]);
        }
    }
}

/* `count` times `piece`, between a head and a tail. */
static bool parses(const char *head, const char *piece, int count, const char *tail)
{
    struct srt_buf text = {0};
    srt_buf_put_str(&text, head);
    for (int i = 0; i < count; i++) {
        srt_buf_put_str(&text, piece);
    }
    srt_buf_put_str(&text, tail);
    bool result = native_parse(&program, (const char *)text.data, text.len);
    srt_buf_fini(&text);
    return result;
}

static void what_is_too_large_is_not_read(void **state)
{
    (void)state;
    assert_true(parses("v", ".a", NATIVE_STEPS_MAX, ""));
    assert_false(parses("v", ".a", NATIVE_STEPS_MAX + 1, ""));
    assert_true(parses("v", " or v", NATIVE_NODES_MAX / 2 - 1, ""));
    assert_false(parses("v", " or v", NATIVE_NODES_MAX / 2, ""));
    assert_true(parses("", "not ", NATIVE_DEPTH_MAX - 1, "v"));
    assert_false(parses("", "not ", NATIVE_DEPTH_MAX, "v"));
    assert_false(parses("", "(", 100000, ""));
    assert_true(parses("'", "x", NATIVE_EXPR_BYTES_MAX, "'"));
    assert_false(parses("'", "x", NATIVE_EXPR_BYTES_MAX + 1, "'"));
    assert_false(parses("v.", "x", NATIVE_EXPR_BYTES_MAX + 1, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_are_read_as_lua_reads_them),
        cmocka_unit_test(what_is_not_of_this_language_is_not_read),
        cmocka_unit_test(what_is_too_large_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
