/* module: archive */
#include "feed.h"

/* Any bytes as a zip, tar or tar.gz: walked whole, twice, and looked at for their format. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mn_source_limits limits = {100, 1 << 20, 50, 1 << 16};
    char path[32], root[64], block[4096];
    mn_err e = {0};
    mn_source *s;
    mn_import_format format = MN_FORMAT_AUTO;
    int fd = fuzz_file(data, size, path);
    if (mn_source_open(path, &limits, &s, &e) == MN_OK) {
        uint64_t total = 0;
        mn_str name;
        bool more = true;
        while (mn_source_next(s, &name, &more, &e) == MN_OK && more) {
            size_t got = 1;
            MN_ASSERT(name.len > 0 && name.ptr[0] != '/' && mn_utf8_valid(name));
            MN_ASSERT(mn_str_find(name, MN_STR("../"), 0) == SIZE_MAX ||
                      !mn_str_starts(name, ".."));
            while (got && mn_source_read(s, block, sizeof block, &got, &e) == MN_OK)
                total += got;
            MN_ASSERT(total <= limits.total_bytes + sizeof block);
            if (e.rc != MN_OK) break;
        }
        if (mn_source_rewind(s, &e) == MN_OK)
            (void)mn_import_detect(s, path, &format, root, sizeof root, &e);
        mn_source_close(s);
    }
    close(fd);
    return 0;
}
