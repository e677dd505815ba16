/* The one thing of EXIF that matters once it is gone: which way is up. */
#include "media/media_int.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT      3

typedef struct tiff {
    const uint8_t *p;
    size_t n;
    bool big; /* big-endian */
} tiff;

static bool u16_at(const tiff *t, size_t at, unsigned *ret)
{
    if (t->n < 2 || at > t->n - 2) return false;
    *ret = t->big ? (unsigned)t->p[at] << 8 | t->p[at + 1]
                  : (unsigned)t->p[at + 1] << 8 | t->p[at];
    return true;
}

static bool u32_at(const tiff *t, size_t at, uint32_t *ret)
{
    unsigned a, b;
    if (!u16_at(t, at, &a) || !u16_at(t, at + 2, &b)) return false;
    *ret = t->big ? (uint32_t)a << 16 | b : (uint32_t)b << 16 | a;
    return true;
}

int mn_exif__orientation(mn_str exif)
{
    uint32_t at;
    unsigned entries, magic;
    if (exif.len >= 6 && !memcmp(exif.ptr, "Exif\0", 6)) exif = mn_str_sub(exif, 6, exif.len);
    tiff t = {(const uint8_t *)exif.ptr, exif.len, false};
    if (t.n < 8 || (memcmp(t.p, "II", 2) != 0 && memcmp(t.p, "MM", 2) != 0)) return 1;
    t.big = t.p[0] == 'M';
    if (!u16_at(&t, 2, &magic) || magic != 42 || !u32_at(&t, 4, &at) ||
        !u16_at(&t, at, &entries))
        return 1;
    for (unsigned i = 0; i < entries; i++) {
        size_t entry = (size_t)at + 2 + 12 * (size_t)i;
        unsigned tag, type, value;
        if (!u16_at(&t, entry, &tag) || !u16_at(&t, entry + 2, &type) ||
            !u16_at(&t, entry + 8, &value))
            return 1;
        if (tag == TAG_ORIENTATION)
            return type == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
