/* What containers of sound and video say of themselves. Every read is checked against the bytes there are; what is damaged is
 * 0. Sources: ISO/IEC 14496-12 (boxes), RFC 8794 and 9559 (EBML, Matroska), RFC 3533, 7845 (Ogg, Opus), the Vorbis I and FLAC
 * formats, RIFF/WAVE, ISO/IEC 11172-3 with the Xing and Info tags. */
#include "media/media_int.h"

#define BOXES_MAX 4096 /* looked at in one file */
#define SIDE_MAX  65535

static uint64_t be(mn_str s, size_t at, size_t n)
{
    uint64_t v = 0;
    if (n > s.len || at > s.len - n) return 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | (uint8_t)s.ptr[at + i];
    return v;
}

static uint64_t le(mn_str s, size_t at, size_t n)
{
    uint64_t v = 0;
    if (n > s.len || at > s.len - n) return 0;
    for (size_t i = n; i > 0; i--) v = v << 8 | (uint8_t)s.ptr[at + i - 1];
    return v;
}

static int side(uint64_t v)
{
    return v <= SIDE_MAX ? (int)v : 0;
}

/* n units of 1/rate seconds in milliseconds; 0 when that is nonsense (over ten days). */
static int64_t ms_of(uint64_t n, uint64_t rate)
{
    if (!rate || n == UINT64_MAX || n == UINT32_MAX) return 0;
    double ms = (double)n * 1000 / (double)rate;
    return ms < 864e6 ? (int64_t)ms : 0;
}

/* ---- MP4 ------------------------------------------------------------------------------------------------------------ */

/* The next box at *at: its type (0: none left) and what it holds. */
static uint32_t next_box(mn_str s, size_t *at, mn_str *body)
{
    size_t head = 8;
    if (s.len < 8 || *at > s.len - 8) return 0;
    uint64_t n = be(s, *at, 4), left = s.len - *at;
    uint32_t type = (uint32_t)be(s, *at + 4, 4);
    if (n == 1) n = be(s, *at + 8, 8), head = 16;
    if (n == 0) n = left;
    if (n < head || n > left) return 0;
    *body = mn_str_sub(s, *at + head, (size_t)n - head);
    *at += (size_t)n;
    return type;
}

#define BOX(a, b, c, d)                                                                        \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static mn_str find_box(mn_str s, uint32_t type, int *budget)
{
    size_t at = 0;
    mn_str body;
    for (uint32_t t; --*budget > 0 && (t = next_box(s, &at, &body)) != 0;)
        if (t == type) return body;
    return MN_STR("");
}

static int64_t mp4_duration(mn_str mvhd)
{
    if (be(mvhd, 0, 1) == 1) return ms_of(be(mvhd, 24, 8), be(mvhd, 20, 4));
    return ms_of(be(mvhd, 16, 4), be(mvhd, 12, 4));
}

/* Frames a second: samples of the track over its length. */
static double mp4_rate(mn_str mdia, int *budget)
{
    mn_str mdhd = find_box(mdia, BOX('m', 'd', 'h', 'd'), budget);
    mn_str stbl = find_box(find_box(mdia, BOX('m', 'i', 'n', 'f'), budget),
                           BOX('s', 't', 'b', 'l'), budget);
    mn_str stsz = find_box(stbl, BOX('s', 't', 's', 'z'), budget);
    int64_t ms = mp4_duration(mdhd); /* the same layout of times */
    double rate = ms > 0 ? (double)be(stsz, 8, 4) * 1000 / (double)ms : 0;
    return rate > 0 && rate <= 1000 ? rate : 0;
}

static void mp4_track(mn_str trak, mn_av_info *i, int *budget)
{
    mn_str tkhd = find_box(trak, BOX('t', 'k', 'h', 'd'), budget);
    mn_str mdia = find_box(trak, BOX('m', 'd', 'i', 'a'), budget);
    uint64_t kind = be(find_box(mdia, BOX('h', 'd', 'l', 'r'), budget), 8, 4);
    if (kind == BOX('s', 'o', 'u', 'n')) i->has_audio = true;
    if (kind != BOX('v', 'i', 'd', 'e') || i->has_video) return;
    size_t at = be(tkhd, 0, 1) == 1 ? 88 : 76;
    int w = side(be(tkhd, at, 4) >> 16), h = side(be(tkhd, at + 4, 4) >> 16);
    /* A matrix whose first member is 0 turns by a quarter. */
    bool turned = tkhd.len >= at && be(tkhd, at - 36, 4) == 0 && be(tkhd, at - 32, 4) != 0;
    i->has_video = true;
    i->width = turned ? h : w;
    i->height = turned ? w : h;
    i->frame_rate = mp4_rate(mdia, budget);
}

