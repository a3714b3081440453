#include "cli/record_format.h"

#include "base/str.h"
#include "cli/base64.h"
#include "record/header.h"
#include "record/json.h"

#include <string.h>

/* --- JSON --- */

/* JSON may be written over several lines; a line of output is one object. Outside strings a line
 * break is white space, and inside strings it cannot occur, so each becomes a space. */
static void put_json_on_one_line(struct srt_buf *to, const uint8_t *text, size_t size)
{
    size_t from = to->len;
    srt_buf_put(to, text, size);
    for (size_t i = from; i < to->len; i++) {
        if (to->data[i] == '\n' || to->data[i] == '\r') {
            to->data[i] = ' ';
        }
    }
}

static void put_value(struct srt_buf *to, const struct record *rec)
{
    size_t at = 0;
    if (rec->value_len == RECORD_ABSENT) {
        srt_buf_put_str(to, "\"value\":null");
        return;
    }
    size_t size = (size_t)rec->value_len;
    const char *text = (const char *)rec->value;
    if (json_validate(text, size, &at) == SRT_OK) {
        srt_buf_put_str(to, "\"value\":");
        put_json_on_one_line(to, rec->value, size);
    } else if (srt_utf8_valid(text, size)) {
        srt_buf_put_str(to, "\"value\":");
        json_put_string(to, text, size);
    } else {
        srt_buf_put_str(to, "\"value_base64\":\"");
        base64_put(to, rec->value, size);
        srt_buf_put_u8(to, '"');
    }
}

static void put_key(struct srt_buf *to, const struct record *rec)
{
    if (rec->key_len == RECORD_ABSENT) {
        srt_buf_put_str(to, "\"key\":null");
    } else if (srt_utf8_valid(rec->key, (size_t)rec->key_len)) {
        srt_buf_put_str(to, "\"key\":");
        json_put_string(to, (const char *)rec->key, (size_t)rec->key_len);
    } else {
        srt_buf_put_str(to, "\"key_base64\":\"");
        base64_put(to, rec->key, (size_t)rec->key_len);
        srt_buf_put_u8(to, '"');
    }
}

static void put_headers(struct srt_buf *to, const struct record *rec)
{
    struct header header;
    uint32_t at = 0;
    bool first = true;
    srt_buf_put_str(to, "\"headers\":[");
    while (header_next(rec->headers, rec->headers_len, &at, &header) == SRT_OK) {
        srt_buf_put_str(to, first ? "[" : ",[");
        first = false;
        json_put_string(to, (const char *)header.name, (size_t)header.name_len);
        if (header.value_len == RECORD_ABSENT) {
            srt_buf_put_str(to, ",null]");
        } else if (srt_utf8_valid(header.value, (size_t)header.value_len)) {
            srt_buf_put_u8(to, ',');
            json_put_string(to, (const char *)header.value, (size_t)header.value_len);
            srt_buf_put_u8(to, ']');
        } else {
            srt_buf_put_str(to, ",{\"base64\":\"");
            base64_put(to, header.value, (size_t)header.value_len);
            srt_buf_put_str(to, "\"}]");
        }
    }
    srt_buf_put_u8(to, ']');
}

void record_format_json(struct srt_buf *to, const char *topic, int32_t partition,
                        const struct record *rec)
{
    srt_buf_put_str(to, "{\"topic\":");
    json_put_string(to, topic, strlen(topic));
    srt_buf_put_str(to, ",\"partition\":");
    json_put_integer(to, partition);
    srt_buf_put_str(to, ",\"offset\":");
    json_put_integer(to, rec->offset);
    srt_buf_put_str(to, ",\"timestamp\":");
    json_put_integer(to, rec->timestamp_ms);
    srt_buf_put_u8(to, ',');
    put_key(to, rec);
    srt_buf_put_u8(to, ',');
    put_value(to, rec);
    srt_buf_put_u8(to, ',');
    put_headers(to, rec);
    srt_buf_put_str(to, "}\n");
}

