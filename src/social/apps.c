/* Apps register themselves; what they say is checked, and nothing of it is trusted. */
#include "base/clock.h"
#include "base/snowflake.h"
#include "social/oauth.h"

#define NAME_MAX_CHARS 60
#define URL_MAX        2000
#define REDIRECTS_MAX  32
#define SCOPES_MAX     2048

/* ---- addresses ------------------------------------------------------------------------------------------------- */

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "myapp" of "myapp://x"; empty when there is none. */
static mn_str scheme_of(mn_str uri)
{
    size_t i = 0;
    while (i < uri.len && (is_alpha(uri.ptr[i]) ||
                           (i > 0 && (is_digit(uri.ptr[i]) || strchr("+-.", uri.ptr[i])))))
        i++;
    return i > 0 && i < uri.len && uri.ptr[i] == ':' ? mn_str_sub(uri, 0, i) : MN_STR("");
}

/* Schemes whose address is itself what is shown or run. */
static bool is_refused_scheme(mn_str s)
{
    static const char *const bad[] = {"javascript", "data", "vbscript",   "file",
                                      "about",      "blob", "filesystem", "view-source",
                                      "ws",         "wss",  "mailto",     "tel"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mn_str_eq_nocase(s, mn_str_from(bad[i]))) return true;
    return false;
}

static bool is_web(mn_str scheme)
{
    return mn_str_eq_nocase(scheme, MN_STR("https")) ||
           mn_str_eq_nocase(scheme, MN_STR("http"));
}

/* "host:port" of what follows "scheme://". */
static mn_str authority_of(mn_str uri, mn_str scheme)
{
    mn_str rest = mn_str_sub(uri, scheme.len + 1, uri.len);
    if (!mn_str_starts(rest, "//")) return MN_STR("");
    size_t n = 2;
    while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?') n++;
    return mn_str_sub(rest, 2, n - 2);
}

static bool is_host(mn_str s)
{
    if (s.len == 0 || s.len > 255) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_alpha(s.ptr[i]) && !is_digit(s.ptr[i]) && !strchr(".-:[]_", s.ptr[i]))
            return false;
    return true;
}

bool mn_oauth_redirect_fine(mn_str uri)
{
    if (mn_str_eqz(uri, MN_OAUTH_OOB)) return true;
    if (uri.len == 0 || uri.len > URL_MAX) return false;
    for (size_t i = 0; i < uri.len; i++)
        if (uri.ptr[i] <= ' ' || uri.ptr[i] >= 0x7f || strchr("#\"<>\\^`{|}", uri.ptr[i]))
            return false;
    mn_str scheme = scheme_of(uri);
    if (scheme.len == 0 || is_refused_scheme(scheme) || scheme.len + 1 == uri.len) return false;
    return !is_web(scheme) || is_host(authority_of(uri, scheme));
}

mn_str mn_oauth_redirect_source(mn_str uri, mn_arena *ar)
{
    mn_str scheme = scheme_of(uri);
    if (mn_str_eqz(uri, MN_OAUTH_OOB) || scheme.len == 0) return MN_STR_NONE;
    if (!is_web(scheme)) return mn_str_fmt(ar, "%.*s:", MN_STR_FMT(scheme));
    return mn_str_fmt(ar, "%.*s://%.*s", MN_STR_FMT(scheme),
                      MN_STR_FMT(authority_of(uri, scheme)));
}

/* ---- registering ----------------------------------------------------------------------------------------------- */

static mn_rc invalid(mn_err *e, const char *what)
{
    return mn_fail(e, MN_E_USAGE, "Validation failed: %s", what);
}

