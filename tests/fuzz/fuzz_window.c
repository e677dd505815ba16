/* module: archive */
#include "archive/archive_int.h"

/* The element scanner against the JSON reader: whatever the reader takes as one array, the scanner cuts into elements that
 * the reader takes too, as many as there are. */
static size_t count_elements(mn_str text, mn_err *e, bool *ret_ok)
{
    mn_window w;
    mn_str rest = text, el;
    bool more = true;
    size_t n = 0;
    mn_window_init(&w, "fuzz", 1 << 16, mn_window_read_memory, &rest);
    mn_rc rc = mn_window_array(&w, NULL, NULL, e);
    while (rc == MN_OK && (rc = mn_window_element(&w, &el, &more, e)) == MN_OK && more) n++;
    mn_window_release(&w);
    *ret_ok = rc == MN_OK;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str text = {(const char *)data, size};
    mn_arena a;
    mn_err e = {0};
    mn_json *v;
    bool ok;
    size_t n = count_elements(text, &e, &ok);
    mn_arena_init(&a, (size_t)16 << 20);
    if (size < 1 << 15 && mn_json_parse(text, &a, &v, &e) == MN_OK &&
        v->type == MN_JSON_ARRAY) {
        MN_ASSERT(ok && n == v->n);
    }
    mn_arena_release(&a);
    mn_window w;
    mn_str rest = text, line;
    bool more = true;
    mn_window_init(&w, "fuzz", 4096, mn_window_read_memory, &rest);
    if (mn_window_array(&w, "items", NULL, &e) == MN_OK)
        while (mn_window_element(&w, &line, &more, &e) == MN_OK && more) {
        }
    mn_window_release(&w);
    return 0;
}
