/* The steps are those of the standard: bytes into data codewords, Reed-Solomon codewords block by block, interleaving, function
 * patterns, the zigzag of data, and of the eight masks the one that gives the fewest long runs and solid blocks.
 * source ISO/IEC 18004:2015, tables 9 (blocks), E.1 (alignment), annex C and D (format, version) */
#include "text/qr.h"

#define VERSIONS  15
#define CODEWORDS 1024

/* Of level M, by version: codewords for correction in a block, and blocks. */
static const uint8_t ecc_per_block[VERSIONS + 1] = {0,  10, 16, 26, 18, 24, 16, 18,
                                                    22, 22, 26, 30, 22, 22, 24, 24};
static const uint8_t n_blocks[VERSIONS + 1] = {0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10};

typedef struct grid {
    mn_qr *q;
    int version;
    uint8_t fixed[MN_QR_SIZE][MN_QR_SIZE]; /* belongs to a function pattern */
} grid;

/* ---- codewords ------------------------------------------------------------------------------------------------- */

/* Modules that hold data and correction, in bytes. */
static int raw_codewords(int v)
{
    int bits = (16 * v + 128) * v + 64;
    if (v >= 2) {
        int n = v / 7 + 2;
        bits -= (25 * n - 10) * n - 55;
    }
    if (v >= 7) bits -= 36;
    return bits / 8;
}

static int data_codewords(int v)
{
    return raw_codewords(v) - ecc_per_block[v] * n_blocks[v];
}

/* Bits of the length field: 8 up to version 9, then 16; 4 for the mode. */
static int version_for(size_t len)
{
    for (int v = 1; v <= VERSIONS; v++)
        if ((size_t)data_codewords(v) * 8 >= (v < 10 ? 12u : 20u) + len * 8) return v;
    return 0;
}

typedef struct bits {
    uint8_t *p;
    size_t n; /* bits */
} bits;

static void put_bits(bits *b, uint32_t v, int count)
{
    for (int i = count - 1; i >= 0; i--, b->n++)
        b->p[b->n / 8] |= (uint8_t)(((v >> i) & 1u) << (7 - b->n % 8));
}

static void put_text(mn_str text, int v, uint8_t data[CODEWORDS])
{
    bits b = {data, 0};
    size_t cap = (size_t)data_codewords(v) * 8;
    put_bits(&b, 4, 4);
    put_bits(&b, (uint32_t)text.len, v < 10 ? 8 : 16);
    for (size_t i = 0; i < text.len; i++) put_bits(&b, (uint8_t)text.ptr[i], 8);
    if (b.n + 4 <= cap) b.n += 4;
    b.n = (b.n + 7) / 8 * 8;
    for (uint32_t pad = 0xEC; b.n < cap; pad ^= 0xEC ^ 0x11) put_bits(&b, pad, 8);
}

/* Product in GF(2^8) with the polynomial 0x11D. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned r = 0, x = a, y = b;
    for (int i = 7; i >= 0; i--) {
        r = (r << 1) ^ ((r >> 7) * 0x11Du);
        r ^= ((y >> i) & 1u) * x;
    }
    return (uint8_t)r;
}

/* Remainder of data × x^n by the product of (x − 2^i), i < n. */
static void correct(const uint8_t *data, int len, int n, uint8_t *ret)
{
    uint8_t gen[32] = {0}, root = 1;
    gen[n - 1] = 1;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            gen[j] = multiply(gen[j], root);
            if (j + 1 < n) gen[j] ^= gen[j + 1];
        }
        root = multiply(root, 2);
    }
    memset(ret, 0, (size_t)n);
    for (int i = 0; i < len; i++) {
        uint8_t f = data[i] ^ ret[0];
        memmove(ret, ret + 1, (size_t)n - 1);
        ret[n - 1] = 0;
        for (int j = 0; j < n; j++) ret[j] ^= multiply(gen[j], f);
    }
}

