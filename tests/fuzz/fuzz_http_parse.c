/* module: net
 *
 * The parsers of request bytes: whatever comes in, what goes out keeps its promises. */
#include <stdlib.h>

#include "net/parse.h"

#define MUST(x)                                                                                \
    do {                                                                                       \
        if (!(x)) abort();                                                                     \
    } while (0)

static const char *const patterns[] = {"/", "/@:name/:id", "/tags/:tag", "/:a/:b/:c", "/a:b"};

static void try_target(mn_str s, mn_arena *a)
{
    mn_str path, query;
    if (mn_http_target(s, a, &path, &query) != MN_OK) return;
    MUST(path.len > 0 && path.len <= s.len + 1 && mn_utf8_valid(path));
    MUST(!memchr(path.ptr, 0, path.len) && (path.ptr[0] == '/' || mn_str_eqz(path, "*")));
    MUST(mn_str_find(path, MN_STR("/../"), 0) == SIZE_MAX && !mn_str_ends(path, "/.."));
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        mn_http_param p[MN_HTTP_PARAMS_MAX];
        size_t n = 0;
        if (!mn_http_match(patterns[i], path, p, &n)) continue;
        MUST(n <= MN_HTTP_PARAMS_MAX);
        for (size_t k = 0; k < n; k++)
            MUST(p[k].value.len > 0 && !memchr(p[k].value.ptr, '/', p[k].value.len));
    }
    mn_str q = mn_http_form_get(query, "q", a);
    MUST(!q.ptr || (mn_utf8_valid(q) && !memchr(q.ptr, 0, q.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    if (size < 1 || size > 20000) return 0;
    mn_arena_init(&a, 0);
    mn_str s = {(const char *)data + 1, size - 1};
    switch (data[0] % 6) {
    case 0:
        try_target(s, &a);
        break;
    case 1: {
        mn_str v = mn_http_form_get(s, "q", &a), d = mn_http_form_decode(s, &a);
        MUST(mn_utf8_valid(d) && (!v.ptr || mn_utf8_valid(v)));
        break;
    }
    case 2:
        MUST(mn_http_coding(s, false) != MN_CODING_ZSTD);
        break;
    case 3: {
        int w = mn_http_accept_weight(s, "text/html", NULL);
        MUST(w >= 0 && w <= 1000);
        break;
    }
    case 4:
        (void)mn_http_etag_in(s, MN_STR("W/\"0123456789abcdef\""));
        break;
    default: {
        char host[256], port[8], *z = mn_arena_strndup(&a, s.ptr, s.len);
        MUST(mn_http_last_hop(s).len < 46);
        if (z && mn_http_listen_parse(z, host, port, NULL) == MN_OK)
            MUST(memchr(host, 0, sizeof host) && memchr(port, 0, sizeof port));
    }
    }
    mn_arena_release(&a);
    return 0;
}