/* All addresses as lines, each checked. */
static mn_rc redirect_lines(const mn_app_ask *ask, mn_buf *b, mn_err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < ask->n_redirects; i++) {
        mn_str rest = ask->redirects[i];
        while (rest.ptr) {
            mn_str uri = mn_str_trim(mn_str_split(rest, '\n', &rest));
            if (uri.len == 0) continue;
            if (!mn_oauth_redirect_fine(uri))
                return invalid(e, scheme_of(uri).len ? "Redirect URI is invalid"
                                                     : "Redirect URI must be an absolute URI.");
            if (++n > REDIRECTS_MAX) return invalid(e, "Redirect URI are too many");
            if (b->len) mn_buf_addc(b, '\n');
            mn_buf_adds(b, uri);
        }
    }
    return n ? MN_OK : invalid(e, "Redirect URI can't be blank");
}

static mn_rc check_website(mn_str s, mn_err *e)
{
    if (s.len == 0) return MN_OK;
    if (s.len > URL_MAX)
        return invalid(e, "Application website is too long (maximum is 2000 characters)");
    if (!is_web(scheme_of(s)) || !mn_oauth_redirect_fine(s))
        return invalid(e, "Website must be a valid URL");
    return MN_OK;
}

static mn_rc check_name(mn_str s, mn_err *e)
{
    if (mn_str_trim(s).len == 0) return invalid(e, "Name can't be blank");
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ') return invalid(e, "Name is invalid");
    if (!mn_utf8_valid(s)) return invalid(e, "Name is invalid");
    if (mn_utf8_count(s) > NAME_MAX_CHARS)
        return invalid(e, "Name is too long (maximum is 60 characters)");
    return MN_OK;
}

static mn_rc check_scopes(mn_str s, mn_err *e)
{
    mn_scopes bits;
    if (s.len <= SCOPES_MAX && mn_scopes_parse(s, &bits, NULL) == MN_OK) return MN_OK;
    return invalid(e, "Scopes doesn't match configured on the server.");
}

static mn_rc add_app(mn_store *s, const mn_app *a, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_app_add(tx, a, e), e);
}

/* Fills in what the registration makes: ids and secret. */
static mn_rc complete(mn_app *a, char hash[MN_SECRET_HASH], mn_arena *ar, mn_secret *ret_secret,
                      mn_err *e)
{
    mn_secret id;
    MN_TRY(mn_secret_make(&id, e));
    MN_TRY(mn_secret_make(ret_secret, e));
    a->id = mn_snowflake_next();
    a->client_id = mn_str_dup(ar, mn_str_from(id.text));
    a->secret_hash = mn_str_dup(ar, mn_secret_hash(mn_str_from(ret_secret->text), hash));
    a->created_ms = mn_now_ms();
    if (!a->client_id.ptr || !a->secret_hash.ptr || !a->redirect_uris.ptr || !a->scopes.ptr)
        return mn_fail(e, MN_E_NOMEM, "out of memory registering an app");
    return MN_OK;
}

mn_rc mn_oauth_app_register(mn_store *s, const mn_app_ask *ask, mn_arena *ar, mn_app *ret,
                            mn_secret *ret_secret, mn_err *e)
{
    mn_buf lines;
    mn_secret secret;
    char hash[MN_SECRET_HASH];
    mn_app a = {.name = mn_str_trim(ask->name), .website = mn_str_trim(ask->website)};
    MN_TRY(check_name(ask->name, e));
    MN_TRY(check_website(a.website, e));
    MN_TRY(check_scopes(ask->scopes, e));
    mn_buf_init(&lines, 0);
    mn_rc rc = redirect_lines(ask, &lines, e);
    if (rc == MN_OK) {
        a.redirect_uris = mn_str_dup(ar, mn_buf_str(&lines));
        a.scopes = mn_scopes_names(ask->scopes, ar);
        rc = complete(&a, hash, ar, &secret, e);
    }
    mn_buf_release(&lines);
    if (rc == MN_OK) rc = add_app(s, &a, e);
    if (rc != MN_OK) return rc;
    *ret = a;
    *ret_secret = secret;
    return MN_OK;
}