static void read_mp4(mn_str s, mn_av_info *i)
{
    int budget = BOXES_MAX;
    mn_str moov = find_box(s, BOX('m', 'o', 'o', 'v'), &budget), body;
    size_t at = 0;
    for (uint32_t t; --budget > 0 && (t = next_box(moov, &at, &body)) != 0;) {
        if (t == BOX('m', 'v', 'h', 'd')) i->duration_ms = mp4_duration(body);
        else if (t == BOX('t', 'r', 'a', 'k')) mp4_track(body, i, &budget);
    }
}

/* ---- WebM ----------------------------------------------------------------------------------------------------------- */

/* A number of variable length; its marker bit is kept in ids. Gives its length, 0 when there is none. */
static size_t vint(mn_str s, size_t at, bool is_id, uint64_t *ret)
{
    size_t n = 1;
    if (at >= s.len) return 0;
    uint8_t first = (uint8_t)s.ptr[at];
    while (n <= 8 && !(first & 0x80u >> (n - 1))) n++;
    if (n > 8 || n > s.len - at) return 0;
    uint64_t v = be(s, at, n);
    uint64_t marker = UINT64_C(1) << (7 * n);
    *ret = is_id ? v : v & (marker - 1);
    if (!is_id && *ret == marker - 1) *ret = UINT64_MAX; /* unknown length: to the end */
    return n;
}

static uint64_t next_element(mn_str s, size_t *at, mn_str *body)
{
    uint64_t id, n;
    size_t a = vint(s, *at, true, &id), b = a ? vint(s, *at + a, false, &n) : 0;
    if (!b) return 0;
    size_t from = *at + a + b;
    if (n > s.len - from) n = s.len - from; /* the rest of an unknown or cut element */
    *body = mn_str_sub(s, from, (size_t)n);
    *at = from + (size_t)n;
    return id;
}

static double be_float(mn_str s)
{
    uint64_t bits = be(s, 0, s.len);
    double d;
    float f;
    uint32_t bits4 = (uint32_t)bits;
    if (s.len == 8) return memcpy(&d, &bits, 8), d;
    if (s.len == 4) return memcpy(&f, &bits4, 4), (double)f;
    return 0;
}

static uint64_t be_any(mn_str s)
{
    return s.len <= 8 ? be(s, 0, s.len) : 0;
}

static void webm_info(mn_str info, mn_av_info *i, int *budget)
{
    size_t at = 0;
    mn_str body;
    double scale = 1e6, length = 0;
    for (uint64_t id; --*budget > 0 && (id = next_element(info, &at, &body)) != 0;) {
        if (id == 0x2AD7B1) scale = (double)be_any(body);
        else if (id == 0x4489) length = be_float(body);
    }
    double ms = length * scale / 1e6;
    if (ms > 0 && ms < 864e6) i->duration_ms = (int64_t)ms;
}

static void webm_track(mn_str entry, mn_av_info *i, int *budget)
{
    size_t at = 0, in = 0;
    mn_str body, x;
    for (uint64_t id; --*budget > 0 && (id = next_element(entry, &at, &body)) != 0;) {
        if (id == 0x83 && be_any(body) == 2) i->has_audio = true;
        if (id == 0x83 && be_any(body) == 1) i->has_video = true;
        if (id == 0x23E383 && be_any(body)) {
            double rate = 1e9 / (double)be_any(body);
            i->frame_rate = rate > 0 && rate <= 1000 ? rate : 0;
        }
        if (id != 0xE0) continue;
        for (uint64_t v; --*budget > 0 && (v = next_element(body, &in, &x)) != 0;) {
            if (v == 0xB0) i->width = side(be_any(x));
            else if (v == 0xBA) i->height = side(be_any(x));
        }
    }
}

static void read_webm(mn_str s, mn_av_info *i)
{
    size_t at = 0, in = 0, of = 0;
    int budget = BOXES_MAX;
    mn_str segment = MN_STR(""), body, entry;
    for (uint64_t id; --budget > 0 && (id = next_element(s, &at, &body)) != 0;)
        if (id == 0x18538067) {
            segment = body;
            break;
        }
    for (uint64_t id; --budget > 0 && (id = next_element(segment, &in, &body)) != 0;) {
        if (id == 0x1549A966) webm_info(body, i, &budget);
        if (id != 0x1654AE6B) continue;
        for (of = 0; --budget > 0 && (id = next_element(body, &of, &entry)) != 0;)
            if (id == 0xAE) webm_track(entry, i, &budget);
    }
}

/* ---- Ogg ------------------------------------------------------------------------------------------------------------ */

/* The last page's position in samples. */
static uint64_t ogg_end(mn_str s)
{
    size_t least = s.len > 65536 + 282 ? s.len - 65536 - 282 : 0;
    for (size_t at = s.len; at-- > least;) {
        if (s.len - at < 14 || memcmp(s.ptr + at, "OggS", 4) != 0) continue;
        uint64_t v = le(s, at + 6, 8);
        if (v != UINT64_MAX) return v;
    }
    return 0;
}