/* Blocks side by side, byte by byte: first all data, then all correction. The first blocks may be one byte shorter. */
static void interleave(const uint8_t *data, int v, uint8_t ret[CODEWORDS])
{
    int blocks = n_blocks[v], ecc = ecc_per_block[v], total = data_codewords(v);
    int shorter = total / blocks, n_short = blocks - total % blocks, at = 0, out = 0;
    int start[16], len[16];
    uint8_t tail[16][32];
    for (int i = 0; i < blocks; i++) {
        start[i] = at;
        len[i] = shorter + (i >= n_short);
        correct(data + at, len[i], ecc, tail[i]);
        at += len[i];
    }
    for (int k = 0; k <= shorter; k++)
        for (int i = 0; i < blocks; i++)
            if (k < len[i]) ret[out++] = data[start[i] + k];
    for (int k = 0; k < ecc; k++)
        for (int i = 0; i < blocks; i++) ret[out++] = tail[i][k];
}

/* ---- patterns -------------------------------------------------------------------------------------------------- */

static void set(grid *g, int x, int y, bool dark)
{
    if (x < 0 || y < 0 || x >= g->q->size || y >= g->q->size) return;
    g->q->dark[y][x] = dark;
    g->fixed[y][x] = 1;
}

static int farther(int a, int b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    return a > b ? a : b;
}

static void finder(grid *g, int cx, int cy)
{
    for (int y = -4; y <= 4; y++)
        for (int x = -4; x <= 4; x++) {
            int d = farther(x, y);
            set(g, cx + x, cy + y, d != 2 && d != 4);
        }
}

static void alignments(grid *g)
{
    int v = g->version, n = v < 2 ? 0 : v / 7 + 2, pos[4] = {6}, last = g->q->size - 7;
    int step = n > 1 ? (v * 4 + n * 2 + 1) / (n * 2 - 2) * 2 : 0;
    for (int i = n - 1; i >= 1; i--) pos[i] = last - (n - 1 - i) * step;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            bool corner =
                (i == 0 && j == 0) || (i == 0 && j == n - 1) || (i == n - 1 && j == 0);
            for (int y = -2; !corner && y <= 2; y++)
                for (int x = -2; x <= 2; x++)
                    set(g, pos[i] + x, pos[j] + y, farther(x, y) != 1);
        }
}

static bool bit(uint32_t v, int i)
{
    return (v >> i) & 1u;
}

/* Level M and the mask, twice, protected by a BCH code. */
static void format(grid *g, uint32_t mask)
{
    uint32_t rem = mask;
    int last = g->q->size - 1;
    for (int i = 0; i < 10; i++) rem = (rem << 1) ^ ((rem >> 9) * 0x537u);
    uint32_t v = ((mask << 10) | rem) ^ 0x5412u;
    for (int i = 0; i <= 5; i++) set(g, 8, i, bit(v, i));
    set(g, 8, 7, bit(v, 6));
    set(g, 8, 8, bit(v, 7));
    set(g, 7, 8, bit(v, 8));
    for (int i = 9; i < 15; i++) set(g, 14 - i, 8, bit(v, i));
    for (int i = 0; i < 8; i++) set(g, last - i, 8, bit(v, i));
    for (int i = 8; i < 15; i++) set(g, 8, last - 14 + i, bit(v, i));
    set(g, 8, last - 7, true);
}

static void version_info(grid *g)
{
    uint32_t rem = (uint32_t)g->version;
    if (g->version < 7) return;
    for (int i = 0; i < 12; i++) rem = (rem << 1) ^ ((rem >> 11) * 0x1F25u);
    uint32_t v = ((uint32_t)g->version << 12) | rem;
    for (int i = 0; i < 18; i++) {
        int a = g->q->size - 11 + i % 3, b = i / 3;
        set(g, a, b, bit(v, i));
        set(g, b, a, bit(v, i));
    }
}

static void patterns(grid *g)
{
    int last = g->q->size - 1;
    for (int i = 0; i <= last; i++) {
        set(g, 6, i, i % 2 == 0);
        set(g, i, 6, i % 2 == 0);
    }
    finder(g, 3, 3);
    finder(g, last - 3, 3);
    finder(g, 3, last - 3);
    alignments(g);
    format(g, 0);
    version_info(g);
}

