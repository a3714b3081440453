/* Why native: `v.status == "paid"` takes Lua a call, a metamethod, two strings and a table to show
 * the value in, about 200 ns; the index of the record's text, which Lua needs as well, has the
 * answer. The nodes are few, so they are walked as they were read.
 *
 * Numbers are what needs care. An integer and a float are compared as the numbers they are: that is
 * what a comparison of doubles does as long as the integer has 53 bits. Integers wrap around; `/`
 * is of floats. */
#include "script/native_expr.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "script/json_doc.h"
#include "script/native_parse.h"

struct native_expr {
    struct native_program program;
};

struct native_expr *native_expr_compile(const char *text, size_t len)
{
    struct native_expr *expr = srt_alloc(sizeof *expr);
    if (expr && !native_parse(&expr->program, text, len)) {
        srt_free(expr);
        return NULL;
    }
    return expr;
}

void native_expr_destroy(struct native_expr *expr)
{
    srt_free(expr);
}

/* --- comparing --- */

static bool is_number(const struct native_value *value)
{
    return value->kind == NATIVE_INTEGER || value->kind == NATIVE_FLOAT;
}

static bool is_exact(int64_t integer)
{
    const int64_t limit = (int64_t)1 << 53;
    return integer >= -limit && integer <= limit;
}

static double to_double(const struct native_value *value)
{
    return value->kind == NATIVE_INTEGER ? (double)value->integer : value->number;
}

/* Both as doubles, where that loses nothing. */
static bool both_doubles(const struct native_value *a, const struct native_value *b, double *ret_a,
                         double *ret_b)
{
    if ((a->kind == NATIVE_INTEGER && !is_exact(a->integer)) ||
        (b->kind == NATIVE_INTEGER && !is_exact(b->integer))) {
        return false;
    }
    *ret_a = to_double(a);
    *ret_b = to_double(b);
    return true;
}

