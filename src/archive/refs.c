/* Accounts and posts by names that mean the same on every server.
 *
 * A post's reference is "ID ORIGIN". The origin says where it was written or first imported from and never changes; the id is
 * where it lies, which every server keeps unless another post lies there (store: displaced), and then it is found all the same. */
#include "archive/moving_int.h"

#include "social/social.h"
#include "store/marks.h"

#define ORIGIN "mynah:"

/* ---- accounts ------------------------------------------------------------------------------------------------------ */

mn_str mn_moving__address(const mn_place *p, const mn_account *a, mn_arena *ar)
{
    mn_str name = mn_str_split(a->name, '@', &(mn_str){0});
    mn_str domain = a->domain.len ? a->domain : mn_str_from(p->domain);
    return mn_str_fmt(ar, "%.*s@%.*s", MN_STR_FMT(name), MN_STR_FMT(domain));
}

static bool word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all(mn_str s, size_t max, const char *besides)
{
    if (!s.len || s.len > max || s.ptr[0] == '.' || s.ptr[0] == '-') return false;
    for (size_t i = 0; i < s.len; i++)
        if (!word(s.ptr[i]) && !strchr(besides, s.ptr[i])) return false;
    return true;
}

static mn_str lower(mn_str s, mn_arena *ar)
{
    char *copy = mn_arena_strndup(ar, s.ptr ? s.ptr : "", s.len);
    for (size_t i = 0; copy && i < s.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] + 32);
    return copy ? (mn_str){copy, s.len} : MN_STR_NONE;
}

