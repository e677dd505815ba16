/* Small letters without their diacritics, so that "Perché", "perche'" and "perche" are one word. The tables are the first
 * letter of each letter's canonical decomposition (Unicode 15), with the strokes of ø, ł, đ, ħ, ð, ı, ŧ by hand; what takes
 * two letters stands in the switch. Russian ё is as often written е. */
#include "mind/parts.h"

#define LATIN_FROM 0xC0u
#define LATIN_END  0x250u
#define MORE_FROM  0x1E00u
#define MORE_END   0x1F00u

/* '.': stays as it is */
static const char latin[LATIN_END - LATIN_FROM + 1] =
    "................................aaaaaa.ceeeeiiiidnooooo.ouuuuy.y"
    ".a.a.a.c.c.c.c.d.d.e.e.e.e.e.g.g.g.g.h.h.i.i.i.i.i...j.k..l.l.l."
    "..l.n.n.n....o.o.o...r.r.r.s.s.s.s.t.t.t.u.u.u.u.u.u.w.y..z.z.z."
    "b................................o..............u..............."
    "..............a.i.o.u.u.u.u.u..a.a...g.g.k.o.o..j....g...n.a...."
    ".a.a.e.e.i.i.o.o.r.r.u.u.s.t...h.......a.e.o.o.o.o.y............"
    "................";
static const char more[MORE_END - MORE_FROM + 1] =
    ".a.b.b.b.c.d.d.d.d.d.e.e.e.e.e.f.g.h.h.h.h.h.i.i.k.k.k.l.l.l.l.m"
    ".m.m.n.n.n.n.o.o.o.o.p.p.r.r.r.r.s.s.s.s.s.t.t.t.t.u.u.u.u.u.v.v"
    ".w.w.w.w.w.x.x.y.z.z.zhtwy.......a.a.a.a.a.a.a.a.a.a.a.a.e.e.e.e"
    ".e.e.e.e.i.i.o.o.o.o.o.o.o.o.o.o.o.o.u.u.u.u.u.u.u.y.y.y.y......";

size_t mn_mind__fold(uint32_t c, char ret[4])
{
    char to = '.';
    switch (c) {
    case 0xDF:
        return memcpy(ret, "ss", 2), (size_t)2;
    case 0xE6:
        return memcpy(ret, "ae", 2), (size_t)2;
    case 0xFE:
        return memcpy(ret, "th", 2), (size_t)2;
    case 0x133:
        return memcpy(ret, "ij", 2), (size_t)2;
    case 0x153:
        return memcpy(ret, "oe", 2), (size_t)2;
    case 0x451:
        return mn_utf8_encode(0x435, ret);
    default:
        break;
    }
    if (c >= LATIN_FROM && c < LATIN_END) to = latin[c - LATIN_FROM];
    else if (c >= MORE_FROM && c < MORE_END) to = more[c - MORE_FROM];
    else if (c >= 0x300 && c < 0x370) return 0; /* a mark that nothing composes with */
    if (to == '.') return mn_utf8_encode(c, ret);
    ret[0] = to;
    return 1;
}
