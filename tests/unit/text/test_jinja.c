/* What the golden cases cannot say: marks, limits, errors, threads, memory. */
#include "test.h"

#include "base/json.h"
#include "base/thread.h"
#include "text/jinja.h"

typedef struct result {
    mn_rc rc;
    mn_err e;
    char text[512];
    char marks[512]; /* under each byte of text: '^' where it is the variables' */
    size_t len;
} result;

static result run_with(const char *source, const char *vars, const mn_jinja_opts *o)
{
    result r = {0};
    mn_arena a;
    mn_json *v;
    mn_jinja *t = NULL;
    mn_buf out;
    mn_span *spans = NULL;
    size_t n = 0;
    mn_arena_init(&a, 0);
    mn_buf_init(&out, 0);
    r.rc = mn_json_parse(mn_str_from(vars), &a, &v, &r.e);
    OK(r.rc == MN_OK);
    r.rc = mn_jinja_compile(mn_str_from(source), &t, &r.e);
    if (r.rc == MN_OK) r.rc = mn_jinja_render(t, v, o, &a, &out, &spans, &n, &r.e);
    if (r.rc == MN_OK) {
        r.len = out.len;
        snprintf(r.text, sizeof r.text, "%s", out.ptr);
        memset(r.marks, '.', out.len < sizeof r.marks ? out.len : sizeof r.marks - 1);
        for (size_t i = 0; i < n; i++) {
            OK(spans[i].from < spans[i].to && spans[i].to <= out.len);
            OK(i == 0 || spans[i - 1].to < spans[i].from); /* in order, neighbours are one */
            for (size_t k = spans[i].from; k < spans[i].to && k + 1 < sizeof r.marks; k++)
                r.marks[k] = '^';
        }
    }
    mn_jinja_free(t);
    mn_buf_release(&out);
    mn_arena_release(&a);
    return r;
}

static result run(const char *source, const char *vars)
{
    return run_with(source, vars, NULL);
}

static void gives(const char *source, const char *vars, const char *text, const char *marks)
{
    result r = run(source, vars);
    if (r.rc != MN_OK) fail_msg("%s: %s", source, r.e.msg);
    assert_string_equal(r.text, text);
    assert_string_equal(r.marks, marks);
}

static void text_of_the_variables_is_marked_whatever_becomes_of_it(void **state)
{
    (void)state;
    const char *v = "{\"u\":\"a b\",\"l\":[\"x\",\"y\"],\"d\":{\"k\":\"v\"},\"n\":5}";
    gives("<{{ u }}>", v, "<a b>", ".^^^.");
    gives("{{ '<' + u + '>' }}", v, "<a b>", ".^^^.");
    gives("{{ '<' ~ u ~ n ~ '>' }}", v, "<a b5>", ".^^^..");
    gives("{{ u|upper }}{{ u.title() }}{{ u|capitalize }}", v, "A BA BA b", "^^^^^^^^^");
    gives("{{ ('<' + u)|upper }}", v, "<A B", ".^^^");
    gives("{{ (' <' + u + '> ')|trim }}", v, "<a b>", ".^^^.");
    gives("{{ ('<' + u + '>')[1:3] }}", v, "a ", "^^");
    gives("{{ ('<' + u)[::-1] }}", v, "b a<", "^^^.");
    gives("{{ u.split(' ')|join('-') }}", v, "a-b", "^.^");
    gives("{{ '-'.join(l) }}", v, "x-y", "^.^");
    gives("{{ u|replace(' ', '<>') }}", v, "a<>b", "^..^");
    gives("{{ 'a<X>'|replace('X', u) }}", v, "a<a b>", "..^^^.");
    gives("{{ ('x\n' + u)|indent(2) }}", v, "x\n  a b", "....^^^");
    gives("{{ d|tojson }}", v, "{\"k\": \"v\"}", "..^....^..");
    gives("{{ [u, 'lit'] }}", v, "['a b', 'lit']", "..^^^.........");
    gives("{{ '%s|%5s' % (u, 'x') }}", v, "a b|    x", "^^^......");
    gives("{{ '{}:{}'.format('k', u) }}", v, "k:a b", "..^^^");
    gives("{{ u|e }}{{ ('<b>'|safe) + u }}", v, "a b<b>a b", "^^^...^^^");
    gives("{% set x = u %}{{ x }}{% set y %}({{ x }}){% endset %}{{ y }}", v, "a b(a b)",
          "^^^.^^^.");
    gives("{% macro m(p) %}[{{ p }}]{% endmacro %}{{ m(u) }}{{ m('u') }}", v, "[a b][u]",
          ".^^^....");
    gives("{% filter upper %}p{{ u }}{% endfilter %}", v, "PA B", ".^^^");
    gives("{% for c in u %}{{ c }}.{% endfor %}", v, "a. .b.", "^.^.^.");
    gives("{{ u|first }}{{ u|last }}{{ l|first }}", v, "abx", "^^^");
    gives("{% set ns = namespace(t='') %}{% for x in l %}{% set ns.t = ns.t + '<' + x %}{% "
          "endfor "
          "%}{{ ns.t }}",
          v, "<x<y", ".^.^");
    gives("{{ u * 2 }}{{ '-' * 2 }}", v, "a ba b--", "^^^^^^..");
    gives("{{ u|default('z') }}{{ q|default(u) }}{{ q|default('z') }}", v, "a ba bz",
          "^^^^^^.");
    gives("{{ d.items()|list }}", v, "[('k', 'v')]", "...^....^...");
    gives("{{ n }}{{ true }}{{ none }}", v, "5TrueNone", ".........");
    gives("{{ u.center(7, '*') }}{{ u.removeprefix('a') }}", v, "**a b** b", "..^^^..^^");
    gives("{{ ('a\\n' + u).splitlines()[1] }}{{ u.partition(' ')[2] }}", v, "a bb", "^^^^");
    gives("{{ l|map('upper')|join }}{{ l|sort|first }}", v, "XYx", "^^^");
}

