/* Events as text, for other processes on the same database.
 *
 *   payload = ORIGIN "." PART ":" ( "*" | event *( ";" event ) )
 *   event   = KIND "," ID "," ACCOUNT "," OTHER
 *
 * all numbers in lower-case hexadecimal without leading zeros, 0 as nothing; ORIGIN: the store that tells, 16 digits, by
 * which it knows its own; PART: counts the payloads of a transaction, so that no two are the same (PostgreSQL would drop
 * one of them). "*" tells that anything may have changed. Whoever may write to the database may send anything here, so
 * reading is total. */
#include "store/store_int.h"

#include <stdio.h>

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static char *put_hex(char *at, uint64_t v)
{
    char digits[16];
    int n = 0;
    for (; v; v >>= 4) digits[n++] = "0123456789abcdef"[v & 15];
    while (n > 0) *at++ = digits[--n];
    return at;
}

static char *put_event(char *at, const mn_event *ev)
{
    const uint64_t fields[] = {(uint64_t)ev->kind, ev->id, ev->account, ev->other};
    for (int i = 0; i < 4; i++) {
        if (i) *at++ = ',';
        at = put_hex(at, fields[i]);
    }
    return at;
}

size_t mn_store__events_write(uint64_t origin, unsigned part, const mn_event *ev, size_t n,
                              char ret[MN_STORE_PAYLOAD_MAX + 1])
{
    enum { EVENT_MOST = 2 + 3 * 17 + 1 };
    int head = snprintf(ret, 32, "%016llx.%x:", (unsigned long long)origin, part);
    char *at = ret + head;
    const char *end = ret + MN_STORE_PAYLOAD_MAX - EVENT_MOST - 2;
    size_t taken = 0;
    if (n == 0) *at++ = '*';
    while (taken < n && taken < MN_STORE_PAYLOAD_EVENTS && at < end) {
        if (taken) *at++ = ';';
        at = put_event(at, &ev[taken++]);
    }
    *at = '\0';
    return taken;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Up to 16 digits and the byte after them, which is `end` (0: the end of the text). */
static bool take_hex(mn_str *s, char end, uint64_t *ret)
{
    uint64_t v = 0;
    size_t n = 0;
    for (; n < s->len; n++) {
        char c = s->ptr[n];
        if (c >= '0' && c <= '9') v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f') v = v << 4 | (uint64_t)(c - 'a' + 10);
        else break;
    }
    bool field = end == ',' || end == '\0'; /* the others are never nothing, and have zeros */
    if (n > 16 || (field && n > 0 && s->ptr[0] == '0') || (!field && n == 0)) return false;
    if (end ? n == s->len || s->ptr[n] != end : n != s->len) return false;
    *s = mn_str_sub(*s, n + 1, SIZE_MAX);
    *ret = v;
    return true;
}

static bool take_event(mn_str s, mn_event *ret)
{
    uint64_t kind;
    mn_event ev;
    if (!take_hex(&s, ',', &kind) || !take_hex(&s, ',', &ev.id) ||
        !take_hex(&s, ',', &ev.account) || !take_hex(&s, 0, &ev.other))
        return false;
    if (kind < 1 || kind > MN_EV_KIND_LAST) return false;
    ev.kind = (mn_event_kind)kind;
    *ret = ev;
    return true;
}

mn_rc mn_store__events_read(mn_str payload, uint64_t *ret_origin,
                            mn_event ret[MN_STORE_PAYLOAD_EVENTS], size_t *ret_n, mn_err *e)
{
    uint64_t origin, part;
    mn_str rest = payload;
    size_t n = 0;
    if (payload.len > MN_STORE_PAYLOAD_MAX)
        return mn_fail(e, MN_E_LIMIT, "what another process told is too long");
    bool good = mn_str_find(payload, MN_STR("."), 0) == 16 && take_hex(&rest, '.', &origin) &&
                take_hex(&rest, ':', &part);
    if (good && mn_str_eqz(rest, "*")) {
        ret[n++] = (mn_event){.kind = MN_EV_ALL};
        rest = MN_STR_NONE;
    }
    while (good && rest.ptr) {
        mn_str one = mn_str_split(rest, ';', &rest);
        good = n < MN_STORE_PAYLOAD_EVENTS && take_event(one, &ret[n]);
        n += good;
    }
    if (!good || n == 0)
        return mn_fail(e, MN_E_PARSE, "what another process told is not in our form");
    *ret_origin = origin;
    *ret_n = n;
    return MN_OK;
}
