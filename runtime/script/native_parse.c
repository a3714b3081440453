/* A reader of expressions by precedence, as Lua's own (`subexpr` in lparser.c has the same
 * numbers).
 *
 *     expression   = operand { operator operand }
 *     operand      = ("not" | "-" | "#") operand | primary
 *     primary      = "nil" | "true" | "false" | number | string | "s" "." "null"
 *                  | "v" { "." name | "[" string "]" | "[" integer "]" } | "(" expression ")"
 *     operator     = "or" | "and" | "==" | "~=" | "<" | "<=" | ">" | ">="
 *                  | "+" | "-" | "*" | "/" | "%"
 *
 * It is only given texts that Lua took for an expression. So there is no word about mistakes here,
 * and what is read must only never be read otherwise than Lua reads it: a comment, a call, `..`,
 * a hexadecimal number, an escape that is not plain end the reading. */
#include "script/native_parse.h"

#include <string.h>

#include "base/assert.h"

enum token {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_SIGN, /* one or two characters */
    TOKEN_OTHER,
};

struct parser {
    struct native_program *program;
    const char *at;
    const char *end;
    enum token token;
    const char *from; /* of the token; of a string without its quotes and escapes */
    size_t len;
    int depth;
};

/* --- tokens --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

static void skip_digits(struct parser *p)
{
    while (p->at < p->end && is_digit(*p->at)) {
        p->at++;
    }
}

/* As JSON writes numbers, so that json_number() reads it. */
static enum token read_number(struct parser *p)
{
    const char *from = p->at;
    skip_digits(p);
    if (*from == '0' && p->at - from > 1) {
        return TOKEN_OTHER;
    }
    if (p->at < p->end && *p->at == '.') {
        const char *point = p->at++;
        skip_digits(p);
        if (p->at - point < 2) {
            return TOKEN_OTHER;
        }
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        p->at++;
        p->at += p->at < p->end && (*p->at == '-' || *p->at == '+');
        const char *exponent = p->at;
        skip_digits(p);
        if (p->at == exponent) {
            return TOKEN_OTHER;
        }
    }
    bool goes_on = p->at < p->end && (is_name_char(*p->at) || *p->at == '.');
    return goes_on ? TOKEN_OTHER : TOKEN_NUMBER;
}

static bool put_byte(struct parser *p, char c)
{
    struct native_program *program = p->program;
    if (program->bytes_len == sizeof program->bytes) {
        return false;
    }
    program->bytes[program->bytes_len++] = c;
    return true;
}

/* Behind a backslash. */
static bool put_escape(struct parser *p, char c)
{
    static const char letters[] = "nrt\\\"'";
    static const char bytes[] = "\n\r\t\\\"'";
    const char *found = c ? strchr(letters, c) : NULL;
    return found && put_byte(p, bytes[found - letters]);
}

static enum token read_string(struct parser *p)
{
    char quote = *p->at++;
    p->from = p->program->bytes + p->program->bytes_len;
    while (p->at < p->end && *p->at != quote) {
        char c = *p->at++;
        if (c == '\n' || c == '\r') {
            return TOKEN_OTHER;
        }
        if (c == '\\') {
            if (p->at == p->end || !put_escape(p, *p->at++)) {
                return TOKEN_OTHER;
            }
        } else if (!put_byte(p, c)) {
            return TOKEN_OTHER;
        }
    }
    if (p->at == p->end) {
        return TOKEN_OTHER;
    }
    p->at++;
    p->len = (size_t)(p->program->bytes + p->program->bytes_len - p->from);
    return TOKEN_STRING;
}

/* The longest sign that Lua would see here: what is none of ours comes out as one we do not know */
static enum token read_sign(struct parser *p)
{
    static const char *const pairs[] = {"==", "~=", "<=", ">=", "//", "..", "<<", ">>", "::", "--"};
    p->at++;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (p->at < p->end && p->from[0] == pairs[i][0] && *p->at == pairs[i][1]) {
            p->at++;
            break;
        }
    }
    p->len = (size_t)(p->at - p->from);
    return TOKEN_SIGN;
}