static void literals_of_the_template_are_never_marked(void **state)
{
    (void)state;
    gives("{% if u == 'user' %}<|user|>{% endif %}{{ {'user': '<|u|>'}[u] }}",
          "{\"u\":\"user\"}", "<|user|><|u|>", ".............");
}

static void trusted_names_and_the_words_of_roles_are_not_marked(void **state)
{
    (void)state;
    const mn_str words[] = {MN_STR("user")};
    mn_json eos = {.type = MN_JSON_STRING, .text = MN_STR("</s>")}, *items[] = {&eos};
    mn_str keys[] = {MN_STR("eos_token")};
    const mn_json trusted = {.type = MN_JSON_OBJECT, .n = 1, .items = items, .keys = keys};
    const mn_jinja_opts o = {.trusted = &trusted, .words = words, .n_words = 1};
    result r = run_with("<|{{ m.role }}|>{{ m.content }}{{ eos_token }}",
                        "{\"m\":{\"role\":\"user\",\"content\":\"</s> user\"}}", &o);
    OK(r.rc == MN_OK);
    assert_string_equal(r.text, "<|user|></s> user</s>");
    assert_string_equal(r.marks, "........^^^^^^^^^....");
}

static void fails(mn_rc rc, const char *source, const char *words)
{
    result r = run(source, "{\"d\":{},\"s\":\"x\"}");
    if (r.rc != rc) fail_msg("%s: %s (%s)", source, mn_rc_name(r.rc), r.e.msg);
    if (!strstr(r.e.msg, words)) fail_msg("%s: '%s' does not say '%s'", source, r.e.msg, words);
}

static void what_is_not_known_is_an_error_with_its_name_and_line(void **state)
{
    (void)state;
    fails(MN_E_UNSUPPORTED, "a\n{{ s|nosuch }}", "line 2: the filter 'nosuch' is not known");
    fails(MN_E_UNSUPPORTED, "a\n\n{{ s is nosuch }}", "line 3: the test 'nosuch' is not known");
    fails(MN_E_UNSUPPORTED, "{{ s.encode() }}", "line 1: the attribute 'encode' is not known");
    fails(MN_E_UNSUPPORTED, "{% include 'x' %}", "line 1: the tag 'include' is not supported");
    fails(MN_E_PARSE, "\n{% nosuch %}", "line 2: the tag 'nosuch'");
    fails(MN_E_PARSE, "{{ d.x.y }}", "line 1: 'dict object' has no attribute 'x'");
    fails(MN_E_PARSE, "{{ q.y }}", "'q' is undefined");
    fails(MN_E_PARSE, "{{ s.__class__.x }}", "unsafe");
    fails(MN_E_PARSE, "{{ [].append(1) }}", "unsafe");
    fails(MN_E_PARSE, "{% if s %}\nx", "line 2: the template ends before 'endif'");
    fails(MN_E_PARSE, "{{ 1 + }}", "line 1");
    fails(MN_E_USAGE, "{{ raise_exception('only ' + s) }}", "only x");
    result r = run("{{ raise_exception('only this') }}", "{}");
    assert_string_equal(r.e.msg, "only this");
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    static const char *const pairs[][2] = {
        {"(", ")"}, {"[", "]"}, {"not ", ""}, {"-", ""}, {"{1:", "}"}};
    char *s = malloc(4 * DEEP + 64);
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        size_t n = strlen(pairs[k][0]), m = strlen(pairs[k][1]), at = 3;
        memcpy(s, "{{ ", 3);
        for (size_t i = 0; i < DEEP; i++, at += n) memcpy(s + at, pairs[k][0], n);
        s[at++] = '1';
        for (size_t i = 0; i < DEEP && m; i++, at += m) memcpy(s + at, pairs[k][1], m);
        memcpy(s + at, " }}", 4);
        result r = run(s, "{}");
        OK(r.rc == MN_E_LIMIT);
    }
    s[0] = '\0';
    for (size_t i = 0, at = 0; i < 10000; i++, at += 12) memcpy(s + at, "{% if 1 %}  ", 13);
    OK(run(s, "{}").rc == MN_E_LIMIT);
    free(s);
}

