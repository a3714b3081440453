/* A stream and a table: the table's records become rows, the stream's look theirs up.
 *
 * Two streams: every record becomes a row of its side, and is joined with all rows of the other
 * side that are within the time, in the order of their events. Both sides do so, so each pair is
 * found by the later of its two records, whatever the order in which they come.
 *
 *     side 0   ----a------------b-------      row: side, time, place   due: time + within + grace
 *     side 1   -------x----------------         x finds a; at its due time b has found nobody:
 *                  |<-within->|                 with `how: left` it goes on alone
 *
 * A row is given up when the watermark proves that no partner can come any more. */
#include "pipeline/stage_join.h"

#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/varint.h"
#include "pipeline/stage_bytes.h"
#include "pipeline/stage_state.h"
#include "pipeline/window.h"
#include "script/lazy_walk.h"
#include "script/value.h"

static const struct join_spec *spec_of(const struct executor *ex, const struct frame *f)
{
    return ex->job->graph->stages[f->stage].join;
}

const struct script_fn *stage_join_key_fn(const struct executor *ex, const struct frame *f)
{
    const struct join_spec *spec = spec_of(ex, f);
    const struct script_fn *other = &ex->bindings.own_fns[f->stage][JOIN_FN_OTHER_BY];
    const struct script_fn *by = &ex->bindings.stage_fns[f->stage];
    if (f->side == 0) {
        return by->ref == LUA_NOREF ? NULL : by;
    }
    if (other->ref != LUA_NOREF) {
        return other;
    }
    return spec->with_kind == JOIN_STREAM && by->ref != LUA_NOREF ? by : NULL;
}

/* --- what becomes of a pair --- */

/* (left, right) -> left, with the fields of right put in */
static int merge_fields(lua_State *L)
{
    if (lua_isnil(L, 1) || lua_isnil(L, 2)) {
        lua_pushvalue(L, lua_isnil(L, 1) ? 2 : 1);
        return 1;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushnil(L);
    while (lazy_walk_next(L, 2)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, 1);
    }
    lua_pushvalue(L, 1);
    return 1;
}

/* Either may be nil. */
static int join_pair(struct executor *ex, const struct frame *f, struct value_bytes left,
                     struct value_bytes right, struct value_bytes *ret, struct srt_err *err)
{
    const struct script_fn *with = &ex->bindings.own_fns[f->stage][JOIN_FN_WITH];
    lua_State *L = script_state(ex->script);
    int top = lua_gettop(L);
    int code = stage_bytes_check_stack(ex, err);
    if (code != SRT_OK) {
        return code;
    }
    if (with->ref == LUA_NOREF) {
        lua_pushcfunction(L, merge_fields);
    } else {
        script_push_fn(ex->script, with);
    }
    code = stage_bytes_push(ex, left, err);
    if (code == SRT_OK) {
        code = stage_bytes_push(ex, right, err);
    }
    if (code != SRT_OK) {
        lua_settop(L, top);
        return code;
    }
    code = script_call(ex->script, 2, 1, err);
    code = code == SRT_OK ? stage_bytes_pop(ex, ret, err) : code;
    if (code == SRT_OK && !ret->data) {
        code = srt_fail(err, SRT_ESCRIPT, "join returned nil: it must return the joined value");
    }
    return code;
}

static int emit_pair(struct executor *ex, const struct frame *f, struct value_bytes left,
                     struct value_bytes right, int64_t time_ms, struct srt_err *err)
{
    struct value_bytes value;
    int code = join_pair(ex, f, left, right, &value, err);
    if (code != SRT_OK) {
        return code;
    }
    const struct record rec = {.key = f->group_key,
                               .key_len = f->group_key_len,
                               .value = value.data,
                               .value_len = (int32_t)value.len,
                               .timestamp_ms = time_ms};
    return executor_emit(ex, &rec, CODEC_JSON, err);
}

static struct value_bytes copy_of(struct executor *ex, const struct stage_blob *blob)
{
    struct value_bytes bytes = stage_bytes_of(blob);
    bytes.data = bytes.data ? srt_arena_copy(&ex->arena, bytes.data, bytes.len) : NULL;
    return bytes;
}

/* --- a table --- */