static enum token read_token(struct parser *p)
{
    while (p->at < p->end && *p->at && strchr(" \t\r\n\f\v", *p->at)) {
        p->at++;
    }
    p->from = p->at;
    p->len = 0;
    if (p->at == p->end) {
        return TOKEN_END;
    }
    if (*p->at == '"' || *p->at == '\'') {
        return read_string(p);
    }
    if (!is_name_char(*p->at)) {
        return read_sign(p);
    }
    enum token token = TOKEN_NAME;
    if (is_digit(*p->at)) {
        token = read_number(p);
    } else {
        while (p->at < p->end && is_name_char(*p->at)) {
            p->at++;
        }
    }
    p->len = (size_t)(p->at - p->from);
    return token;
}

static void next(struct parser *p)
{
    p->token = read_token(p);
}

static bool is(const struct parser *p, enum token token, const char *text)
{
    return p->token == token && p->len == strlen(text) && memcmp(p->from, text, p->len) == 0;
}

static bool take(struct parser *p, enum token token, const char *text)
{
    bool found = is(p, token, text);
    if (found) {
        next(p);
    }
    return found;
}

/* --- operands --- */

static bool add_node(struct parser *p, const struct native_node *node, uint16_t *ret)
{
    struct native_program *program = p->program;
    if (program->node_count == NATIVE_NODES_MAX) {
        return false;
    }
    *ret = program->node_count++;
    program->nodes[*ret] = *node;
    return true;
}

static bool add_constant(struct parser *p, enum native_kind kind, uint16_t *ret)
{
    next(p);
    return add_node(p, &(struct native_node){.op = NATIVE_CONSTANT, .value = {.kind = kind}}, ret);
}

/* An integer that does not fit is a float for Lua as well. */
static bool add_number(struct parser *p, uint16_t *ret)
{
    struct native_node node = {.op = NATIVE_CONSTANT};
    int64_t integer;
    double number;
    if (json_number(p->from, p->len, &integer, &number)) {
        node.value.kind = NATIVE_INTEGER;
        node.value.integer = integer;
    } else {
        node.value.kind = NATIVE_FLOAT;
        node.value.number = number;
    }
    next(p);
    return add_node(p, &node, ret);
}

static bool add_string(struct parser *p, uint16_t *ret)
{
    struct native_node node = {.op = NATIVE_CONSTANT, .value = {.kind = NATIVE_TEXT}};
    node.value.text = p->from;
    node.value.len = (uint32_t)p->len;
    next(p);
    return add_node(p, &node, ret);
}

/* A name is kept in the program: the text may go. */
static bool keep_name(struct parser *p, struct native_step *step)
{
    step->key = p->program->bytes + p->program->bytes_len;
    step->key_len = p->len;
    for (size_t i = 0; i < p->len; i++) {
        if (!put_byte(p, p->from[i])) {
            return false;
        }
    }
    next(p);
    return true;
}

static bool read_bracket(struct parser *p, struct native_step *step)
{
    if (p->token == TOKEN_STRING) {
        step->key = p->from;
        step->key_len = p->len;
    } else {
        double number;
        if (p->token != TOKEN_NUMBER || !json_number(p->from, p->len, &step->number, &number)) {
            return false;
        }
    }
    next(p);
    return take(p, TOKEN_SIGN, "]");
}

static bool add_path(struct parser *p, uint16_t *ret)
{
    struct native_program *program = p->program;
    struct native_node node = {.op = NATIVE_PATH, .step = program->step_count};
    next(p);
    for (;;) {
        struct native_step step = {.key = NULL};
        if (take(p, TOKEN_SIGN, ".")) {
            if (p->token != TOKEN_NAME || !keep_name(p, &step)) {
                return false;
            }
        } else if (take(p, TOKEN_SIGN, "[")) {
            if (!read_bracket(p, &step)) {
                return false;
            }
        } else {
            node.step_count = (uint16_t)(program->step_count - node.step);
            return add_node(p, &node, ret);
        }
        if (program->step_count == NATIVE_STEPS_MAX) {
            return false;
        }
        program->steps[program->step_count++] = step;
    }
}

static bool add_null(struct parser *p, uint16_t *ret)
{
    next(p);
    return take(p, TOKEN_SIGN, ".") && is(p, TOKEN_NAME, "null") &&
           add_constant(p, NATIVE_NULL, ret);
}