static void a_long_sum_or_chain_is_no_nesting(void **state)
{
    (void)state;
    enum { LONG = 20000 };
    char *s = malloc(8 * LONG + 64);
    strcpy(s, "{% set x = 1");
    for (size_t i = 0, at = strlen(s); i < LONG; i++, at += 2) memcpy(s + at, "+1", 3);
    strcat(s, " %}{{ x }}");
    result r = run(s, "{}");
    OK(r.rc == MN_OK);
    assert_string_equal(r.text, "20001");
    strcpy(s, "{% if 0 %}");
    for (size_t i = 0, at = strlen(s); i < 9000; i++, at += 12)
        memcpy(s + at, "{%elif 0 %} ", 13);
    strcat(s, "{% else %}e{% endif %}");
    r = run(s, "{}");
    OK(r.rc == MN_OK);
    assert_string_equal(r.text, "e");
    free(s);
}

static void steps_and_bytes_have_a_limit(void **state)
{
    (void)state;
    const char *loops =
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}";
    OK(run(loops, "{}").rc == MN_E_LIMIT);
    OK(run("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{}").rc == MN_E_LIMIT);
    OK(run("{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x "
           "%}{% endfor %}",
           "{}")
           .rc == MN_E_LIMIT);
    OK(run("{{ 'a' * 99999999999 }}", "{}").rc == MN_E_LIMIT);
    OK(run("{{ [1] * 9999999999 }}", "{}").rc == MN_E_LIMIT);
    OK(run("{{ 'a'.ljust(9999999999) }}", "{}").rc == MN_E_LIMIT);
    OK(run("{{ '%999999999d' % 1 }}", "{}").rc == MN_E_LIMIT);
    OK(run("{{ range(1000000000) }}", "{}").rc == MN_E_LIMIT);
    OK(run("{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% "
           "endfor %}{{ ns.x }}",
           "{}")
           .rc == MN_E_LIMIT);
    OK(run("{{ 9223372036854775807 + 1 }}", "{}").rc == MN_E_LIMIT);
    OK(run("{{ 2 ** 64 }}", "{}").rc == MN_E_LIMIT);
    const mn_jinja_opts few = {.steps = 100};
    OK(run_with("{% for i in range(50) %}{{ i }}{% endfor %}", "{}", &few).rc == MN_E_LIMIT);
    const mn_jinja_opts small = {.bytes = 100000};
    OK(run_with("{% for i in range(50000) %}0123456789{% endfor %}", "{}", &small).rc ==
       MN_E_LIMIT);
}

static void building_a_string_in_a_loop_is_linear(void **state)
{
    (void)state;
    result r =
        run("{% set ns = namespace(x='') %}{% for i in range(60000) %}{% set ns.x = ns.x + "
            "'0123456789' %}{% endfor %}{{ ns.x|length }}",
            "{}");
    OK(r.rc == MN_OK);
    assert_string_equal(r.text, "600000");
}

static void what_was_a_string_before_an_append_stays_what_it_was(void **state)
{
    (void)state;
    gives("{% set a = u + '1' %}{% set b = a + '2' %}{% set c = a + '3' %}{{ a }} {{ b }} {{ c "
          "}}",
          "{\"u\":\"x\"}", "x1 x12 x13", "^..^...^..");
}

static void output_is_appended_and_marks_count_from_its_start(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_json *v;
    mn_jinja *t;
    mn_buf out;
    mn_span *spans;
    size_t n;
    mn_arena_init(&a, 0);
    mn_buf_init(&out, 0);
    RUN(mn_json_parse(MN_STR("{\"u\":\"ab\"}"), &a, &v, &e));
    RUN(mn_jinja_compile(MN_STR("<{{ u }}>"), &t, &e));
    for (int i = 0; i < 2; i++) RUN(mn_jinja_render(t, v, NULL, &a, &out, &spans, &n, &e));
    IS(mn_buf_str(&out), "<ab><ab>");
    OK(n == 1 && spans[0].from == 5 && spans[0].to == 7);
    RUN(mn_jinja_render(t, v, NULL, &a, &out, NULL, NULL, &e)); /* nobody asks for marks */
    mn_jinja_free(t);
    mn_buf_release(&out);
    mn_arena_release(&a);
}

