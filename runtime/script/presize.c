/* A copy of a record is made field by field:
 *
 *     local t = {}                     NEWTABLE 1 0 0       room for no field
 *     for k, x in pairs(v) do          ...                  the loop has the registers from 2 on
 *         t[k] = x                     SETTABLE 1 6 7       under the loop's first variable
 *     end
 *
 * Lua lets such a table grow: room for 1, 2, 4, 8, 16 fields, and each time all that is there goes
 * to another place, which takes a quarter of the time of such a function. A table that is written
 * out with its fields (`{a = 1, b = 2}`) has room for all of them at once, by a number in the
 * instruction that makes it. We put that number there for tables that begin empty and get fields
 * under the variable of a loop over pairs. To what has fewer fields it makes no difference that
 * could be seen, but for the order of `pairs`, which Lua leaves open. */
#include "script/presize.h"

#include <lauxlib.h>
#include <string.h>

#include "script/code_dump.h"

enum { FIELDS_LOG2 = 4 }; /* 16 fields, 384 bytes */

/* Whether a loop over pairs puts something into the table of this register, from here on and before
 * another table takes the register. */
static bool is_filled(const struct code_dump *dump, uint32_t from, unsigned table)
{
    unsigned variable = 0; /* of the loop that began last */
    for (uint32_t i = from; i < dump->count; i++) {
        struct code_parts at = code_dump_at(dump, i);
        unsigned of;
        unsigned loop;
        if (code_dump_pairs(dump, i, &of, &loop) && loop > table) {
            variable = loop + CODE_LOOP_VARIABLE;
        } else if (at.op == CODE_SETTABLE && at.a == table && at.b == variable && variable) {
            return true;
        } else if (at.op == CODE_NEWTABLE && at.a == table) {
            return false;
        }
    }
    return false;
}

static bool give_room(struct code_dump *dump)
{
    bool changed = false;
    for (uint32_t i = 0; i < dump->count; i++) {
        struct code_parts at = code_dump_at(dump, i);
        if (at.op == CODE_NEWTABLE && at.b == 0 && at.c == 0 && !at.k &&
            is_filled(dump, i + 1, at.a)) {
            code_dump_set_b(dump, i, FIELDS_LOG2 + 1);
            changed = true;
        }
    }
    return changed;
}

void presize_function(lua_State *L)
{
    struct code_dump dump;
    bool changed = code_dump_take(L, false, &dump) && dump.upvalue_count == 1 && give_room(&dump);
    /* The name is in the dump. lua_load() raises nothing; it gives the new function the globals. */
    if (changed && luaL_loadbufferx(L, (const char *)dump.bytes.data, dump.bytes.len, "=", "b") ==
                       LUA_OK) {
        lua_replace(L, -2);
    } else if (changed) {
        lua_pop(L, 1); /* the message: memory is short, and what comes next will say so */
    }
    code_dump_fini(&dump);
}
