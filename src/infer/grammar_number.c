/* Numbers between bounds. A bounded number is written with at most 15 digits, F of them behind the point, so it is an integer in units of 10^-F, and every
 * bound becomes a closed one. For each number of digits before the point there is one automaton that reads the digits beside those of the bounds:
 * `lower` while the prefix equals the lower bound's, `upper` while it equals the upper bound's; once it is neither, only the digits that are
 * left count, and all such states are shared. A value that a reader takes as a binary floating point number keeps its order, as 15
 * digits are never rounded into each other. */
#include "infer/grammar_int.h"

enum { DIGITS = 15, DIGITS_INTEGER = 18, FRACTION = 6, EXPONENT_DIGITS = 2, DEC_MAX = 320 };

/* ---- decimals -------------------------------------------------------------------------------------------------- */

typedef struct decimal {
    bool negative;
    int n,
        point; /* digits, none of them a leading or trailing 0; the point stands behind the first `point` (may be < 0 or > n) */
    char d[DEC_MAX];
} decimal;

static mn_rc exponent_of(mn_str s, int *ret)
{
    int64_t v;
    if (s.len && s.ptr[0] == '+') s = mn_str_sub(s, 1, SIZE_MAX);
    mn_rc rc = mn_str_to_i64(s, &v);
    if (rc != MN_OK || v < -100000 || v > 100000) return MN_E_LIMIT;
    *ret = (int)v;
    return MN_OK;
}

static mn_rc decimal_read(mn_str s, decimal *ret)
{
    decimal x = {0};
    bool behind = false;
    size_t i = 0;
    int exponent = 0;
    if (s.len && s.ptr[0] == '-') x.negative = ++i;
    for (; i < s.len && s.ptr[i] != 'e' && s.ptr[i] != 'E'; i++) {
        if (s.ptr[i] == '.') {
            behind = true;
            continue;
        }
        if (!x.n && s.ptr[i] == '0') {
            x.point -= behind;
            continue;
        }
        if (x.n == DEC_MAX) return MN_E_LIMIT;
        x.d[x.n++] = s.ptr[i];
        x.point += !behind;
    }
    if (i < s.len) MN_TRY(exponent_of(mn_str_sub(s, i + 1, SIZE_MAX), &exponent));
    while (x.n && x.d[x.n - 1] == '0') x.n--;
    x.point = x.n ? x.point + exponent : 0;
    x.negative = x.negative && x.n;
    *ret = x;
    return MN_OK;
}

static int magnitude_cmp(const decimal *x, const decimal *y)
{
    if (!x->n || !y->n) return (x->n > 0) - (y->n > 0);
    if (x->point != y->point) return x->point < y->point ? -1 : 1;
    return mn_str_cmp((mn_str){x->d, (size_t)x->n}, (mn_str){y->d, (size_t)y->n});
}

mn_rc mn_grammar__number_cmp(mn_str a, mn_str b, int *ret)
{
    decimal x, y;
    MN_TRY(decimal_read(a, &x));
    MN_TRY(decimal_read(b, &y));
    int c = x.negative != y.negative ? (x.negative ? -1 : 1)
                                     : (x.negative ? -1 : 1) * magnitude_cmp(&x, &y);
    *ret = (c > 0) - (c < 0);
    return MN_OK;
}

bool mn_grammar__number_is_integer(mn_str a)
{
    decimal x;
    return decimal_read(a, &x) == MN_OK && x.point >= x.n;
}

/* ---- bounds ---------------------------------------------------------------------------------------------------- */

static int64_t power10(int n)
{
    int64_t p = 1;
    while (n-- > 0) p *= 10;
    return p;
}

/* x in units of 10^-F, towards −infinity (or +infinity when `up`); *ret_exact. Larger than 10^18 gives that. */
static int64_t scaled(const decimal *x, int F, bool up, bool *ret_exact)
{
    int64_t v = 0;
    int digits = x->point + F; /* of the result */
    *ret_exact = digits >= x->n;
    if (x->n && digits > DIGITS_INTEGER) {
        *ret_exact = false;
        v = power10(DIGITS_INTEGER);
        return x->negative ? -v : v;
    }
    for (int i = 0; i < digits; i++) v = v * 10 + (i < x->n ? x->d[i] - '0' : 0);
    if (!*ret_exact && up != x->negative) v++;
    return x->negative ? -v : v;
}

