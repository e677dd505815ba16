/* module: text */
#include "text/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const sets[] = {"", "shift_jis", "gb18030", "koi8-r"};
    mn_arena a;
    mn_page_meta m;
    mn_err e = {0};
    if (!size) return 0;
    mn_arena_init(&a, 0);
    if (mn_page_meta_read((mn_str){(const char *)data + 1, size - 1},
                          mn_str_from(sets[data[0] & 3]), &a, &m, &e) == MN_OK) {
        const mn_str all[] = {m.title, m.description, m.site, m.author,    m.author_url,
                              m.image, m.image_alt,   m.lang, m.published, m.base};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            MN_ASSERT(mn_utf8_valid(all[i]) && all[i].len <= MN_PAGE_URL_MAX &&
                      !memchr(all[i].len ? all[i].ptr : "x", '\n', all[i].len));
    }
    (void)mn_page_links_me((mn_str){(const char *)data, size}, MN_STR("https://a.example/@me"));
    mn_arena_release(&a);
    return 0;
}
