/* A function's first parameter is its register 0. Compiled code that only ever names register 0 as
 * the table of a field that is read or written, as something to be tested, or as what is returned,
 * has no second way to the value: it never was in another register, a table, an upvalue or another
 * function's arguments. So one look at each instruction is enough, whatever the order they run in:
 *
 *     v.total = v.qty * v.price      GETFIELD 1 0 "qty"       reads from 0: fine
 *     return v                       GETFIELD 2 0 "price"
 *                                    MUL      1 1 2
 *                                    MMBIN    1 2             0 here could reach a metamethod
 *                                    SETFIELD 0 "total" 1     stores 1, into 0: fine
 *                                    RETURN1  0
 *     last = v                       SETTABUP 0 "last" 0      stores 0: kept
 *     string.len(v.a)                CALL     1 2             arguments stand behind 1: fine
 *     keep(v)                        MOVE     2 0             kept, for all we know
 *
 * One call is known: `for k, x in pairs(v) do`. The value then is in a register of the loop's own,
 * which nothing else names, and the `pairs` of a text of the configuration is the real one: nobody
 * can replace it, and no other function shares the text's _ENV. (A module's functions may.)
 *
 * The format is that of Lua 5.4 (code_dump.c, lopcodes.h): any other, an instruction that is not in
 * the table, a function within the function or one with `...` means "may keep". */
#include "script/keep_scan.h"

#include <stdint.h>

#include "script/code_dump.h"

/* Where naming register 0 makes an instruction one that may keep it. */
enum {
    KNOWN = 1,
    IN_A = 2,
    IN_B = 4,
    IN_C = 8,
    IN_C_UNLESS_K = 16, /* C is a constant when the instruction's bit k is set */
};

