/* module: cmd */
#include <ctype.h>

#include "api/mastodon/content.h"
#include "text/html.h"

/* Tags of ours, each with what may follow its name; nothing else may stand between '<' and '>'. */
static size_t tag_len(const char *p, size_t n)
{
    static const char *const tags[] = {
        "<p>",
        "</p>",
        "<br />",
        "</span>",
        "</a>",
        "<span>",
        "<span class=\"invisible\">",
        "<span class=\"ellipsis\">",
        "<span class=\"\">",
        "<span class=\"h-card\" translate=\"no\">",
    };
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        size_t k = strlen(tags[i]);
        if (n >= k && !memcmp(p, tags[i], k)) return k;
    }
    /* <a href="…" ATTRIBUTES>: the address holds no quote and begins with http:// or https:// */
    static const char a[] = "<a href=\"http";
    if (n < sizeof a - 1 || memcmp(p, a, sizeof a - 1) != 0) {
        static const char upper[] = "<a href=\"";
        MN_ASSERT(n > sizeof upper + 4 && !memcmp(p, upper, sizeof upper - 1));
        MN_ASSERT(tolower((unsigned char)p[9]) == 'h' && tolower((unsigned char)p[12]) == 'p');
    }
    const char *quote = memchr(p + 9, '"', n - 9);
    MN_ASSERT(quote && !memchr(p + 9, '<', (size_t)(quote - p) - 9));
    const char *end = memchr(quote, '>', n - (size_t)(quote - p));
    static const char *const rests[] = {
        "\" target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\"",
        "\" class=\"mention hashtag\" rel=\"tag\"", "\" class=\"u-url mention\""};
    MN_ASSERT(end);
    for (size_t i = 0; i < 3; i++)
        if ((size_t)(end - quote) == strlen(rests[i]) &&
            !memcmp(quote, rests[i], strlen(rests[i])))
            return (size_t)(end - p) + 1;
    MN_ASSERT(!"an attribute that is not ours");
    return 1;
}

/* Whatever a member writes, the only markup is ours, and what a reader sees is the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mn_mention mentions[] = {
        {.account_id = 1, .name = {"bob", 3}, .domain = {"", 0}},
        {.account_id = 2, .name = {"a", 1}, .domain = {"b.c", 3}},
    };
    mn_str s = {(const char *)data, size};
    mn_buf b;
    mn_err e = {0};
    if (!mn_utf8_valid(s)) return 0;
    mn_buf_init(&b, 0);
    MN_ASSERT(mn_masto__content(s, mentions, 2, MN_STR("https://test.example"),
                                MN_STR("test.example"), &b, &e) == MN_OK);
    MN_ASSERT(mn_utf8_valid(mn_buf_str(&b)));
    for (size_t i = 0; i < b.len;) {
        MN_ASSERT(b.ptr[i] != '>' && b.ptr[i] != '"' && b.ptr[i] != '\'');
        i += b.ptr[i] == '<' ? tag_len(b.ptr + i, b.len - i) : 1;
    }
    mn_buf_release(&b);
    return 0;
}
