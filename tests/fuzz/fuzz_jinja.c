/* module: text */
/* Any template with fixed variables: compiling and rendering are total and bounded, rendering again gives the same, marks are in order, and
 * text of the variables is marked wherever it comes out: their strings hold a character that the template has no other way to
 * write (unless it spells it, or an escape, itself). */
#include <string.h>

#include "base/json.h"
#include "text/jinja.h"

#define SIGN "\xee\x80\x80" /* U+E000 */

static const char vars_text[] =
    "{\"messages\":[{\"role\":\"" SIGN "user\",\"content\":\"a " SIGN
    " b\\nc\"},{\"role\":\"assistant\","
    "\"content\":\"" SIGN "\",\"tool_calls\":[{\"function\":{\"name\":\"f" SIGN
    "\",\"arguments\":"
    "{\"x" SIGN "\":[1,2.5,null,true,\"" SIGN
    "y\"]}}}]}],\"tools\":null,\"add_generation_prompt\":true,"
    "\"n\":7,\"z\":0,\"neg\":-7,\"f\":2.5,\"t\":true,\"no\":false,\"nil\":null,\"s\":\"Hello,"
    " " SIGN "World\","
    "\"sp\":\"  x" SIGN " \\n\",\"odd\":\"\xc3\x9c\xc3\x9f " SIGN
    " \xe6\xbc\xa2 '\\\"<&\",\"e\":\"\",\"l\":[3,1,2],"
    "\"ls\":[\"b" SIGN "\",\"A" SIGN "\",\"" SIGN "c\"],\"d\":{\"b" SIGN
    "\":1,\"a\":{\"x\":[1,\"" SIGN "\"]}},"
    "\"people\":[{\"name\":\"Z" SIGN "\",\"age\":30},{\"name\":\"" SIGN "a\",\"age\":25}],"
    "\"lines\":\"one\\ntwo" SIGN "\\n\\n  three\",\"huge\":123456789012345678901234567890}";

static bool writes_it_itself(mn_str source)
{
    return mn_str_find(source, MN_STR("\\"), 0) != SIZE_MAX ||
           mn_str_find(source, MN_STR(SIGN), 0) != SIZE_MAX ||
           mn_str_find(source, MN_STR("\xee"), 0) != SIZE_MAX;
}

static bool is_marked(const mn_span *s, size_t n, size_t from, size_t to)
{
    for (size_t i = 0; i < n; i++)
        if (s[i].from <= from && to <= s[i].to) return true;
    return false;
}

static void check(mn_str source, mn_str out, const mn_span *spans, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        MN_ASSERT(spans[i].from < spans[i].to && spans[i].to <= out.len);
        MN_ASSERT(i == 0 || spans[i - 1].to < spans[i].from);
    }
    if (writes_it_itself(source)) return;
    for (size_t at = 0; (at = mn_str_find(out, MN_STR(SIGN), at)) != SIZE_MAX; at++)
        MN_ASSERT(is_marked(spans, n, at, at + 3));
}

static void render(mn_str source, const mn_jinja *t, const mn_json *vars)
{
    const mn_jinja_opts o = {.now_ms = 1700000000000, .steps = 20000, .bytes = 4u << 20};
    mn_arena a;
    mn_err e = {0}, e2 = {0};
    mn_buf out, again;
    mn_span *spans = NULL;
    size_t n = 0;
    mn_arena_init(&a, 0);
    mn_buf_init(&out, 0);
    mn_buf_init(&again, 0);
    mn_rc rc = mn_jinja_render(t, vars, &o, &a, &out, &spans, &n, &e);
    MN_ASSERT(rc == MN_OK || (out.len == 0 && e.rc == rc));
    if (rc == MN_OK) check(source, mn_buf_str(&out), spans, n);
    MN_ASSERT(mn_jinja_render(t, vars, &o, &a, &again, NULL, NULL, &e2) == rc);
    MN_ASSERT(mn_str_eq(mn_buf_str(&out), mn_buf_str(&again)) && strcmp(e.msg, e2.msg) == 0);
    mn_buf_release(&out);
    mn_buf_release(&again);
    mn_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_json *vars;
    mn_jinja *t = NULL;
    mn_err e = {0};
    mn_str source = {(const char *)data, size};
    mn_arena_init(&a, 0);
    MN_ASSERT(mn_json_parse(mn_str_from(vars_text), &a, &vars, &e) == MN_OK);
    mn_rc rc = mn_jinja_compile(source, &t, &e);
    MN_ASSERT((rc == MN_OK) == (t != NULL) && (rc == MN_OK || e.msg[0]));
    if (t) render(source, t, vars);
    mn_jinja_free(t);
    mn_arena_release(&a);
    return 0;
}
