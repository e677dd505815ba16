/* Text for text as Jinja 3.1 renders it under transformers' settings: tests/data/jinja/golden.jsonl, made by tools/golden/jinja.py. */
#include "test.h"

#include "base/json.h"
#include "text/jinja.h"

typedef struct golden {
    mn_arena a;
    mn_buf text;
    mn_json *head;
    mn_str rest; /* lines after the first */
} golden;

static int open_golden(void **state)
{
    mn_err e = {0};
    golden *g = calloc(1, sizeof *g);
    mn_arena_init(&g->a, 0);
    mn_buf_init(&g->text, 0);
    RUN(mn_fs_read("tests/data/jinja/golden.jsonl", 16u << 20, &g->text, &e));
    mn_str head = mn_str_split(mn_buf_str(&g->text), '\n', &g->rest);
    RUN(mn_json_parse(head, &g->a, &g->head, &e));
    *state = g;
    return 0;
}

static int close_golden(void **state)
{
    golden *g = *state;
    mn_buf_release(&g->text);
    mn_arena_release(&g->a);
    free(g);
    return 0;
}

static mn_rc render(const golden *g, const mn_json *c, mn_arena *a, mn_buf *ret, mn_err *e)
{
    mn_jinja *t = NULL;
    mn_span *spans;
    size_t n;
    const mn_jinja_opts o = {.now_ms = mn_json_i64(mn_json_get(g->head, "now_ms"), 0),
                             .trusted = mn_json_get(g->head, "trusted")};
    mn_rc rc = mn_jinja_compile(mn_json_str(mn_json_get(c, "template")), &t, e);
    if (rc == MN_OK)
        rc = mn_jinja_render(t, mn_json_get(g->head, "vars"), &o, a, ret, &spans, &n, e);
    mn_jinja_free(t);
    return rc;
}

static void check_case(const golden *g, const mn_json *c, size_t line)
{
    mn_arena a;
    mn_buf got;
    mn_err e = {0};
    mn_arena_init(&a, 0);
    mn_buf_init(&got, 0);
    mn_str source = mn_json_str(mn_json_get(c, "template")),
           want = mn_json_str(mn_json_get(c, "text"));
    mn_rc rc = render(g, c, &a, &got, &e);
    if (mn_json_bool(mn_json_get(c, "unsupported"), false)) {
        if (rc != MN_E_UNSUPPORTED)
            fail_msg("line %zu: '%.*s' is not refused by name", line, MN_STR_FMT(source));
    } else if (mn_json_bool(mn_json_get(c, "error"), false)) {
        if (rc == MN_OK)
            fail_msg("line %zu: '%.*s' renders '%s', Jinja refuses it", line,
                     MN_STR_FMT(source), got.ptr);
        OK(e.msg[0] != '\0');
    } else if (rc != MN_OK || !mn_str_eq(mn_buf_str(&got), want)) {
        fail_msg("line %zu: '%.*s' gives '%s', not '%.*s'", line, MN_STR_FMT(source),
                 rc == MN_OK ? got.ptr : e.msg, MN_STR_FMT(want));
    }
    mn_buf_release(&got);
    mn_arena_release(&a);
}

static void every_template_renders_as_jinja_renders_it(void **state)
{
    golden *g = *state;
    mn_err e = {0};
    mn_str rest = g->rest;
    size_t n = 0;
    while (rest.len) {
        mn_arena a;
        mn_json *c;
        mn_arena_init(&a, 0);
        mn_str line = mn_str_split(rest, '\n', &rest);
        n++;
        if (line.len) {
            RUN(mn_json_parse(line, &a, &c, &e));
            check_case(g, c, n + 1);
        }
        mn_arena_release(&a);
    }
    OK(n > 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(every_template_renders_as_jinja_renders_it)};
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