/* --- formats of the user's own --- */

/* In ops a zero byte announces a field; a literal zero byte is the field '0'. */
static const char field_letters[] = "tpokvhd";

static void put_field(struct srt_buf *ops, char letter)
{
    srt_buf_put_u8(ops, 0);
    srt_buf_put_u8(ops, (uint8_t)letter);
}

static int parse_escape(struct srt_buf *ops, char letter, struct srt_err *err)
{
    switch (letter) {
    case 'n':
        srt_buf_put_u8(ops, '\n');
        return SRT_OK;
    case 't':
        srt_buf_put_u8(ops, '\t');
        return SRT_OK;
    case 'r':
        srt_buf_put_u8(ops, '\r');
        return SRT_OK;
    case '\\':
        srt_buf_put_u8(ops, '\\');
        return SRT_OK;
    case '0':
        put_field(ops, '0');
        return SRT_OK;
    default:
        return srt_fail(err, SRT_EPARSE,
                        "format: unknown escape '\\%.1s' (known: \\n \\t \\r \\0 \\\\)", &letter);
    }
}

int record_format_parse(struct record_format *format, const char *text, struct srt_err *err)
{
    srt_buf_init(&format->ops);
    int code = SRT_OK;
    for (const char *at = text; *at && code == SRT_OK; at++) {
        if (*at == '\\' && at[1] == '\0') {
            code = srt_fail(err, SRT_EPARSE, "format: ends with a '\\' that escapes nothing");
        } else if (*at == '\\') {
            at++;
            code = parse_escape(&format->ops, *at, err);
        } else if (*at != '%') {
            srt_buf_put_u8(&format->ops, (uint8_t)*at);
        } else if (at[1] == '%') {
            srt_buf_put_u8(&format->ops, '%');
            at++;
        } else if (at[1] != '\0' && strchr(field_letters, at[1])) {
            put_field(&format->ops, at[1]);
            at++;
        } else {
            code = srt_fail(
                err, SRT_EPARSE,
                "format: unknown field '%%%.1s' (known: %%t %%p %%o %%k %%v %%h %%d %%%%)", at + 1);
        }
    }
    if (code != SRT_OK) {
        record_format_fini(format);
    }
    return code;
}

void record_format_fini(struct record_format *format)
{
    srt_buf_fini(&format->ops);
}

static void put_headers_plain(struct srt_buf *to, const struct record *rec)
{
    struct header header;
    uint32_t at = 0;
    bool first = true;
    while (header_next(rec->headers, rec->headers_len, &at, &header) == SRT_OK) {
        srt_buf_put(to, ",", first ? 0 : 1);
        first = false;
        srt_buf_put(to, header.name, (size_t)header.name_len);
        srt_buf_put_u8(to, '=');
        if (header.value_len != RECORD_ABSENT) {
            srt_buf_put(to, header.value, (size_t)header.value_len);
        }
    }
}

void record_format_put(const struct record_format *format, struct srt_buf *to, const char *topic,
                       int32_t partition, const struct record *rec)
{
    const uint8_t *ops = format->ops.data;
    for (size_t i = 0; i < format->ops.len; i++) {
        if (ops[i] != 0) {
            srt_buf_put_u8(to, ops[i]);
            continue;
        }
        switch (ops[++i]) {
        case 't':
            srt_buf_put_str(to, topic);
            break;
        case 'p':
            json_put_integer(to, partition);
            break;
        case 'o':
            json_put_integer(to, rec->offset);
            break;
        case 'd':
            json_put_integer(to, rec->timestamp_ms);
            break;
        case 'k':
            srt_buf_put(to, rec->key, rec->key_len > 0 ? (size_t)rec->key_len : 0);
            break;
        case 'v':
            srt_buf_put(to, rec->value, rec->value_len > 0 ? (size_t)rec->value_len : 0);
            break;
        case 'h':
            put_headers_plain(to, rec);
            break;
        default: /* '0' */
            srt_buf_put_u8(to, 0);
            break;
        }
    }
}