static bool read_expression(struct parser *p, int limit, uint16_t *ret);

static bool read_primary(struct parser *p, uint16_t *ret)
{
    if (p->token == TOKEN_NUMBER) {
        return add_number(p, ret);
    }
    if (p->token == TOKEN_STRING) {
        return add_string(p, ret);
    }
    if (is(p, TOKEN_NAME, "v")) {
        return add_path(p, ret);
    }
    if (is(p, TOKEN_NAME, "s")) {
        return add_null(p, ret);
    }
    static const struct {
        const char *name;
        enum native_kind kind;
    } words[] = {{"nil", NATIVE_NIL}, {"true", NATIVE_TRUE}, {"false", NATIVE_FALSE}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is(p, TOKEN_NAME, words[i].name)) {
            return add_constant(p, words[i].kind, ret);
        }
    }
    return take(p, TOKEN_SIGN, "(") && read_expression(p, 0, ret) && take(p, TOKEN_SIGN, ")");
}

/* --- operators --- */

enum { UNARY_PRECEDENCE = 12 };

static const struct operator {
    const char *text;
    enum token token;
    enum native_op op;
    int precedence; /* all of them bind to the left */
    bool is_swapped;
} operators[] = {
    {"or", TOKEN_NAME, NATIVE_OR, 1, false},
    {"and", TOKEN_NAME, NATIVE_AND, 2, false},
    {"==", TOKEN_SIGN, NATIVE_EQUAL, 3, false},
    {"~=", TOKEN_SIGN, NATIVE_DIFFERENT, 3, false},
    {"<", TOKEN_SIGN, NATIVE_LESS, 3, false},
    {"<=", TOKEN_SIGN, NATIVE_LESS_EQUAL, 3, false},
    {">", TOKEN_SIGN, NATIVE_LESS, 3, true},
    {">=", TOKEN_SIGN, NATIVE_LESS_EQUAL, 3, true},
    {"+", TOKEN_SIGN, NATIVE_ADD, 10, false},
    {"-", TOKEN_SIGN, NATIVE_SUBTRACT, 10, false},
    {"*", TOKEN_SIGN, NATIVE_MULTIPLY, 11, false},
    {"/", TOKEN_SIGN, NATIVE_DIVIDE, 11, false},
    {"%", TOKEN_SIGN, NATIVE_MODULO, 11, false},
};

static const struct operator *find_operator(const struct parser *p)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (is(p, operators[i].token, operators[i].text)) {
            return &operators[i];
        }
    }
    return NULL;
}

static bool read_operand(struct parser *p, uint16_t *ret)
{
    static const struct {
        const char *text;
        enum token token;
        enum native_op op;
    } prefixes[] = {{"not", TOKEN_NAME, NATIVE_NOT},
                    {"-", TOKEN_SIGN, NATIVE_NEGATE},
                    {"#", TOKEN_SIGN, NATIVE_LENGTH}};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (take(p, prefixes[i].token, prefixes[i].text)) {
            struct native_node node = {.op = prefixes[i].op};
            return read_expression(p, UNARY_PRECEDENCE, &node.left) && add_node(p, &node, ret);
        }
    }
    return read_primary(p, ret);
}

/* What binds more strongly than `limit`. */
static bool read_expression(struct parser *p, int limit, uint16_t *ret)
{
    if (++p->depth > NATIVE_DEPTH_MAX || !read_operand(p, ret)) {
        return false;
    }
    const struct operator *operator = find_operator(p);
    while (operator && operator->precedence > limit) {
        struct native_node node = {
            .op = operator->op, .is_swapped = operator->is_swapped, .left = *ret};
        next(p);
        if (!read_expression(p, operator->precedence, &node.right) || !add_node(p, &node, ret)) {
            return false;
        }
        operator = find_operator(p);
    }
    p->depth--;
    return true;
}

bool native_parse(struct native_program *program, const char *text, size_t len)
{
    *program = (struct native_program){.node_count = 0};
    struct parser p = {.program = program, .at = text, .end = text + len};
    next(&p);
    return read_expression(&p, 0, &program->root) && p.token == TOKEN_END;
}
