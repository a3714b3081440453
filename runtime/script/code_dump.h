/* code_dump.h - the instructions of a Lua function, as lua_dump() writes them.
 *
 * Owner:   the caller; finish it with code_dump_fini, also after a failure.
 * Thread:  the state's.
 * Memory:  a copy of the dump.
 * Fails:   false: memory is short, or the dump is not in the format of Lua 5.4. Raises nothing. */
#ifndef SRT_SCRIPT_CODE_DUMP_H
#define SRT_SCRIPT_CODE_DUMP_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct code_dump {
    struct srt_buf bytes;
    uint32_t upvalue_count;
    bool has_vararg;
    uint8_t *code; /* in bytes */
    uint32_t count;
    uint32_t pairs; /* the number of the constant "pairs"; UINT32_MAX: there is none */
};

/* Of the function on top of the stack, which stays there. A stripped one knows no lines. */
bool code_dump_take(lua_State *L, bool strip, struct code_dump *ret);
void code_dump_fini(struct code_dump *dump);

/* lopcodes.h of Lua 5.4: the opcodes that are asked for by name, and an instruction's parts. */
enum code_op {
    CODE_MOVE = 0,
    CODE_SETUPVAL = 10,
    CODE_GETTABUP = 11,
    CODE_SETTABLE = 16,
    CODE_NEWTABLE = 19,
    CODE_CALL = 68,
    CODE_TFORPREP = 75,
};

struct code_parts {
    unsigned op;
    unsigned a;
    bool k;
    unsigned b;
    unsigned c;
};

/* The number beyond the last gives an instruction that there is not. */
struct code_parts code_dump_at(const struct code_dump *dump, uint32_t number);
void code_dump_set_b(struct code_dump *dump, uint32_t number, unsigned b);

/* Whether `for ... in pairs(REGISTER) do` begins here: four instructions. The first of the loop's
 * own registers holds the function, the second what is walked over; the fifth is the loop's first
 * variable. That `pairs` is the first upvalue's, _ENV's. */
enum { CODE_PAIRS_INSTRUCTIONS = 4, CODE_LOOP_VARIABLE = 4 };
bool code_dump_pairs(const struct code_dump *dump, uint32_t number, unsigned *ret_of,
                     unsigned *ret_loop);

#endif
