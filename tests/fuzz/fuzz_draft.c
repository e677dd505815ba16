/* module: social */
#include "social/compose.h"

/* What is kept of a draft reads back as the same draft. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena ar;
    mn_draft d, again;
    mn_buf one, two;
    mn_err e = {0};
    mn_arena_init(&ar, 16 << 20);
    mn_buf_init(&one, 0);
    mn_buf_init(&two, 0);
    if (mn_draft_read((mn_str){(const char *)data, size}, &ar, &d, &e) == MN_OK &&
        mn_draft_write(&d, &one, &e) == MN_OK) {
        MN_ASSERT(mn_draft_read(mn_buf_str(&one), &ar, &again, &e) == MN_OK);
        MN_ASSERT(mn_draft_write(&again, &two, &e) == MN_OK);
        MN_ASSERT(mn_str_eq(mn_buf_str(&one), mn_buf_str(&two)));
        MN_ASSERT(again.visibility >= -1 && again.visibility <= MN_VIS_DIRECT);
    }
    mn_buf_release(&one);
    mn_buf_release(&two);
    mn_arena_release(&ar);
    return 0;
}
