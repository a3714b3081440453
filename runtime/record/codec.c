#include "record/codec.h"

#include "base/assert.h"

bool codec_parse(struct srt_str name, enum codec *ret)
{
    for (enum codec codec = CODEC_JSON; codec <= CODEC_BYTES; codec++) {
        if (srt_str_is(name, codec_name(codec))) {
            *ret = codec;
            return true;
        }
    }
    return false;
}

const char *codec_name(enum codec codec)
{
    switch (codec) {
    case CODEC_JSON:
        return "json";
    case CODEC_TEXT:
        return "text";
    case CODEC_BYTES:
        return "bytes";
    }
    srt_unreachable("a codec without a name");
}
