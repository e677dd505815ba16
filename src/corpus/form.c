#include "corpus/form.h"

#include "base/hash.h"
#include "base/mem.h"
#include "corpus/chars.h"
#include "corpus/pii.h"
#include "text/unicode.h"

void mn_form_release(mn_form *f)
{
    mn_free(f->cp);
    *f = (mn_form){0};
}

/* Letters in lower case, digits as '0', 0 for what parts words. */
static const uint8_t ascii_form[128] = {
    ['0'] = '0', ['1'] = '0', ['2'] = '0', ['3'] = '0', ['4'] = '0', ['5'] = '0', ['6'] = '0',
    ['7'] = '0', ['8'] = '0', ['9'] = '0', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
    ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',
    ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',
    ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
    ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
    ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm',
    ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
    ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z'};

static uint32_t unicode_form(uint32_t cp)
{
    mn_uclass c = mn_uclass_of(cp);
    if (c == MN_U_LETTER) return mn_ulower(cp);
    if (c == MN_U_NUMBER) return '0';
    return mn_umark(cp) && cp != 0xfe0f ? cp : 0;
}

/* Length of a placeholder or handle at `at`, 0 when there is none. */
static size_t stand_in(mn_str t, size_t at)
{
    if (t.ptr[at] == '@') {
        size_t i = at + 1;
        while (mn_is_alnum(mn_at(t, i)) || mn_at(t, i) == '_') i++;
        return i - at > 1 ? i - at : 0;
    }
    for (int k = 0; k < MN_PII_KINDS; k++) {
        size_t n = strlen(mn_pii_placeholders[k]);
        if (t.len - at >= n && memcmp(t.ptr + at, mn_pii_placeholders[k], n) == 0) return n;
    }
    return 0;
}

static mn_rc reserve(mn_form *f, size_t n)
{
    if (n <= f->cap) return MN_OK;
    size_t cap = n < 512 ? 512 : n + n / 2;
    uint32_t *cp = mn_reallocarray(f->cp, cap, sizeof *cp);
    if (!cp) return MN_E_NOMEM;
    f->cp = cp;
    f->cap = cap;
    return MN_OK;
}

mn_rc mn_form_of(mn_str t, mn_form *f)
{
    f->n = 0;
    MN_TRY(reserve(f, t.len + 1));
    uint32_t *out = f->cp;
    bool gap = false;
    for (size_t i = 0; i < t.len;) {
        uint32_t cp = (unsigned char)t.ptr[i];
        size_t n = 1;
        if (cp < 0x80) {
            if ((cp == '[' || cp == '@') && (n = stand_in(t, i)) == 0) n = 1;
            cp = n > 1 ? 0 : ascii_form[cp];
        } else {
            n = mn_utf8_decode(t.ptr + i, t.len - i, &cp);
            cp = n ? unicode_form(cp) : 0;
            n = n ? n : 1;
        }
        i += n;
        if (cp == 0) {
            gap = true;
            continue;
        }
        if (gap && out != f->cp) *out++ = ' ';
        gap = false;
        *out++ = cp;
    }
    f->n = (size_t)(out - f->cp);
    return MN_OK;
}

void mn_form_hash(const mn_form *f, uint64_t ret[2])
{
    ret[0] = mn_hash64(f->cp, f->n * sizeof *f->cp, 0);
    ret[1] = mn_hash64(f->cp, f->n * sizeof *f->cp, 0x9e3779b97f4a7c15u);
}

size_t mn_form_words(const mn_form *f, size_t n)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->cp[i] == ' ' && --n == 0) return i;
    return f->n;
}

size_t mn_form_bytes(const mn_form *f)
{
    size_t n = f->n;
    for (size_t i = 0; i < f->n; i++)
        n += (size_t)(f->cp[i] >= 0x80) + (f->cp[i] >= 0x800) + (f->cp[i] >= 0x10000);
    return n;
}
