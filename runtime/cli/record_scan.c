#include "cli/record_scan.h"

#include "record/batch.h"

enum { READ_BYTES = 1 << 20 };

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

int record_scan_resolve(struct partition *part, const struct offset_point *point,
                        int64_t *ret_offset, struct srt_err *err)
{
    int64_t start = partition_log_start(part);
    int64_t end = partition_high_watermark(part);
    int64_t offset = end;
    int64_t timestamp_ms;
    int code;
    switch (point->kind) {
    case OFFSET_START:
        /* compared by difference: a large count must not overflow */
        offset = point->value > end - start ? end : start + point->value;
        break;
    case OFFSET_END:
        offset = point->value > end - start ? start : end - point->value;
        break;
    case OFFSET_EXACT:
        offset = point->value;
        break;
    case OFFSET_TIME:
        code = partition_offset_for_time(part, point->value, &offset, &timestamp_ms, err);
        if (code == SRT_ENOENT) {
            offset = end;
        } else if (code != SRT_OK) {
            return code;
        }
        break;
    }
    *ret_offset = clamp(offset, start, end);
    return SRT_OK;
}

/* The records of one batch within [from, to). */
static int scan_batch(const uint8_t *data, const struct batch_info *info, struct srt_buf *space,
                      int32_t partition, int64_t from, int64_t to, record_scan_fn each, void *arg,
                      struct srt_err *err)
{
    struct batch_reader reader;
    struct record rec;
    if (info->attributes & BATCH_ATTR_CONTROL) {
        return SRT_OK; /* a marker of a transaction, no record of anybody's */
    }
    int code = batch_reader_init(&reader, data, info, space);
    while (code == SRT_OK && (code = batch_reader_next(&reader, &rec)) == SRT_OK) {
        if (rec.offset >= to) {
            return SRT_OK;
        }
        if (rec.offset >= from) {
            int rc = each(arg, partition, &rec, err);
            if (rc != SRT_OK) {
                return rc;
            }
        }
    }
    return code == SRT_EEND ? SRT_OK
                            : srt_fail(err, code, "batch at offset %lld cannot be read: %s",
                                       (long long)info->base_offset, srt_code_text(code));
}

int record_scan(struct partition *part, int64_t from, int64_t to, record_scan_fn each, void *arg,
                struct srt_err *err)
{
    struct srt_buf buf;
    struct srt_buf space;
    srt_buf_init(&buf);
    srt_buf_init(&space);
    from = clamp(from, partition_log_start(part), partition_high_watermark(part));
    to = clamp(to, from, partition_high_watermark(part));
    int code = SRT_OK;
    while (code == SRT_OK && from < to) {
        srt_buf_clear(&buf);
        code = partition_read(part, from, READ_BYTES, &buf, err);
        if (code == SRT_OK && buf.len == 0) {
            break;
        }
        size_t at = 0;
        while (code == SRT_OK && at < buf.len) {
            struct batch_info info;
            code = batch_parse(buf.data + at, buf.len - at, &info);
            if (code != SRT_OK) {
                srt_fail(err, code, "what was read at offset %lld is no batch", (long long)from);
                break;
            }
            code = scan_batch(buf.data + at, &info, &space, partition_index(part), from, to, each,
                              arg, err);
            from = batch_last_offset(&info) + 1;
            at += info.size_bytes;
        }
    }
    srt_buf_fini(&buf);
    srt_buf_fini(&space);
    return code;
}