static int set_row(struct executor *ex, struct frame *f, struct srt_err *err)
{
    struct state_table *table = ex->state.tables[f->stage];
    struct state_row row;
    struct value_bytes value;
    int code = stage_bytes_take_value(ex, f, &value, err);
    if (code != SRT_OK) {
        return code;
    }
    if (!value.data) {
        if (stage_state_get(ex, f, "", 0, &row)) {
            state_table_remove(table, &row);
        }
        return SRT_OK;
    }
    bool made;
    code = stage_state_put(ex, f, "", 0, &row, &made, err);
    if (code != SRT_OK) {
        return code;
    }
    if (stage_blob_set(&((struct stage_bytes *)row.cell)->blob, value.data, value.len) != SRT_OK) {
        (void)srt_fail(err, SRT_ENOMEM, "no memory for a row of a table");
        return stage_state_broken(ex, f, err);
    }
    state_table_touch(table, &row, STATE_NEVER_DUE);
    return SRT_OK;
}

static int look_up(struct executor *ex, struct frame *f, struct stage_result *ret,
                   struct srt_err *err)
{
    struct state_row row;
    bool found = stage_state_get(ex, f, "", 0, &row);
    if (!found && spec_of(ex, f)->how == JOIN_INNER) {
        ret->outcome = STAGE_DROP;
        return SRT_OK;
    }
    struct value_bytes right = {NULL, 0};
    struct value_bytes left;
    struct value_bytes value;
    if (found) {
        right = stage_bytes_of(((struct stage_bytes *)row.cell)->blob);
    }
    int code = stage_bytes_take_value(ex, f, &left, err);
    code = code == SRT_OK ? join_pair(ex, f, left, right, &value, err) : code;
    if (code != SRT_OK) {
        return code;
    }
    struct record rec = f->rec;
    rec.value = value.data;
    rec.value_len = (int32_t)value.len;
    ret->outcome = STAGE_EMITTED;
    return executor_emit(ex, &rec, CODEC_JSON, err);
}

/* --- two streams --- */

struct place {
    uint8_t bytes[STAGE_PLACE_BYTES]; /* 1 + 8 + 4 + 4 + 8 + 2 */
};

enum { PLACE_TIME_AT = 1, PLACE_AGAIN_AT = 25 };

static void put_time(struct place *place, uint32_t side, int64_t time_ms)
{
    memset(place, 0, sizeof *place);
    place->bytes[0] = (uint8_t)side;
    stage_put_time(place->bytes + PLACE_TIME_AT, time_ms);
}

/* Where the record came from tells it apart from all others; `again`: what several records that
 * came from one are told apart by. */
static struct place place_of(const struct executor *ex, const struct frame *f, uint16_t again)
{
    const struct item_origin *origin = &ex->origin;
    struct place place;
    put_time(&place, f->side, f->rec.timestamp_ms);
    srt_put_be32(place.bytes + 9, (uint32_t)srt_hash(origin->topic, strlen(origin->topic), 0));
    srt_put_be32(place.bytes + 13, (uint32_t)origin->partition);
    srt_put_be64(place.bytes + 17, (uint64_t)origin->rec.offset);
    srt_put_be16(place.bytes + PLACE_AGAIN_AT, again);
    return place;
}

static int64_t time_of(const struct state_row *row)
{
    return stage_get_time(row->subkey + PLACE_TIME_AT);
}

/* Walk over the other side's rows within the time. */
static bool first_partner(struct executor *ex, const struct frame *f, struct state_row *ret)
{
    struct place from;
    uint32_t other = 1 - f->side;
    put_time(&from, other, f->rec.timestamp_ms - spec_of(ex, f)->within_ms);
    bool found = state_table_first(ex->state.tables[f->stage], f->group_key,
                                   (uint32_t)f->group_key_len, from.bytes, sizeof from.bytes, ret);
    return found && ret->subkey[0] == other &&
           time_of(ret) - f->rec.timestamp_ms <= spec_of(ex, f)->within_ms;
}

static bool next_partner(struct executor *ex, const struct frame *f, struct state_row *inout)
{
    struct state_row next;
    if (!state_table_next(ex->state.tables[f->stage], inout, &next) ||
        next.subkey[0] != 1 - f->side ||
        time_of(&next) - f->rec.timestamp_ms > spec_of(ex, f)->within_ms) {
        return false;
    }
    *inout = next;
    return true;
}

