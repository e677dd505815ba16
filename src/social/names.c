/* Account names: which are fine, and making one from any text. */
#include "social/social.h"

#include "base/hash.h"

#define NAME_MAX_BYTES 64

/* What stands, or may come to stand, at the root of our addresses or speaks with the operator's voice. Sorted. */
static const char *const reserved[] = {
    "abuse",    "about",     "admin",   "administrator", "api",     "ask",      "assets",
    "auth",     "everyone",  "explore", "favicon.ico",   "healthz", "help",     "home",
    "inbox",    "instance",  "license", "login",         "logout",  "media",    "metrics",
    "model",    "moderator", "mynah",   "nodeinfo",      "oauth",   "operator", "outbox",
    "posts",    "privacy",   "public",  "robots.txt",    "root",    "search",   "security",
    "settings", "signup",    "static",  "support",       "system",  "tags",     "terms",
    "users",    "webmaster", "www",
};

static bool is_reserved(mn_str name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (mn_str_eq_nocase(name, mn_str_from(reserved[i]))) return true;
    return false;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

mn_rc mn_social_name_check(mn_str name, mn_err *e)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return mn_fail(e, MN_E_USAGE, "an account name has 1 to %d characters", NAME_MAX_BYTES);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool inside = i > 0 && i + 1 < name.len;
        if (is_word(c) || (inside && (c == '.' || c == '-'))) continue;
        return mn_fail(e, MN_E_USAGE,
                       "an account name is made of letters A to Z, digits and '_', with '.' "
                       "and '-' inside; "
                       "'%.*s' is not",
                       MN_STR_FMT(mn_utf8_valid(name) ? name : MN_STR("this name")));
    }
    if (is_reserved(name))
        return mn_fail(e, MN_E_USAGE, "the name '%.*s' is reserved; choose another",
                       MN_STR_FMT(name));
    return MN_OK;
}

/* The plain letter under an accented one, for U+00C0 to U+017F; '_' where there is none. */
static char plain(uint32_t cp)
{
    static const char letters[] =
        "aaaaaaaceeeeiiiidnooooo_ouuuuyts"
        "aaaaaaaceeeeiiiidnooooo_ouuuuyty"
        "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllll"
        "nnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
    _Static_assert(sizeof letters == 0x180 - 0xC0 + 1, "one letter a code point");
    if (cp < 128 && is_word((char)cp)) return (char)(cp >= 'A' && cp <= 'Z' ? cp + 32 : cp);
    return cp >= 0xC0 && cp < 0x180 ? letters[cp - 0xC0] : '_';
}

/* Apostrophes vanish ("Bob's" is bobs), everything else that is no letter or digit becomes one '_' between words. */
mn_str mn_social_name_from(mn_str text, mn_arena *a)
{
    char out[NAME_MAX_BYTES + 1];
    size_t n = 0;
    for (size_t i = 0; i < text.len && n < NAME_MAX_BYTES - 1;) {
        uint32_t cp = '_';
        size_t len = mn_utf8_decode(text.ptr + i, text.len - i, &cp);
        i += len ? len : 1;
        if (cp == '\'' || cp == 0x2019) continue;
        char c = plain(len ? cp : '_');
        if (c != '_' || (n > 0 && out[n - 1] != '_')) out[n++] = c;
    }
    while (n > 0 && out[n - 1] == '_') n--;
    mn_str name = {out, n};
    if (n == 0)
        return mn_str_fmt(a, "account_%08x",
                          (unsigned)(mn_hash64(text.ptr, text.len, 0) >> 32));
    if (is_reserved(name)) return mn_str_fmt(a, "%.*s_", MN_STR_FMT(name));
    return mn_str_dup(a, name);
}