typedef struct range {
    int F;
    int64_t lo, hi; /* both may be reached */
} range;

static int whole_digits(const decimal *x)
{
    return x->n && x->point > 1 ? x->point : 1;
}

static int fraction_digits(const decimal *x)
{
    return x->n > x->point ? x->n - x->point : 0;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static mn_rc range_of(const mn_gbounds *in, bool integer, range *ret)
{
    decimal lo = {0}, hi = {0};
    bool exact;
    if (in->lo.ptr) MN_TRY(decimal_read(in->lo, &lo));
    if (in->hi.ptr) MN_TRY(decimal_read(in->hi, &hi));
    int whole = larger(whole_digits(&lo), whole_digits(&hi)),
        digits = integer ? DIGITS_INTEGER : DIGITS;
    if ((!in->lo.ptr || !in->hi.ptr) && whole < DIGITS - FRACTION) whole = DIGITS - FRACTION;
    int F =
        integer ? 0 : larger(FRACTION, larger(fraction_digits(&lo), fraction_digits(&hi)) + 1);
    if (F > digits - whole) F = larger(digits - whole, 0);
    int most_digits = integer && whole <= DIGITS ? DIGITS : digits;
    int64_t most = power10(most_digits) - 1;
    range r = {.F = F, .lo = -most, .hi = most};
    if (in->lo.ptr) {
        int64_t v = scaled(&lo, F, true, &exact);
        if (exact && in->lo_open) v++;
        if (v > most) return MN_E_LIMIT;
        if (v > r.lo) r.lo = v;
    }
    if (in->hi.ptr) {
        int64_t v = scaled(&hi, F, false, &exact);
        if (exact && in->hi_open) v--;
        if (v < -most) return MN_E_LIMIT;
        if (v < r.hi) r.hi = v;
    }
    *ret = r;
    return MN_OK;
}

/* ---- digits ---------------------------------------------------------------------------------------------------- */

/* Numbers of n digits before the point, not negative. */
typedef struct digits {
    mn_gbuild *b;
    int n, F;
    char lo[24], hi[24];
    uint16_t *whole,
        *behind; /* shared: k digits are still due before the point; may still come behind it */
} digits;

static uint16_t digit_place(digits *g, int at, bool lower, bool upper);

static bool all(const char *s, int from, int to, char c)
{
    for (; from < to; from++) {
        if (s[from] != c) return false;
    }
    return true;
}

static uint16_t digit_table(digits *g, int at, bool lower, bool upper)
{
    uint16_t table = mn_grammar__table(g->b);
    char from = lower ? g->lo[at] : '0', to = upper ? g->hi[at] : '9';
    for (char c = from; c <= to && g->b->rc == MN_OK; c++)
        mn_grammar__edges(
            g->b, table, (uint8_t)c, (uint8_t)c,
            digit_place(g, at + 1, lower && c == g->lo[at], upper && c == g->hi[at]));
    return table;
}

/* After `at` digits: what may follow. */
static uint16_t digit_place(digits *g, int at, bool lower, bool upper)
{
    int total = g->n + g->F;
    uint16_t more = MN_G_NONE, *shared = NULL;
    lower = lower && !all(g->lo, at, total, '0');
    upper = upper && !all(g->hi, at, total, '9');
    if (!lower && !upper) shared = at < g->n ? &g->whole[g->n - at] : &g->behind[total - at];
    if (shared && at == g->n && g->F) shared = &g->whole[0]; /* the point has not come yet */
    if (shared && *shared != MN_G_NONE) return *shared;
    if (at < total) more = digit_table(g, at, lower, upper);
    if (at == g->n && g->F) more = mn_grammar__byte(g->b, '.', more);
    if (at >= g->n && !lower) more = mn_grammar__split(g->b, g->b->ret, more);
    if (shared) *shared = more;
    return more;
}

static void write_digits(char *to, int n, int64_t v)
{
    for (; n > 0; v /= 10) to[--n] = (char)('0' + v % 10);
}

/* Numbers lo .. hi, 0 ≤ lo ≤ hi, in units of 10^-F; a chain of splits, one for each number of digits. */
static uint16_t magnitudes(mn_gbuild *b, int64_t lo, int64_t hi, int F)
{
    uint16_t whole[DIGITS_INTEGER + 2], behind[DIGITS_INTEGER + 2], all_of = MN_G_NONE;
    memset(whole, 0xFF, sizeof whole);
    memset(behind, 0xFF, sizeof behind);
    for (int n = 1; n + F <= DIGITS_INTEGER && b->rc == MN_OK; n++) {
        digits g = {.b = b, .n = n, .F = F, .whole = whole, .behind = behind};
        int64_t least = n == 1 ? 0 : power10(n - 1 + F), most = power10(n + F) - 1;
        if (lo > most || hi < least) continue;
        if (lo > least) least = lo;
        if (hi < most) most = hi;
        write_digits(g.lo, n + F, least);
        write_digits(g.hi, n + F, most);
        /* the first digit of several is never a free one: it is no 0 */
        all_of = mn_grammar__split(
            b, n > 1 ? digit_table(&g, 0, true, true) : digit_place(&g, 0, true, true), all_of);
    }
    return all_of;
}

/* ---- without bounds -------------------------------------------------------------------------------------------- */

/* One to most digits; then `next` at once, or `other` by way of what it is. */
static uint16_t some_digits(mn_gbuild *b, int most, uint16_t next)
{
    uint16_t at = MN_G_NONE;
    for (int i = 0; i < most; i++) {
        uint16_t then = mn_grammar__split(b, next, at), table = mn_grammar__table(b);
        mn_grammar__edges(b, table, '0', '9', then);
        at = table;
    }
    return at;
}

static uint16_t any_number(mn_gbuild *b)
{
    if (b->number != MN_G_NONE) return b->number;
    uint16_t sign = mn_grammar__table(b), e = mn_grammar__table(b),
             first = mn_grammar__table(b);
    uint16_t power = some_digits(b, EXPONENT_DIGITS, b->ret);
    mn_grammar__edges(b, sign, '+', '+', power);
    mn_grammar__edges(b, sign, '-', '-', power);
    uint16_t exponent = mn_grammar__split(b, sign, power);
    mn_grammar__edges(b, e, 'e', 'e', exponent);
    mn_grammar__edges(b, e, 'E', 'E', exponent);
    uint16_t scale = mn_grammar__split(b, b->ret, e);
    uint16_t point = mn_grammar__byte(b, '.', some_digits(b, DIGITS, scale));
    uint16_t whole = mn_grammar__split(b, scale, point);
    mn_grammar__edges(b, first, '0', '0', whole);
    mn_grammar__edges(b, first, '1', '9',
                      mn_grammar__split(b, whole, some_digits(b, DIGITS - 1, whole)));
    return b->number = mn_grammar__split(b, first, mn_grammar__byte(b, '-', first));
}

uint16_t mn_grammar__number(mn_gbuild *b, const mn_gbounds *in, bool integer)
{
    range r;
    bool free = !in->lo.ptr && !in->hi.ptr;
    if (free && !integer) return any_number(b);
    if (free && b->integer != MN_G_NONE) return b->integer;
    if (range_of(in, integer, &r) != MN_OK)
        return mn_grammar__fail(b, MN_E_LIMIT, "a minimum or maximum has too many digits");
    uint16_t all_of = MN_G_NONE;
    if (r.hi >= 0 && r.lo <= r.hi) all_of = magnitudes(b, r.lo > 0 ? r.lo : 0, r.hi, r.F);
    if (r.lo < 0 && r.lo <= r.hi) {
        uint16_t below = magnitudes(b, r.hi < 0 ? -r.hi : 1, -r.lo, r.F);
        all_of = mn_grammar__split(b, all_of, mn_grammar__byte(b, '-', below));
    }
    if (free) b->integer = all_of;
    return all_of;
}
