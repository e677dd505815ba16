/* Telephone, card, social security and bank account numbers.
 *
 * A number is read once into groups of digits with what stands between them; each rule then looks at the groups. Sources:
 * ITU-T E.164 (at most 15 digits), the North American numbering plan (area and exchange begin 2–9), ISO/IEC 7812 (Luhn),
 * ISO 13616 (IBAN lengths, mod 97), the US Social Security Administration's list of numbers never issued.
 */
#include "corpus/chars.h"
#include "corpus/pii.h"

#define GROUPS 8
#define DIGITS 24

typedef struct number {
    char digits[DIGITS];
    int n_digits, n_groups;
    int len[GROUPS]; /* digits in each group */
    char sep
        [GROUPS]; /* between group i and i + 1: ' ', '-', '.', or '*' for two characters or a bracket */
    size_t end[GROUPS]; /* position after each group (and its closing bracket) */
    bool plus, bracket; /* began with '+', '(' */
} number;

bool mn_corpus__word_before(mn_str t, size_t at, size_t window, const char *const *words)
{
    size_t from = at > window ? at - window : 0;
    for (; *words; words++) {
        size_t n = strlen(*words);
        for (size_t i = from; i + n <= at; i++) {
            size_t k = 0;
            while (k < n && mn_lower(t.ptr[i + k]) == (*words)[k]) k++;
            if (k == n && !mn_is_alnum(mn_before(t, i)) &&
                (i + n == at || !mn_is_alpha(t.ptr[i + n])))
                return true;
        }
    }
    return false;
}

/* One or two separators between groups; their number, 0 when the number ends here. */
static size_t separator(mn_str t, size_t at, char *ret)
{
    char a = mn_at(t, at), b = mn_at(t, at + 1);
    if (a != ' ' && a != '-' && a != '.' && a != '(') return 0;
    *ret = a == '(' ? '*' : a;
    if (mn_is_digit(b)) return 1;
    if ((b != ' ' && b != '-' && b != '(') || !mn_is_digit(mn_at(t, at + 2))) return 0;
    *ret = '*';
    return 2;
}

static bool read_number(mn_str t, size_t at, number *n)
{
    *n = (number){0};
    size_t i = at;
    if (mn_at(t, i) == '+') n->plus = true, i++;
    if (mn_at(t, i) == '(') n->bracket = true, i++;
    while (n->n_groups < GROUPS) {
        size_t from = i;
        while (i < t.len && mn_is_digit(t.ptr[i]) && n->n_digits < DIGITS)
            n->digits[n->n_digits++] = t.ptr[i++];
        if (i == from || mn_is_digit(mn_at(t, i))) return false; /* none, or too many digits */
        if (mn_at(t, i) == ')') i++;
        n->len[n->n_groups] = (int)(i - from) - (mn_before(t, i) == ')');
        n->end[n->n_groups] = i;
        size_t gap = separator(t, i, &n->sep[n->n_groups]);
        n->n_groups++;
        if (gap == 0) break;
        i += gap;
    }
    return true;
}

/* Digits in the first k groups. */
static int digits_in(const number *n, int k)
{
    int sum = 0;
    for (int i = 0; i < k; i++) sum += n->len[i];
    return sum;
}

/* The number may end after k groups: what follows is no letter, and no digits glued on by '-' or '.'. */
static bool may_end(mn_str t, const number *n, int k)
{
    char after = mn_at(t, n->end[k - 1]);
    if (mn_is_alnum(after) || after == '@' || after == '%') return false;
    if (k == n->n_groups) return after != '/' || !mn_is_digit(mn_at(t, n->end[k - 1] + 1));
    return n->sep[k - 1] == ' ' || n->sep[k - 1] == '*';
}

static bool same_separators(const number *n, int from, int k)
{
    for (int i = from + 1; i < k - 1; i++)
        if (n->sep[i] != n->sep[from]) return false;
    return true;
}

static bool all_same(const char *d, int n)
{
    for (int i = 1; i < n; i++)
        if (d[i] != d[0]) return false;
    return true;
}

/* ---- telephone ----------------------------------------------------------------------------------------------- */

