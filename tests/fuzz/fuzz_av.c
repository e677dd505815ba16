/* module: media */
#include "media/media_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str s = {(const char *)data, size};
    mn_av_info i = mn_media_av(s);
    MN_ASSERT(i.width >= 0 && i.width <= 65535 && i.height >= 0 && i.height <= 65535);
    MN_ASSERT(i.duration_ms >= 0 && i.duration_ms < 864000000);
    MN_ASSERT(i.frame_rate >= 0 && i.frame_rate <= 1000);
    int o = mn_exif__orientation(s);
    MN_ASSERT(o >= 1 && o <= 8);
    return 0;
}