/* lopcodes.h of Lua 5.4, in its order; where there is nothing to say, "may keep". */
static const uint8_t rules[128] = {
    [0] = KNOWN | IN_B,                  /* MOVE */
    [1] = KNOWN,                         /* LOADI */
    [2] = KNOWN,                         /* LOADF */
    [3] = KNOWN,                         /* LOADK */
    [4] = KNOWN,                         /* LOADKX */
    [5] = KNOWN,                         /* LOADFALSE */
    [6] = KNOWN,                         /* LFALSESKIP */
    [7] = KNOWN,                         /* LOADTRUE */
    [8] = KNOWN,                         /* LOADNIL */
    [9] = KNOWN,                         /* GETUPVAL */
    [10] = KNOWN | IN_A,                 /* SETUPVAL */
    [11] = KNOWN,                        /* GETTABUP: the table is an upvalue */
    [12] = KNOWN | IN_C,                 /* GETTABLE: not as a key */
    [13] = KNOWN,                        /* GETI */
    [14] = KNOWN,                        /* GETFIELD */
    [15] = KNOWN | IN_C_UNLESS_K,        /* SETTABUP */
    [16] = KNOWN | IN_A | IN_B | IN_C_UNLESS_K, /* SETTABLE: any key; rare */
    [17] = KNOWN | IN_A | IN_C_UNLESS_K, /* SETI */
    [18] = KNOWN | IN_C_UNLESS_K,        /* SETFIELD: into it, but not it */
    [19] = KNOWN,                        /* NEWTABLE */
    [20] = KNOWN | IN_B | IN_C_UNLESS_K, /* SELF: a copy for the call */
    [21] = KNOWN | IN_B,                 /* ADDI; all of arithmetic may call metamethods */
    [22] = KNOWN | IN_B,                 /* ADDK */
    [23] = KNOWN | IN_B,                 /* SUBK */
    [24] = KNOWN | IN_B,                 /* MULK */
    [25] = KNOWN | IN_B,                 /* MODK */
    [26] = KNOWN | IN_B,                 /* POWK */
    [27] = KNOWN | IN_B,                 /* DIVK */
    [28] = KNOWN | IN_B,                 /* IDIVK */
    [29] = KNOWN | IN_B,                 /* BANDK */
    [30] = KNOWN | IN_B,                 /* BORK */
    [31] = KNOWN | IN_B,                 /* BXORK */
    [32] = KNOWN | IN_B,                 /* SHRI */
    [33] = KNOWN | IN_B,                 /* SHLI */
    [34] = KNOWN | IN_B | IN_C,          /* ADD */
    [35] = KNOWN | IN_B | IN_C,          /* SUB */
    [36] = KNOWN | IN_B | IN_C,          /* MUL */
    [37] = KNOWN | IN_B | IN_C,          /* MOD */
    [38] = KNOWN | IN_B | IN_C,          /* POW */
    [39] = KNOWN | IN_B | IN_C,          /* DIV */
    [40] = KNOWN | IN_B | IN_C,          /* IDIV */
    [41] = KNOWN | IN_B | IN_C,          /* BAND */
    [42] = KNOWN | IN_B | IN_C,          /* BOR */
    [43] = KNOWN | IN_B | IN_C,          /* BXOR */
    [44] = KNOWN | IN_B | IN_C,          /* SHL */
    [45] = KNOWN | IN_B | IN_C,          /* SHR */
    [46] = KNOWN | IN_A | IN_B,          /* MMBIN */
    [47] = KNOWN | IN_A,                 /* MMBINI */
    [48] = KNOWN | IN_A,                 /* MMBINK */
    [49] = KNOWN | IN_B,                 /* UNM */
    [50] = KNOWN | IN_B,                 /* BNOT */
    [51] = KNOWN,                        /* NOT */
    [52] = KNOWN | IN_B,                 /* LEN */
    [53] = KNOWN | IN_A,                 /* CONCAT: A and what follows */
    [54] = KNOWN,                        /* CLOSE: ends what a loop began */
    [56] = KNOWN,                        /* JMP */
    [57] = KNOWN | IN_A | IN_B,          /* EQ */
    [58] = KNOWN | IN_A | IN_B,          /* LT */
    [59] = KNOWN | IN_A | IN_B,          /* LE */
    [60] = KNOWN,                        /* EQK: compares raw */
    [61] = KNOWN | IN_A,                 /* EQI */
    [62] = KNOWN | IN_A,                 /* LTI */
    [63] = KNOWN | IN_A,                 /* LEI */
    [64] = KNOWN | IN_A,                 /* GTI */
    [65] = KNOWN | IN_A,                 /* GEI */
    [66] = KNOWN,                        /* TEST */
    [67] = KNOWN | IN_B,                 /* TESTSET: a copy */
    [68] = KNOWN | IN_A,                 /* CALL: the arguments stand behind A */
    [69] = KNOWN | IN_A,                 /* TAILCALL */
    [70] = KNOWN,                        /* RETURN */
    [71] = KNOWN,                        /* RETURN0 */
    [72] = KNOWN,                        /* RETURN1 */
    [73] = KNOWN | IN_A,                 /* FORLOOP: A and what follows, as in all loops */
    [74] = KNOWN | IN_A,                 /* FORPREP */
    [75] = KNOWN | IN_A,                 /* TFORPREP */
    [76] = KNOWN | IN_A,                 /* TFORCALL */
    [77] = KNOWN | IN_A,                 /* TFORLOOP */
    [78] = KNOWN | IN_A,                 /* SETLIST: stores what stands behind A */
    [82] = KNOWN,                        /* EXTRAARG: no registers */
};

static bool keeps(const struct code_parts *parts)
{
    uint32_t rule = rules[parts->op];
    bool a = parts->a == 0;
    bool b = parts->b == 0;
    bool c = parts->c == 0;
    return !(rule & KNOWN) || (rule & IN_A && a) || (rule & IN_B && b) || (rule & IN_C && c) ||
           (rule & IN_C_UNLESS_K && c && !parts->k);
}

static bool has(const struct code_dump *dump, unsigned op)
{
    for (uint32_t i = 0; i < dump->count; i++) {
        if (code_dump_at(dump, i).op == op) {
            return true;
        }
    }
    return false;
}

bool keep_scan_forgets(lua_State *L, bool is_text)
{
    struct code_dump dump;
    bool forgets = code_dump_take(L, true, &dump) && !dump.has_vararg && dump.count > 0;
    bool knows_pairs = forgets && is_text && !has(&dump, CODE_SETUPVAL); /* _ENV is what it was */
    for (uint32_t i = 0; forgets && i < dump.count;) {
        unsigned of;
        unsigned loop;
        if (knows_pairs && code_dump_pairs(&dump, i, &of, &loop) && loop > 0) {
            i += CODE_PAIRS_INSTRUCTIONS;
        } else {
            struct code_parts parts = code_dump_at(&dump, i++);
            forgets = !keeps(&parts);
        }
    }
    code_dump_fini(&dump);
    return forgets;
}