static bool north_american(const number *n, int k, bool glued)
{
    int g = n->len[0] == 1 && n->digits[0] == '1' ? 1 : 0;
    if (k - g == 1) return glued && n->len[g] == 10;
    if (k - g != 3 || n->len[g] != 3 || n->len[g + 1] != 3 || n->len[g + 2] != 4) return false;
    return n->digits[g] >= '2' && n->digits[g + 3] >= '2';
}

static bool looks_like_a_date(const number *n)
{
    return n->n_groups >= 3 && n->len[0] == 2 && n->len[1] == 2 && n->len[2] == 4;
}

/* The number goes on from digits before it, so it has no beginning here. */
static bool continues(mn_str t, size_t at)
{
    char sep = mn_before(t, at);
    return (sep == ' ' || sep == '-') && at >= 2 && mn_is_digit(t.ptr[at - 2]);
}

/* National form: leading 0, two groups or more with the same separator, 9 to 11 digits. */
static bool national(const number *n, int k)
{
    int d = digits_in(n, k);
    if (memcmp(n->digits, "000", 3) == 0) return false;
    if (k == 3 && n->len[0] == 3 && n->len[1] == 2 && n->len[2] == 4) return false; /* ssn */
    if (n->digits[0] != '0' || k < 2 || d < 9 || d > 11 || looks_like_a_date(n)) return false;
    if (n->len[0] < 2 || n->len[0] > 5 || !same_separators(n, 1, k)) return false;
    for (int i = 1; i < k; i++)
        if (n->len[i] < 2) return false;
    return true;
}

/* How many groups make a telephone number; 0: none do. whole: nothing of it stands before. */
static int phone_groups(mn_str t, const number *n, bool asked, bool whole)
{
    for (int k = n->n_groups; k > 0; k--) {
        int d = digits_in(n, k);
        if (!may_end(t, n, k)) continue;
        if (n->plus && d >= 8 && d <= 15 && n->digits[0] != '0') return k;
        if (n->plus) continue;
        if (north_american(n, k, asked) || (whole && national(n, k))) return k;
        if (asked && d >= 7 && d <= 15 && k <= 5 && !looks_like_a_date(n)) return k;
    }
    return 0;
}

bool mn_corpus__phone(mn_str t, size_t at, mn_pii_span *ret)
{
    static const char *const not_phones[] = {"isbn", "issn", "doi", "order", "id", NULL};
    static const char *const phones[] = {"call",     "tel",   "phone", "cell", "mobile",
                                         "whatsapp", "fax",   "sms",   "text", "dial",
                                         "telefon",  "handy", "ph",    NULL};
    char b = mn_before(t, at), c = mn_at(t, at);
    number n;
    if (mn_is_alnum(b) || b == '#' || b == '$' || (b == '.' || b == ',' || b == '/'))
        return false;
    if (c != '+' && c != '(' && !mn_is_digit(c)) return false;
    if (!read_number(t, at, &n) || n.n_digits < 7) return false;
    if (all_same(n.digits, n.n_digits)) return false;
    bool asked = mn_corpus__word_before(t, at, 16, phones);
    int k = phone_groups(t, &n, asked, !continues(t, at));
    if (k == 0 || mn_corpus__word_before(t, at, 24, not_phones)) return false;
    *ret = (mn_pii_span){at, n.end[k - 1]};
    return true;
}

/* ---- payment cards ------------------------------------------------------------------------------------------- */

static bool luhn(const char *d, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        int v = d[n - 1 - i] - '0';
        if (i % 2) v = v > 4 ? 2 * v - 9 : 2 * v;
        sum += v;
    }
    return sum % 10 == 0;
}

/* Issuer and length fit. Lengths that ids have too (17 to 19 digits) are taken in groups only. */
static bool issued(const char *d, int n, bool grouped)
{
    int p2 = (d[0] - '0') * 10 + (d[1] - '0'), p4 = p2 * 100 + (d[2] - '0') * 10 + (d[3] - '0');
    if (n == 15) return p2 == 34 || p2 == 37;
    if (n == 14) return p2 == 36 || p2 == 38 || (p4 >= 3000 && p4 <= 3059);
    if (n == 19) return grouped && (d[0] == '4' || p2 == 62);
    if (n != 16) return false;
    return d[0] == '4' || (p2 >= 51 && p2 <= 55) || (p4 >= 2221 && p4 <= 2720) || p4 == 6011 ||
           (p4 >= 6440 && p4 <= 6599) || p2 == 62 || p2 == 35;
}

