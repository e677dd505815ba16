#include "cmd/index.h"

#include <stdio.h>

mn_rc mn_index_open(const mn_home *h, mn_search **ret, mn_err *e)
{
    mn_arena a;
    mn_search *x = NULL;
    mn_arena_init(&a, 0);
    char *dir = mn_home_path(h, &a, "search");
    mn_rc rc = dir ? mn_search_open(dir, h->store, false, &x, e)
                   : mn_fail(e, MN_E_NOMEM, "no memory to open the search index");
    if (rc == MN_E_BUSY) rc = mn_search_open(dir, h->store, true, &x, e);
    if (rc == MN_OK && mn_search_notice(x)[0])
        fprintf(stderr, "mynah: %s\n", mn_search_notice(x));
    if (rc == MN_OK) rc = mn_search_update(x, NULL, e);
    if (rc == MN_OK) *ret = x;
    else mn_search_close(x);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_index_words(int n, char **argv, const char *what, mn_arena *a, mn_str *ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 1; i <= n; i++) {
        if (i > 1) mn_buf_addc(&b, ' ');
        mn_buf_addz(&b, argv[i]);
    }
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory for a question") : MN_OK;
    if (rc == MN_OK && mn_str_trim(mn_buf_str(&b)).len == 0)
        rc = mn_fail(e, MN_E_USAGE, "%s was expected", what);
    if (rc == MN_OK && !mn_utf8_valid(mn_buf_str(&b)))
        rc = mn_fail(e, MN_E_USAGE, "%s must be UTF-8 text", what);
    if (rc == MN_OK) {
        *ret = mn_str_dup(a, mn_buf_str(&b));
        if (!ret->ptr) rc = mn_fail(e, MN_E_NOMEM, "no memory for a question");
    }
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_index_before(const char *option, uint64_t *ret, mn_err *e)
{
    *ret = 0;
    if (!option) return MN_OK;
    if (mn_str_to_u64(mn_str_from(option), ret) == MN_OK && *ret > 0) return MN_OK;
    return mn_fail(e, MN_E_USAGE, "--before '%.40s' is not a post's id", option);
}

mn_rc mn_index_one_line(mn_str text, size_t max_bytes, mn_buf *ret)
{
    mn_str s = mn_utf8_cut(mn_str_trim(text), max_bytes);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        mn_buf_addc(ret, c < ' ' || c == 0x7f ? ' ' : s.ptr[i]);
    }
    if (s.len < mn_str_trim(text).len) mn_buf_addz(ret, "\xE2\x80\xA6");
    return ret->failed;
}
