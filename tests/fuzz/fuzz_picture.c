/* module: media */
#include "media/media_int.h"

/* The worker's whole job, without the sandbox around it: the first byte says what for. What is too large to decode at a
 * fuzzer's pace is left out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_picture p;
    mn_buf kept;
    mn_err e = {0};
    if (size < 1 || size > 1 << 16) return 0;
    mn_str in = {(const char *)data + 1, size - 1};
    mn_buf_init(&kept, 0);
    if (mn_strip__gif(in, &kept, &e) == MN_OK) MN_ASSERT(kept.len <= in.len + 1);
    mn_buf_clear(&kept);
    if (mn_strip__webp(in, &kept, &e) == MN_OK) MN_ASSERT(kept.len <= in.len);
    mn_buf_release(&kept);
    if (mn_media__work(in, (mn_picture_use)(data[0] % 5), &p, &e) == MN_OK) {
        MN_ASSERT(p.width > 0 && p.height > 0 && p.file.len > 0);
        const mn_media_type *t = mn_media_sniff(mn_buf_str(&p.file));
        MN_ASSERT(t && !strcmp(t->mime, p.mime));
        mn_picture_release(&p);
    }
    return 0;
}
