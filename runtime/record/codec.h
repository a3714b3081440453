/* codec.h - what a record's value is: JSON, text or bytes.
 *
 * Owner:   none.
 * Thread:  any.
 * Memory:  none.
 * Fails:   codec_parse returns false. */
#ifndef SRT_RECORD_CODEC_H
#define SRT_RECORD_CODEC_H

#include <stdbool.h>

#include "base/str.h"

enum codec { CODEC_JSON, CODEC_TEXT, CODEC_BYTES };

bool codec_parse(struct srt_str name, enum codec *ret);
const char *codec_name(enum codec codec);

#endif
