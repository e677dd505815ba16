/* OAuth scopes: one table of the finest, one of the wide names, each a set of bits. The names and what covers what are
 * Mastodon's (docs: api/oauth-scopes). */
#include "social/access.h"

/* The finest, in the order of their bits. `means` is what the consent page says. */
static const struct {
    const char *name, *means;
} fine[] = {
    {"profile", "see your name, your address here and your picture, and nothing else"},
    {"push", "send you notifications as they come"},
    {"read:accounts", "see your account's settings and other accounts"},
    {"read:blocks", "see whom you block"},
    {"read:bookmarks", "see your bookmarks"},
    {"read:collections", "see your collections"},
    {"read:favourites", "see your favourites"},
    {"read:filters", "see your filters"},
    {"read:follows", "see whom you follow and who wants to follow you"},
    {"read:lists", "see your lists"},
    {"read:mutes", "see whom you mute"},
    {"read:notifications", "see your notifications"},
    {"read:search", "search on your behalf"},
    {"read:statuses", "read all posts you can read, private messages too"},
    {"write:accounts", "change your profile"},
    {"write:blocks", "block accounts and domains"},
    {"write:bookmarks", "bookmark posts"},
    {"write:collections", "change your collections"},
    {"write:conversations", "mute and delete conversations"},
    {"write:favourites", "favourite posts"},
    {"write:filters", "make and change filters"},
    {"write:follows", "follow and unfollow people"},
    {"write:lists", "make and change lists"},
    {"write:media", "upload pictures, video and sound"},
    {"write:mutes", "mute people and conversations"},
    {"write:notifications", "dismiss your notifications"},
    {"write:reports", "report people to the moderators"},
    {"write:statuses", "post, edit and delete posts in your name"},
    {"model:list", "see which language models there are"},
    {"model:generate", "let the language models write, which counts for your daily tokens"},
    {"model:embed", "turn texts into vectors, which counts for your daily tokens"},
    {"admin:read:accounts", "see what moderators see of all accounts, e-mail addresses too"},
    {"admin:read:reports", "see all reports"},
    {"admin:read:domain_allows", "see which domains are let in"},
    {"admin:read:domain_blocks", "see which domains are blocked"},
    {"admin:read:ip_blocks", "see which addresses are blocked"},
    {"admin:read:email_domain_blocks", "see which e-mail providers are blocked"},
    {"admin:read:canonical_email_blocks", "see which e-mail addresses are blocked"},
    {"admin:write:accounts", "moderate accounts: limit, suspend, delete"},
    {"admin:write:reports", "take up and close reports"},
    {"admin:write:domain_allows", "change which domains are let in"},
    {"admin:write:domain_blocks", "change which domains are blocked"},
    {"admin:write:ip_blocks", "change which addresses are blocked"},
    {"admin:write:email_domain_blocks", "change which e-mail providers are blocked"},
    {"admin:write:canonical_email_blocks", "change which e-mail addresses are blocked"},
    {"admin:read:rest", "see figures and trends of the whole server"},
    {"admin:write:rest", "review trends for the whole server"},
};
#define FINE (sizeof fine / sizeof *fine)
_Static_assert(FINE <= 64, "a bit each");
#define NAMED (FINE - 2) /* the last two exist only as parts of admin:read and admin:write */

/* A wide name stands for every fine one with that beginning; `follow` is a list of its own. Widest first. */
static const struct {
    const char *name, *means;
} wide[] = {
    {"read", "read everything you can read: posts, messages, settings, lists"},
    {"write", "do everything you can do: post, follow, block, change your profile"},
    {"follow", "see and change whom you follow, block and mute"},
    {"admin:read", "see everything that moderators see"},
    {"admin:write", "do everything that moderators do"},
    {"model", "use the language models, which counts for your daily tokens"},
};
#define WIDE (sizeof wide / sizeof *wide)

static bool in_follow(const char *name)
{
    static const char *const tails[] = {":blocks", ":follows", ":mutes"};
    mn_str s = mn_str_from(name);
    if (mn_str_starts(s, "admin:")) return false;
    for (int i = 0; i < 3; i++)
        if (mn_str_ends(s, tails[i])) return true;
    return false;
}