static bool text_is(const struct native_value *a, const struct native_value *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static bool is_string(const struct native_value *value)
{
    return value->kind == NATIVE_TEXT || value->kind == NATIVE_ESCAPED;
}

static bool equal(const struct native_value *a, const struct native_value *b, bool *ret)
{
    if (is_number(a) && is_number(b)) {
        if (a->kind == NATIVE_INTEGER && b->kind == NATIVE_INTEGER) {
            *ret = a->integer == b->integer;
            return true;
        }
        double x;
        double y;
        bool known = both_doubles(a, b, &x, &y);
        *ret = known && x == y;
        return known;
    }
    if (is_string(a) && is_string(b)) {
        if (a->kind == NATIVE_ESCAPED && b->kind == NATIVE_ESCAPED) {
            return false;
        }
        *ret = a->kind == b->kind        ? text_is(a, b)
               : a->kind == NATIVE_TEXT ? json_doc_text_is(b->text, b->len, a->text, a->len)
                                        : json_doc_text_is(a->text, a->len, b->text, b->len);
        return true;
    }
    if (a->kind == NATIVE_JSON && b->kind == NATIVE_JSON) {
        return false; /* tables are compared by what they are, not by what is in them */
    }
    *ret = a->kind == b->kind;
    return true;
}

/* As strcoll in the C locale, which is the only one this program ever has. */
static int text_order(const struct native_value *a, const struct native_value *b)
{
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool less(const struct native_value *a, const struct native_value *b, bool or_equal,
                 bool *ret)
{
    if (a->kind == NATIVE_INTEGER && b->kind == NATIVE_INTEGER) {
        *ret = or_equal ? a->integer <= b->integer : a->integer < b->integer;
        return true;
    }
    if (is_number(a) && is_number(b)) {
        double x;
        double y;
        bool known = both_doubles(a, b, &x, &y);
        *ret = known && (or_equal ? x <= y : x < y);
        return known;
    }
    if (a->kind == NATIVE_TEXT && b->kind == NATIVE_TEXT) {
        int order = text_order(a, b);
        *ret = or_equal ? order <= 0 : order < 0;
        return true;
    }
    return false;
}

/* --- arithmetic --- */

static bool integer_modulo(int64_t a, int64_t b, int64_t *ret)
{
    if (b == 0) {
        return false; /* Lua raises */
    }
    int64_t rest = b == -1 ? 0 : a % b; /* INT64_MIN % -1 is not for C */
    *ret = rest != 0 && (rest ^ b) < 0 ? rest + b : rest;
    return true;
}

static bool integer_arithmetic(enum native_op op, int64_t a, int64_t b, int64_t *ret)
{
    uint64_t x = (uint64_t)a;
    uint64_t y = (uint64_t)b;
    switch ((int)op) {
    case NATIVE_ADD:
        *ret = (int64_t)(x + y);
        return true;
    case NATIVE_SUBTRACT:
        *ret = (int64_t)(x - y);
        return true;
    case NATIVE_MULTIPLY:
        *ret = (int64_t)(x * y);
        return true;
    case NATIVE_MODULO:
        return integer_modulo(a, b, ret);
    default:
        srt_unreachable("an operator of integers");
    }
}

static bool float_arithmetic(enum native_op op, double a, double b, double *ret)
{
    switch ((int)op) {
    case NATIVE_ADD:
        *ret = a + b;
        return true;
    case NATIVE_SUBTRACT:
        *ret = a - b;
        return b != 0; /* Lua adds a constant's opposite: its -0.0 - 0 is 0.0 */
    case NATIVE_MULTIPLY:
        *ret = a * b;
        return true;
    case NATIVE_DIVIDE:
        if (b == 0) {
            return false;
        }
        *ret = a / b;
        return true;
    default:
        return false; /* the remainder of floats */
    }
}

static bool arithmetic(enum native_op op, const struct native_value *a,
                       const struct native_value *b, struct native_value *ret)
{
    if (!is_number(a) || !is_number(b)) {
        return false;
    }
    bool are_integers = a->kind == NATIVE_INTEGER && b->kind == NATIVE_INTEGER;
    if (are_integers && op != NATIVE_DIVIDE) {
        int64_t integer;
        bool known = integer_arithmetic(op, a->integer, b->integer, &integer);
        *ret = (struct native_value){.kind = NATIVE_INTEGER, .integer = known ? integer : 0};
        return known;
    }
    double number;
    bool known = float_arithmetic(op, to_double(a), to_double(b), &number);
    *ret = (struct native_value){.kind = NATIVE_FLOAT, .number = known ? number : 0};
    return known;
}

static bool negate(struct native_value *inout)
{
    if (inout->kind == NATIVE_INTEGER) {
        inout->integer = (int64_t)(0 - (uint64_t)inout->integer);
        return true;
    }
    inout->number = inout->kind == NATIVE_FLOAT ? -inout->number : 0;
    return inout->kind == NATIVE_FLOAT;
}

/* --- walking --- */

static bool eval(const struct native_program *program, uint16_t at, struct native_doc *doc,
                 struct native_value *ret);

static bool eval_path(const struct native_program *program, const struct native_node *node,
                      struct native_doc *doc, struct native_value *ret)
{
    if (!native_doc_root(doc, ret)) {
        return false;
    }
    const struct native_step *step = &program->steps[node->step];
    for (const struct native_step *end = step + node->step_count; step < end; step++) {
        bool known = step->key
                         ? native_doc_member(doc, ret, step->key, step->key_len, ret)
                         : native_doc_element(doc, ret, step->number, ret);
        if (!known) {
            return false;
        }
    }
    return true;
}

static void set_truth(struct native_value *ret, bool is_true)
{
    ret->kind = is_true ? NATIVE_TRUE : NATIVE_FALSE;
}

static bool eval_single(const struct native_node *node, struct native_doc *doc,
                        struct native_value *inout)
{
    switch ((int)node->op) {
    case NATIVE_NOT:
        set_truth(inout, !native_value_is_true(inout));
        return true;
    case NATIVE_NEGATE:
        return negate(inout);
    case NATIVE_LENGTH: {
        int64_t length;
        bool known = native_doc_length(doc, inout, &length);
        inout->kind = NATIVE_INTEGER;
        inout->integer = known ? length : 0;
        return known;
    }
    default:
        srt_unreachable("an operator of one value");
    }
}

static bool eval_pair(const struct native_node *node, const struct native_value *left,
                      const struct native_value *right, struct native_value *ret)
{
    bool is_true = false;
    bool known;
    switch ((int)node->op) {
    case NATIVE_EQUAL:
    case NATIVE_DIFFERENT:
        known = equal(left, right, &is_true);
        set_truth(ret, is_true == (node->op == NATIVE_EQUAL));
        return known;
    case NATIVE_LESS:
    case NATIVE_LESS_EQUAL:
        known = less(node->is_swapped ? right : left, node->is_swapped ? left : right,
                     node->op == NATIVE_LESS_EQUAL, &is_true);
        set_truth(ret, is_true);
        return known;
    default:
        return arithmetic(node->op, left, right, ret);
    }
}

static bool eval(const struct native_program *program, uint16_t at, struct native_doc *doc,
                 struct native_value *ret)
{
    const struct native_node *node = &program->nodes[at];
    if (node->op == NATIVE_CONSTANT) {
        *ret = node->value;
        return true;
    }
    if (node->op == NATIVE_PATH) {
        return eval_path(program, node, doc, ret);
    }
    struct native_value left;
    if (!eval(program, node->left, doc, &left)) {
        return false;
    }
    if (node->op <= NATIVE_LENGTH) {
        *ret = left;
        return eval_single(node, doc, ret);
    }
    if (node->op == NATIVE_OR || node->op == NATIVE_AND) {
        if (native_value_is_true(&left) == (node->op == NATIVE_OR)) {
            *ret = left;
            return true;
        }
        return eval(program, node->right, doc, ret);
    }
    struct native_value right;
    return eval(program, node->right, doc, &right) && eval_pair(node, &left, &right, ret);
}

bool native_expr_eval(const struct native_expr *expr, struct native_doc *doc,
                      struct native_value *ret)
{
    return !native_doc_is_refused(doc) && eval(&expr->program, expr->program.root, doc, ret);
}