/* All functions are called before anything is changed. */
static int emit_pairs(struct executor *ex, struct frame *f, struct value_bytes value,
                      bool *ret_found, struct srt_err *err)
{
    struct state_row row;
    int code = SRT_OK;
    *ret_found = false;
    for (bool more = first_partner(ex, f, &row); more && code == SRT_OK;
         more = next_partner(ex, f, &row)) {
        struct value_bytes other = copy_of(ex, ((struct stage_bytes *)row.cell)->blob);
        int64_t time = time_of(&row) > f->rec.timestamp_ms ? time_of(&row) : f->rec.timestamp_ms;
        code = f->side == 0 ? emit_pair(ex, f, value, other, time, err)
                            : emit_pair(ex, f, other, value, time, err);
        *ret_found = true;
    }
    return code;
}

static void mark_partners(struct executor *ex, struct frame *f)
{
    struct state_row row;
    for (bool more = first_partner(ex, f, &row); more; more = next_partner(ex, f, &row)) {
        struct stage_bytes *cell = row.cell;
        if (cell->count == 0) {
            cell->count = 1;
            state_table_touch(ex->state.tables[f->stage], &row, row.due_ms);
        }
    }
}

static int join_streams(struct executor *ex, struct frame *f, struct srt_err *err)
{
    const struct join_spec *spec = spec_of(ex, f);
    int64_t due =
        window_close_ms(f->rec.timestamp_ms + 1, spec->within_ms + spec->grace_ms);
    if (stage_state_is_late(ex, f, due)) {
        return stage_state_late(ex, f, err);
    }
    struct value_bytes value;
    bool found;
    int code = stage_bytes_take_value(ex, f, &value, err);
    if (code == SRT_OK && !value.data) {
        code = srt_fail(err, SRT_EINVAL, "there is no value (a tombstone) to join");
    }
    code = code == SRT_OK ? emit_pairs(ex, f, value, &found, err) : code;
    if (code != SRT_OK) {
        return code;
    }
    struct state_row row;
    uint16_t again = 0;
    struct place place = place_of(ex, f, again);
    while (stage_state_get(ex, f, place.bytes, sizeof place.bytes, &row) && again < UINT16_MAX) {
        place = place_of(ex, f, ++again);
    }
    bool made;
    code = stage_state_put(ex, f, place.bytes, sizeof place.bytes, &row, &made, err);
    if (code != SRT_OK) {
        return code;
    }
    struct stage_bytes *cell = row.cell;
    cell->count = found;
    if (stage_blob_set(&cell->blob, value.data, value.len) != SRT_OK) {
        (void)srt_fail(err, SRT_ENOMEM, "no memory for a record that waits for its partner");
        return stage_state_broken(ex, f, err);
    }
    state_table_touch(ex->state.tables[f->stage], &row, due);
    mark_partners(ex, f);
    return SRT_OK;
}

int stage_join_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                       struct srt_err *err)
{
    const struct join_spec *spec = spec_of(ex, f);
    const struct stage_bytes *cell = row->cell;
    uint32_t side = row->subkey[0];
    bool alone = cell->count == 0 &&
                 (spec->how == JOIN_OUTER || (spec->how == JOIN_LEFT && side == 0));
    int code = SRT_OK;
    if (alone) {
        const struct value_bytes nothing = {NULL, 0};
        struct value_bytes value = copy_of(ex, cell->blob);
        code = side == 0 ? emit_pair(ex, f, value, nothing, time_of(row), err)
                         : emit_pair(ex, f, nothing, value, time_of(row), err);
    }
    if (code == SRT_OK) {
        stage_state_note_closed(ex, f, row->due_ms);
        state_table_remove(ex->state.tables[f->stage], row);
    }
    return code;
}

int stage_join_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                      struct srt_err *err)
{
    ret->outcome = STAGE_EMITTED;
    if (spec_of(ex, f)->with_kind == JOIN_STREAM) {
        return join_streams(ex, f, err);
    }
    return f->side == 1 ? set_row(ex, f, err) : look_up(ex, f, ret, err);
}