static void read_ogg(mn_str s, mn_av_info *i)
{
    size_t at = 27 + (size_t)be(s, 26, 1);
    mn_str head = mn_str_sub(s, at, 64);
    uint64_t end = ogg_end(s), skip = 0, rate = 0;
    if (mn_str_starts(head, "OpusHead")) rate = 48000, skip = le(head, 10, 2);
    else if (mn_str_starts(head, "\x01vorbis")) rate = le(head, 12, 4);
    else if (mn_str_starts(head, "\x7f"
                                 "FLAC"))
        rate = be(head, 27, 3) >> 4;
    i->has_audio = rate != 0;
    if (rate && end > skip) i->duration_ms = ms_of(end - skip, rate);
}

/* ---- FLAC, WAV, MP3 -------------------------------------------------------------------------------------------------- */

static void read_flac(mn_str s, mn_av_info *i)
{
    uint64_t v = be(s, 18, 8); /* rate 20 bits, channels 3, bits 5, samples 36 */
    i->has_audio = true;
    i->duration_ms = ms_of(v & UINT64_C(0xFFFFFFFFF), v >> 44);
}

static void read_wav(mn_str s, mn_av_info *i)
{
    uint64_t bytes_a_second = 0;
    size_t at = 12;
    i->has_audio = true;
    for (int n = 0; n < 64 && s.len >= 8 && at <= s.len - 8; n++) {
        uint64_t size = le(s, at + 4, 4);
        if (!memcmp(s.ptr + at, "fmt ", 4)) bytes_a_second = le(s, at + 16, 4);
        if (!memcmp(s.ptr + at, "data", 4)) {
            if (size > s.len - at - 8) size = s.len - at - 8;
            i->duration_ms = ms_of(size, bytes_a_second);
            return;
        }
        if (size > s.len - at - 8) return;
        at += 8 + (size_t)size + (size & 1);
    }
}

/* After the ID3v2 tag, whose length has 7 bits a byte. */
static size_t after_id3(mn_str s)
{
    if (s.len < 10 || memcmp(s.ptr, "ID3", 3) != 0) return 0;
    uint64_t v = be(s, 6, 4);
    return 10 + (size_t)((v & 0x7f) | (v >> 8 & 0x7f) << 7 | (v >> 16 & 0x7f) << 14 |
                         (v >> 24 & 0x7f) << 21);
}

/* Layer III: samples of all frames, from the tag in the first one, or the file's size over its bit rate. */
static void read_mp3(mn_str s, mn_av_info *i)
{
    static const int rates1[] = {0,   32,  40,  48,  56,  64,  80,  96,
                                 112, 128, 160, 192, 224, 256, 320, 0};
    static const int rates2[] = {0,  8,  16, 24,  32,  40,  48,  56,
                                 64, 80, 96, 112, 128, 144, 160, 0};
    static const int hertz[] = {44100, 48000, 32000, 0};
    size_t at = after_id3(s);
    uint64_t h = be(s, at, 4);
    i->has_audio = true;
    if (h >> 21 != 0x7ff || (h >> 17 & 3) != 1) return;
    bool one = (h >> 19 & 3) == 3, mono = (h >> 6 & 3) == 3;
    int rate = hertz[h >> 10 & 3] >> (one ? 0 : (h >> 19 & 3) == 2 ? 1 : 2);
    int kbit = (one ? rates1 : rates2)[h >> 12 & 15];
    size_t tag = at + 4 + (one ? mono ? 17 : 32 : mono ? 9 : 17);
    mn_str x = mn_str_sub(s, tag, 12);
    if (rate && (mn_str_starts(x, "Xing") || mn_str_starts(x, "Info")) && (be(x, 4, 4) & 1))
        i->duration_ms = ms_of(be(x, 8, 4) * (one ? 1152 : 576), (uint64_t)rate);
    else if (kbit && at < s.len) i->duration_ms = ms_of(s.len - at, (uint64_t)kbit * 125);
}

mn_av_info mn_media_av(mn_str bytes)
{
    static const struct {
        const char *mime;
        void (*read)(mn_str s, mn_av_info *i);
    } readers[] = {{"video/mp4", read_mp4},       {"audio/mp4", read_mp4},
                   {"video/quicktime", read_mp4}, {"video/webm", read_webm},
                   {"audio/ogg", read_ogg},       {"audio/flac", read_flac},
                   {"audio/wav", read_wav},       {"audio/mpeg", read_mp3}};
    const mn_media_type *t = mn_media_sniff(bytes);
    mn_av_info i = {0};
    for (size_t k = 0; t && k < sizeof readers / sizeof *readers; k++)
        if (!strcmp(t->mime, readers[k].mime)) readers[k].read(bytes, &i);
    return i;
}