static void a_source_that_is_too_long_or_no_utf8_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_jinja *t;
    char *s = calloc(1, (1u << 20) + 2);
    memset(s, 'a', (1u << 20) + 1);
    FAILS(MN_E_LIMIT, mn_jinja_compile((mn_str){s, (1u << 20) + 1}, &t, &e));
    RUN(mn_jinja_compile((mn_str){s, 1u << 20}, &t, &e));
    mn_jinja_free(t);
    FAILS(MN_E_PARSE, mn_jinja_compile(MN_STR("a\xff"), &t, &e));
    free(s);
}

static void running_out_of_memory_anywhere_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    const char *source =
        "{% set x %}{{ u|upper }}{% endset %}{% for c in l|sort %}{{ c ~ x }}{% "
        "endfor %}{{ [u, d]|tojson(indent=2) }}{% macro m(a) %}{{ a }}{% endmacro %}"
        "{{ m(u) * 300 }}";
    mn_err e = {0};
    mn_arena a;
    mn_json *v;
    mn_arena_init(&a, 0);
    RUN(mn_json_parse(MN_STR("{\"u\":\"ab\",\"l\":[3,1,2],\"d\":{\"k\":[1]}}"), &a, &v, &e));
    bool done = false;
    for (long n = 1; !done && n < 5000; n++) {
        mn_jinja *t = NULL;
        mn_buf out;
        mn_span *spans;
        size_t n_spans;
        mn_buf_init(&out, 0);
        mn_mem_fail_after(n);
        mn_rc rc = mn_jinja_compile(mn_str_from(source), &t, &e);
        if (rc == MN_OK) rc = mn_jinja_render(t, v, NULL, &a, &out, &spans, &n_spans, &e);
        mn_mem_fail_after(0);
        OK(rc == MN_OK || rc == MN_E_NOMEM);
        done = rc == MN_OK;
        mn_jinja_free(t);
        mn_buf_release(&out);
    }
    OK(done);
    mn_arena_release(&a);
}

static void render_in_thread(void *arg, size_t part, int thread)
{
    mn_jinja *t = arg;
    (void)thread;
    for (size_t i = part * 10; i < part * 10 + 10; i++) {
        mn_arena a;
        mn_buf out;
        mn_json *v;
        mn_err e = {0};
        char vars[64], want[64];
        mn_arena_init(&a, 0);
        mn_buf_init(&out, 0);
        snprintf(vars, sizeof vars, "{\"u\":\"n%zu\"}", i);
        snprintf(want, sizeof want, "A N%zu n%zu", i, i);
        OK(mn_json_parse(mn_str_from(vars), &a, &v, &e) == MN_OK);
        OK(mn_jinja_render(t, v, NULL, &a, &out, NULL, NULL, &e) == MN_OK);
        IS(mn_buf_str(&out), want);
        mn_buf_release(&out);
        mn_arena_release(&a);
    }
}

static void one_template_is_rendered_by_many_threads_at_once(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_jinja *t;
    mn_pool *p;
    RUN(mn_jinja_compile(MN_STR("{% set a = 'a ' + u %}{{ a|upper }} {{ u }}"), &t, &e));
    RUN(mn_pool_new(4, &p, &e));
    mn_pool_run(p, 40, render_in_thread, t);
    mn_pool_free(p);
    mn_jinja_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_of_the_variables_is_marked_whatever_becomes_of_it),
        TEST(literals_of_the_template_are_never_marked),
        TEST(trusted_names_and_the_words_of_roles_are_not_marked),
        TEST(what_is_not_known_is_an_error_with_its_name_and_line),
        TEST(nesting_has_a_limit),
        TEST(a_long_sum_or_chain_is_no_nesting),
        TEST(steps_and_bytes_have_a_limit),
        TEST(building_a_string_in_a_loop_is_linear),
        TEST(what_was_a_string_before_an_append_stays_what_it_was),
        TEST(output_is_appended_and_marks_count_from_its_start),
        TEST(a_source_that_is_too_long_or_no_utf8_is_refused),
        TEST(running_out_of_memory_anywhere_is_an_error_and_leaks_nothing),
        TEST(one_template_is_rendered_by_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