static bool card_grouping(const number *n, int k)
{
    static const int shapes[][6] = {{16},      {15},      {14},           {4, 4, 4, 4},
                                    {4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int i = 0;
        while (i < k && i < 6 && shapes[s][i] == n->len[i]) i++;
        if (i == k && (i == 6 || shapes[s][i] == 0)) return true;
    }
    return false;
}

bool mn_corpus__card(mn_str t, size_t at, mn_pii_span *ret)
{
    number n;
    if (mn_before(t, at) == '.' || !read_number(t, at, &n) || n.n_digits < 14) return false;
    for (int k = n.n_groups; k > 0; k--) {
        int d = digits_in(&n, k);
        if (!may_end(t, &n, k) || !card_grouping(&n, k) || !same_separators(&n, 0, k)) continue;
        if (k > 1 && n.sep[0] != ' ' && n.sep[0] != '-') continue;
        if (!issued(n.digits, d, k > 1) || !luhn(n.digits, d)) continue;
        *ret = (mn_pii_span){at, n.end[k - 1]};
        return true;
    }
    return false;
}

/* ---- social security number ---------------------------------------------------------------------------------- */

bool mn_corpus__ssn(mn_str t, size_t at, mn_pii_span *ret)
{
    static const char *const never[] = {"000",       "666",       "9",
                                        "078051120", "123456789", "98765432"};
    number n;
    if (mn_before(t, at) == '-' || !read_number(t, at, &n) || n.n_groups < 3) return false;
    if (n.len[0] != 3 || n.len[1] != 2 || n.len[2] != 4) return false;
    if (n.sep[0] != '-' || n.sep[1] != '-' || !may_end(t, &n, 3)) return false;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (memcmp(n.digits, never[i], strlen(never[i])) == 0) return false;
    if (memcmp(n.digits + 3, "00", 2) == 0 || memcmp(n.digits + 5, "0000", 4) == 0)
        return false;
    if (all_same(n.digits, 9)) return false;
    *ret = (mn_pii_span){at, n.end[2]};
    return true;
}

/* ---- bank account -------------------------------------------------------------------------------------------- */

/* Country and length, ISO 13616 registry. */
static const char iban_lengths[] =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29"
    "ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28"
    "LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25"
    "QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

static size_t iban_length(char a, char b)
{
    for (size_t i = 0; i + 4 < sizeof iban_lengths; i += 4)
        if (iban_lengths[i] == a && iban_lengths[i + 1] == b)
            return (size_t)(iban_lengths[i + 2] - '0') * 10 +
                   (size_t)(iban_lengths[i + 3] - '0');
    return 0;
}

/* The rest first, then country and check digits; letters count 10 to 35: the remainder must be 1. */
static bool mod97(const char *s, size_t n)
{
    unsigned r = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[(i + 4) % n];
        r = mn_is_digit(c) ? r * 10 + (unsigned)(c - '0') : r * 100 + (unsigned)(c - 'A') + 10;
        r %= 97;
    }
    return r == 1;
}

bool mn_corpus__iban(mn_str t, size_t at, size_t floor, mn_pii_span *ret)
{
    if (at < floor + 2 || !mn_is_alpha(t.ptr[at - 1]) || !mn_is_alpha(t.ptr[at - 2]))
        return false;
    if (mn_is_alnum(mn_before(t, at - 2)) || !mn_is_digit(mn_at(t, at + 1))) return false;
    char s[40];
    size_t n = 0, i = at - 2;
    char sep = 0;
    size_t want =
        iban_length((char)(mn_lower(t.ptr[i]) - 32), (char)(mn_lower(t.ptr[i + 1]) - 32));
    while (n < want && i < t.len) {
        char c = t.ptr[i];
        if (mn_is_alnum(c)) s[n++] = mn_is_alpha(c) ? (char)(mn_lower(c) - 32) : c;
        else if ((c != ' ' && c != '-') || n % 4 || (sep && c != sep)) return false;
        else sep = c;
        i++;
    }
    if (want == 0 || n < want || mn_is_alnum(mn_at(t, i)) || !mod97(s, n)) return false;
    *ret = (mn_pii_span){at - 2, i};
    return true;
}
