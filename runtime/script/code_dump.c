/* The format is that of lundump.c: a header, then the function: its source, lines, parameters,
 * code, constants; what follows (upvalues, inner functions, names) is not looked at. */
#include "script/code_dump.h"

#include <string.h>

/* --- reading --- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static const uint8_t *take(struct cursor *cursor, size_t size)
{
    if (cursor->failed || (size_t)(cursor->end - cursor->at) < size) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *from = cursor->at;
    cursor->at += size;
    return from;
}

static unsigned take_byte(struct cursor *cursor)
{
    const uint8_t *byte = take(cursor, 1);
    return byte ? *byte : 0;
}

/* Seven bits a byte, the highest first; the last byte has its top bit set. */
static uint64_t take_size(struct cursor *cursor)
{
    uint64_t size = 0;
    for (int i = 0; i < 9; i++) {
        unsigned byte = take_byte(cursor);
        size = size << 7 | (byte & 0x7f);
        if (byte & 0x80) {
            return size;
        }
    }
    cursor->failed = true;
    return 0;
}

static bool take_header(struct cursor *cursor)
{
    /* Signature, version 5.4, official format, LUAC_DATA, sizes of instruction, integer, number. */
    static const uint8_t expected[] = {0x1b, 'L',  'u',  'a', 0x54, 0, 0x19, 0x93,
                                       '\r', '\n', 0x1a, '\n', 4,   8, 8};
    const lua_Integer integer = 0x5678;
    const lua_Number number = 370.5;
    const uint8_t *got = take(cursor, sizeof expected);
    const uint8_t *got_integer = take(cursor, sizeof integer);
    const uint8_t *got_number = take(cursor, sizeof number);
    return !cursor->failed && memcmp(got, expected, sizeof expected) == 0 &&
           memcmp(got_integer, &integer, sizeof integer) == 0 &&
           memcmp(got_number, &number, sizeof number) == 0;
}

/* Its bytes, NULL for none. */
static const uint8_t *take_string(struct cursor *cursor, size_t *ret_len)
{
    uint64_t size = take_size(cursor); /* and one, so that there may be none */
    *ret_len = size ? (size_t)size - 1 : 0;
    return size ? take(cursor, *ret_len) : NULL;
}

/* The types of constants, as lobject.h numbers them. */
enum {
    CONSTANT_NIL = 0,
    CONSTANT_FALSE = 1,
    CONSTANT_TRUE = 17,
    CONSTANT_INTEGER = 3,
    CONSTANT_FLOAT = 19,
    CONSTANT_SHORT = 4,
    CONSTANT_LONG = 20,
};

static void take_constants(struct cursor *cursor, struct code_dump *ret)
{
    uint64_t count = take_size(cursor);
    ret->pairs = UINT32_MAX;
    for (uint64_t i = 0; i < count && !cursor->failed; i++) {
        size_t len;
        const uint8_t *text;
        switch (take_byte(cursor)) {
        case CONSTANT_NIL:
        case CONSTANT_FALSE:
        case CONSTANT_TRUE:
            break;
        case CONSTANT_INTEGER:
        case CONSTANT_FLOAT:
            take(cursor, 8);
            break;
        case CONSTANT_SHORT:
        case CONSTANT_LONG:
            text = take_string(cursor, &len);
            if (text && len == strlen("pairs") && memcmp(text, "pairs", len) == 0) {
                ret->pairs = (uint32_t)i;
            }
            break;
        default:
            cursor->failed = true;
            break;
        }
    }
}

static bool read_function(struct cursor *cursor, struct code_dump *ret)
{
    size_t len;
    if (!take_header(cursor)) {
        return false;
    }
    ret->upvalue_count = take_byte(cursor);
    take_string(cursor, &len); /* the source, which a stripped dump has not */
    take_size(cursor);         /* first line, last line */
    take_size(cursor);
    take_byte(cursor); /* parameters */
    ret->has_vararg = take_byte(cursor) != 0;
    take_byte(cursor); /* registers */
    uint64_t count = take_size(cursor);
    if (cursor->failed || count > (size_t)(cursor->end - cursor->at) / 4) {
        return false;
    }
    ret->count = (uint32_t)count;
    ret->code = ret->bytes.data + (take(cursor, 4 * (size_t)count) - ret->bytes.data);
    take_constants(cursor, ret);
    return !cursor->failed;
}

static int put_dump(lua_State *L, const void *data, size_t size, void *arg)
{
    (void)L;
    srt_buf_put(arg, data, size);
    return 0;
}

bool code_dump_take(lua_State *L, bool strip, struct code_dump *ret)
{
    *ret = (struct code_dump){.count = 0};
    if (lua_dump(L, put_dump, &ret->bytes, strip) != 0 || srt_buf_failed(&ret->bytes)) {
        return false;
    }
    struct cursor cursor = {.at = ret->bytes.data, .end = ret->bytes.data + ret->bytes.len};
    return read_function(&cursor, ret);
}

void code_dump_fini(struct code_dump *dump)
{
    srt_buf_fini(&dump->bytes);
}

/* --- instructions --- */

struct code_parts code_dump_at(const struct code_dump *dump, uint32_t number)
{
    uint32_t instruction = UINT32_MAX;
    if (number < dump->count) {
        memcpy(&instruction, dump->code + 4 * (size_t)number, sizeof instruction);
    }
    return (struct code_parts){.op = instruction & 0x7f,
                               .a = instruction >> 7 & 0xff,
                               .k = instruction >> 15 & 1,
                               .b = instruction >> 16 & 0xff,
                               .c = instruction >> 24};
}

void code_dump_set_b(struct code_dump *dump, uint32_t number, unsigned b)
{
    uint32_t instruction;
    uint8_t *at = dump->code + 4 * (size_t)number;
    memcpy(&instruction, at, sizeof instruction);
    instruction = (instruction & ~(UINT32_C(0xff) << 16)) | (b & 0xff) << 16;
    memcpy(at, &instruction, sizeof instruction);
}

bool code_dump_pairs(const struct code_dump *dump, uint32_t number, unsigned *ret_of,
                     unsigned *ret_loop)
{
    struct code_parts get = code_dump_at(dump, number);
    struct code_parts move = code_dump_at(dump, number + 1);
    struct code_parts call = code_dump_at(dump, number + 2);
    struct code_parts prepare = code_dump_at(dump, number + 3);
    *ret_of = move.b;
    *ret_loop = get.a;
    return get.op == CODE_GETTABUP && get.b == 0 && get.c == dump->pairs &&
           move.op == CODE_MOVE && move.a == get.a + 1 && call.op == CODE_CALL &&
           call.a == get.a && call.b == 2 && prepare.op == CODE_TFORPREP && prepare.a == get.a;
}