static mn_scopes wide_bits(size_t w)
{
    mn_scopes bits = 0;
    size_t len = strlen(wide[w].name);
    bool follow = strcmp(wide[w].name, "follow") == 0;
    for (size_t i = 0; i < FINE; i++) {
        bool begins = strncmp(fine[i].name, wide[w].name, len) == 0 && fine[i].name[len] == ':';
        if (follow ? in_follow(fine[i].name) : begins) bits |= (mn_scopes)1 << i;
    }
    return bits;
}

/* The bits of one name; 0 when there is no such scope. */
static mn_scopes bits_of(mn_str name)
{
    for (size_t w = 0; w < WIDE; w++)
        if (mn_str_eqz(name, wide[w].name)) return wide_bits(w);
    for (size_t i = 0; i < NAMED; i++)
        if (mn_str_eqz(name, fine[i].name)) return (mn_scopes)1 << i;
    return 0;
}

/* The next name; MN_STR_NONE at the end. */
static mn_str next_name(mn_str *rest)
{
    size_t i = 0, from;
    while (i < rest->len && (rest->ptr[i] == ' ' || rest->ptr[i] == '+')) i++;
    for (from = i; i < rest->len && rest->ptr[i] != ' ' && rest->ptr[i] != '+';) i++;
    mn_str name = {rest->ptr + from, i - from};
    *rest = (mn_str){rest->ptr + i, rest->len - i};
    return name.len ? name : MN_STR_NONE;
}

mn_rc mn_scopes_parse(mn_str text, mn_scopes *ret, mn_err *e)
{
    mn_scopes all = 0;
    if (!text.ptr) text = MN_STR("");
    for (mn_str name = next_name(&text); name.ptr; name = next_name(&text)) {
        mn_scopes bits = bits_of(name);
        if (!bits)
            return mn_fail(
                e, MN_E_PARSE, "'%.*s' is not a scope",
                MN_STR_FMT(mn_utf8_valid(name) ? mn_utf8_cut(name, 64) : MN_STR("?")));
        all |= bits;
    }
    *ret = all ? all : wide_bits(0);
    return MN_OK;
}

mn_str mn_scopes_names(mn_str text, mn_arena *ar)
{
    mn_buf b;
    mn_buf_init(&b, 4096);
    if (!text.ptr) text = MN_STR("");
    for (mn_str name = next_name(&text); name.ptr; name = next_name(&text)) {
        mn_str left = mn_buf_str(&b), have;
        bool twice = false;
        while (!twice && (have = next_name(&left)).ptr) twice = mn_str_eq(have, name);
        if (twice) continue;
        if (b.len) mn_buf_addc(&b, ' ');
        mn_buf_adds(&b, name);
    }
    mn_str out = mn_str_dup(ar, b.len ? mn_buf_str(&b) : MN_STR("read"));
    mn_buf_release(&b);
    return out;
}

mn_str mn_scopes_text(mn_scopes s, mn_arena *ar)
{
    mn_buf b;
    mn_scopes left = s;
    mn_buf_init(&b, 4096);
    for (size_t w = 0; w < WIDE; w++) {
        mn_scopes bits = wide_bits(w);
        if (!mn_scopes_cover(s, bits) || !(left & bits)) continue;
        mn_buf_addf(&b, "%s%s", b.len ? " " : "", wide[w].name);
        left &= ~bits;
    }
    for (size_t i = 0; i < NAMED; i++)
        if (left & ((mn_scopes)1 << i)) mn_buf_addf(&b, "%s%s", b.len ? " " : "", fine[i].name);
    mn_str out = mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return out;
}

mn_scopes mn_scopes_all(mn_account_role role)
{
    mn_scopes all = ~(mn_scopes)0 >> (64 - FINE), admin = wide_bits(3) | wide_bits(4);
    return role == MN_ROLE_MEMBER ? all & ~admin : all;
}

size_t mn_scopes_meanings(mn_scopes s, const char *ret[MN_SCOPE_LINES])
{
    size_t n = 0;
    mn_scopes left = s;
    for (size_t w = 0; w < WIDE; w++) {
        mn_scopes bits = wide_bits(w);
        if (!mn_scopes_cover(s, bits) || !(left & bits)) continue;
        ret[n++] = wide[w].means;
        left &= ~bits;
    }
    for (size_t i = 0; i < FINE; i++)
        if (left & ((mn_scopes)1 << i)) ret[n++] = fine[i].means;
    return n;
}

const char *mn_scopes_name(size_t i)
{
    return i < WIDE ? wide[i].name : i - WIDE < NAMED ? fine[i - WIDE].name : NULL;
}