mn_rc mn_moving__account(const mn_place *p, mn_str address, mn_arena *ar, uint64_t *ret_id,
                         bool *ret_local, mn_str *ret_clean, mn_err *e)
{
    mn_account a;
    mn_str domain, name = mn_str_trim(address);
    *ret_id = 0;
    *ret_clean = MN_STR_NONE;
    if (mn_str_starts(name, "@")) name = mn_str_sub(name, 1, SIZE_MAX);
    name = mn_str_split(name, '@', &domain);
    if (!all(name, 64, "_.-") || (domain.ptr && !all(domain, 253, ".-:"))) return MN_OK;
    domain = domain.ptr ? lower(domain, ar) : mn_str_from(p->domain);
    *ret_local = mn_str_eq_nocase(domain, mn_str_from(p->domain));
    mn_str clean = mn_str_fmt(ar, "%.*s@%.*s", MN_STR_FMT(name), MN_STR_FMT(domain));
    if (!clean.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for an address");
    mn_rc rc = mn_store_account_by_name(p->store, *ret_local ? name : clean, ar, &a, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    if (rc == MN_OK && a.state != MN_ACCOUNT_DELETED) *ret_id = a.id;
    *ret_clean = clean;
    return MN_OK;
}

/* ---- posts --------------------------------------------------------------------------------------------------------- */

mn_str mn_moving__origin(const mn_place *p, const mn_post *x, mn_arena *ar)
{
    if (x->origin.len) return x->origin;
    mn_str name = mn_str_split(x->account_name, '@', &(mn_str){0});
    return mn_str_fmt(ar, ORIGIN "%s/%.*s/%llu", p->domain, MN_STR_FMT(name),
                      (unsigned long long)x->id);
}

mn_str mn_moving__ref(const mn_place *p, const mn_post *x, mn_arena *ar)
{
    mn_str origin = mn_moving__origin(p, x, ar);
    if (!origin.ptr) return MN_STR_NONE;
    return mn_str_fmt(ar, "%llu %.*s", (unsigned long long)x->id, MN_STR_FMT(origin));
}

/* "mynah:DOMAIN/NAME/ID" in its parts. */
typedef struct home_of {
    mn_str domain, name;
    uint64_t id;
} home_of;

static bool split_origin(mn_str origin, home_of *ret)
{
    mn_str rest;
    if (!mn_str_starts(origin, ORIGIN)) return false;
    ret->domain = mn_str_split(mn_str_sub(origin, sizeof ORIGIN - 1, SIZE_MAX), '/', &rest);
    ret->name = mn_str_split(rest, '/', &rest);
    return ret->domain.len && ret->name.len && mn_str_to_u64(rest, &ret->id) == MN_OK;
}

mn_rc mn_moving__post(const mn_place *p, mn_tx *tx, mn_str ref, uint64_t *ret_id, mn_err *e)
{
    home_of h;
    mn_post head;
    uint64_t id = 0, found = 0;
    mn_str origin, number = mn_str_split(ref, ' ', &origin);
    *ret_id = 0;
    if (!origin.len || mn_str_to_u64(number, &id) != MN_OK || !id || id > (uint64_t)INT64_MAX)
        return MN_OK;
    bool born_here = split_origin(origin, &h) && mn_str_eqz(h.domain, p->domain) && h.id == id;
    mn_rc rc =
        born_here ? mn_store_post_by_origin(tx, id, MN_STR(""), &found, e) : MN_E_NOT_FOUND;
    if (rc == MN_E_NOT_FOUND) rc = mn_store_post_by_origin(tx, id, origin, &found, e);
    if (rc == MN_OK) rc = mn_store_post_head(tx, found, &head, e);
    if (rc == MN_OK && !head.deleted_ms) *ret_id = found;
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

mn_str mn_moving__uri_of_ref(const mn_place *p, mn_str ref, mn_arena *ar)
{
    home_of h;
    mn_str origin;
    mn_str_split(ref, ' ', &origin);
    if (!origin.ptr) return mn_str_starts(ref, "http") ? ref : MN_STR_NONE;
    if (mn_str_starts(origin, "mastodon:http"))
        return mn_str_sub(origin, sizeof "mastodon:" - 1, SIZE_MAX);
    if (!split_origin(origin, &h)) return MN_STR_NONE;
    bool ours = mn_str_eqz(h.domain, p->domain);
    return mn_str_fmt(ar, "%s%.*s/users/%.*s/statuses/%llu", ours ? p->base : "https://",
                      ours ? 0 : (int)h.domain.len, h.domain.ptr, MN_STR_FMT(h.name),
                      (unsigned long long)h.id);
}

mn_str mn_moving__uri(const mn_place *p, const mn_post *x, mn_arena *ar)
{
    mn_str name = mn_str_split(x->account_name, '@', &(mn_str){0});
    return mn_str_fmt(ar, "%s/users/%.*s/statuses/%llu", p->base, MN_STR_FMT(name),
                      (unsigned long long)x->id);
}

/* "HOST/users/NAME/statuses/ID" or "HOST/@NAME/ID" behind the scheme; the host is everything before the first '/'. */
static bool split_uri(mn_str uri, home_of *ret)
{
    mn_str rest = MN_STR_NONE;
    if (mn_str_starts(uri, "https://")) rest = mn_str_sub(uri, 8, SIZE_MAX);
    else if (mn_str_starts(uri, "http://")) rest = mn_str_sub(uri, 7, SIZE_MAX);
    if (!rest.ptr) return false;
    ret->domain = mn_str_split(rest, '/', &rest);
    bool page = mn_str_starts(rest, "@");
    if (!page && !mn_str_starts(rest, "users/")) return false;
    ret->name = mn_str_split(mn_str_sub(rest, page ? 1 : 6, SIZE_MAX), '/', &rest);
    if (!page && mn_str_starts(rest, "statuses/")) rest = mn_str_sub(rest, 9, SIZE_MAX);
    else if (!page) return false;
    return ret->domain.len && all(ret->name, 64, "_.-") &&
           mn_str_to_u64(rest, &ret->id) == MN_OK;
}

static bool our_host(const mn_place *p, mn_str host)
{
    const char *at = strstr(p->base, "://");
    return mn_str_eqz(host, p->domain) || (at && mn_str_eqz(host, at + 3));
}

mn_rc mn_moving__ref_of_uri(const mn_place *p, mn_str uri, mn_arena *ar, mn_str *ret, mn_err *e)
{
    home_of h;
    mn_post x;
    mn_str ref = uri;
    if (split_uri(uri, &h)) {
        mn_rc rc =
            our_host(p, h.domain) ? mn_store_post(p->store, h.id, ar, &x, e) : MN_E_NOT_FOUND;
        if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
        ref = rc == MN_OK ? mn_moving__ref(p, &x, ar)
                          : mn_str_fmt(ar, "%llu " ORIGIN "%.*s/%.*s/%llu",
                                       (unsigned long long)h.id, MN_STR_FMT(h.domain),
                                       MN_STR_FMT(h.name), (unsigned long long)h.id);
    }
    if (!ref.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a post's address");
    *ret = ref;
    return MN_OK;
}