/* Two columns at a time from the right, up and down by turns, past the vertical timing pattern. */
static void place(grid *g, const uint8_t *words, int n)
{
    int size = g->q->size, at = 0;
    for (int right = size - 1; right >= 1; right -= 2) {
        if (right == 6) right = 5;
        for (int k = 0; k < size * 2; k++) {
            int x = right - k % 2, row = k / 2;
            int y = ((right + 1) & 2) == 0 ? size - 1 - row : row;
            if (g->fixed[y][x] || at >= n * 8) continue;
            unsigned word = words[at / 8];
            g->q->dark[y][x] = (word >> (7 - at % 8)) & 1u;
            at++;
        }
    }
}

/* ---- masks ----------------------------------------------------------------------------------------------------- */

static bool masked(int mask, int x, int y)
{
    switch (mask) {
    case 0:
        return (x + y) % 2 == 0;
    case 1:
        return y % 2 == 0;
    case 2:
        return x % 3 == 0;
    case 3:
        return (x + y) % 3 == 0;
    case 4:
        return (x / 3 + y / 2) % 2 == 0;
    case 5:
        return x * y % 2 + x * y % 3 == 0;
    case 6:
        return (x * y % 2 + x * y % 3) % 2 == 0;
    default:
        return ((x + y) % 2 + x * y % 3) % 2 == 0;
    }
}

static void apply(grid *g, int mask)
{
    for (int y = 0; y < g->q->size; y++)
        for (int x = 0; x < g->q->size; x++)
            if (!g->fixed[y][x] && masked(mask, x, y)) g->q->dark[y][x] ^= 1;
}

/* Runs of five and more of a colour along one direction. */
static int runs(const mn_qr *q, bool down)
{
    int sum = 0;
    for (int i = 0; i < q->size; i++)
        for (int j = 1, run = 1; j <= q->size; j++) {
            bool same = j < q->size && (down ? q->dark[j][i] == q->dark[j - 1][i]
                                             : q->dark[i][j] == q->dark[i][j - 1]);
            if (!same && run >= 5) sum += run - 2;
            run = same ? run + 1 : 1;
        }
    return sum;
}

static int penalty(const mn_qr *q)
{
    int sum = runs(q, false) + runs(q, true), dark = 0;
    for (int y = 0; y < q->size; y++)
        for (int x = 0; x < q->size; x++) {
            uint8_t c = q->dark[y][x];
            dark += c;
            if (x + 1 < q->size && y + 1 < q->size && c == q->dark[y][x + 1] &&
                c == q->dark[y + 1][x] && c == q->dark[y + 1][x + 1])
                sum += 3;
        }
    int off = dark * 20 - q->size * q->size * 10;
    return sum + (off < 0 ? -off : off) / (q->size * q->size) * 10;
}

static void choose_mask(grid *g)
{
    int best = 0, least = 0;
    for (int mask = 0; mask < 8; mask++) {
        apply(g, mask);
        format(g, (uint32_t)mask);
        int p = penalty(g->q);
        if (mask == 0 || p < least) {
            least = p;
            best = mask;
        }
        apply(g, mask);
    }
    apply(g, best);
    format(g, (uint32_t)best);
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

mn_rc mn_qr_make(mn_str text, mn_qr *ret, mn_err *e)
{
    uint8_t data[CODEWORDS] = {0}, words[CODEWORDS] = {0};
    mn_qr q = {0};
    grid g = {.q = &q, .version = version_for(text.len)};
    if (!g.version) return mn_fail(e, MN_E_LIMIT, "too much text for a QR code");
    q.size = 17 + 4 * g.version;
    put_text(text, g.version, data);
    interleave(data, g.version, words);
    patterns(&g);
    place(&g, words, raw_codewords(g.version));
    choose_mask(&g);
    *ret = q;
    return MN_OK;
}

void mn_qr_svg(const mn_qr *q, const char *title, mn_buf *b)
{
    int side = q->size + 8;
    mn_buf_addf(b,
                "<svg class=\"qr\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\"><path "
                "fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path fill=\"#000\" d=\"",
                side, side, title, side, side);
    for (int y = 0; y < q->size; y++)
        for (int x = 0; x < q->size; x++) {
            int n = 0;
            while (x + n < q->size && q->dark[y][x + n]) n++;
            if (n) mn_buf_addf(b, "M%d %dh%dv1h-%dz", x + 4, y + 4, n, n);
            x += n;
        }
    mn_buf_addz(b, "\"/></svg>");
}
