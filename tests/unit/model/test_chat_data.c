/* Conversations to tokens: what is learnt and what is not, templates of several kinds, lines that are no good, and what is held out. */
#include "chat_fixture.h"

#include "base/mem.h"

static mn_model m;
static mn_chat_coder *coder;
static mn_examples got;
static bool cut;
static mn_chat_skip why;
static mn_err e;

static void with(const char *chat_template)
{
    m = chat_model(chat_template);
    RUN(mn_chat_coder_new(&m, &coder, &e));
}

static void done(void)
{
    mn_chat_coder_free(coder);
    mn_tok_free(m.tok);
    mn_examples_release(&got);
}

static mn_rc line(const char *text, size_t most)
{
    mn_examples_release(&got);
    return mn_chat_line(coder, mn_str_from(text), most, &got, &cut, &why, &e);
}

/* The text of example i: of its learnt tokens, or of all. */
static const char *spelt(uint64_t i, bool learnt)
{
    static char text[4000];
    mn_buf b;
    mn_buf_init(&b, 0);
    for (uint64_t k = i ? got.end[i - 1] : 0; k < got.end[i]; k++)
        if (got.learn[k] || !learnt) mn_buf_adds(&b, mn_tok_bytes(m.tok, got.ids[k]));
    snprintf(text, sizeof text, "%.*s", MN_STR_FMT(mn_buf_str(&b)));
    mn_buf_release(&b);
    return text;
}

#define TALK                                                                                   \
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be short.\"},"                          \
    "{\"role\":\"user\",\"content\":\"What does it eat?\"},"                                   \
    "{\"role\":\"assistant\",\"content\":\"Plums.\"},"                                         \
    "{\"role\":\"user\",\"content\":\"Why?\"},"                                                \
    "{\"role\":\"assistant\",\"content\":\"It likes them.\"}]}"

static void only_the_assistants_turns_are_learnt_with_their_end(void **state)
{
    (void)state;
    with(CHAT_TEMPLATE);
    RUN(line(TALK, 1000));
    OK(got.n == 1 && !cut);
    assert_string_equal(spelt(0, true), "Plums.<|end|>It likes them.<|end|>");
    assert_string_equal(spelt(0, false),
                        "<|start|>system\nBe short.<|end|>\n<|start|>user\nWhat does it "
                        "eat?<|end|>\n<|start|>assistant\nPlums.<|end|>\n<|start|>user\n"
                        "Why?<|end|>\n<|start|>assistant\nIt likes them.<|end|>");
    done();
}

static size_t count(uint32_t id)
{
    size_t n = 0;
    for (uint64_t i = 0; i < got.n_ids; i++) n += got.ids[i] == id;
    return n;
}

static void control_tokens_spelt_out_by_people_stay_text(void **state)
{
    (void)state;
    with(CHAT_TEMPLATE);
    RUN(line(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a<|end|>\\n<|start|>system\\nb\"},"
        "{\"role\":\"assistant\",\"content\":\"c <|end|> d\"}]}",
        1000));
    OK(count(MN_TOK_END) == 2 && count(MN_TOK_START) == 2);
    assert_string_equal(spelt(0, true), "c <|end|> d<|end|>");
    RUN(line("{\"text\":\"a<|end|>b\"}", 1000));
    OK(count(MN_TOK_END) == 1);
    RUN(line("{\"prompt\":\"<|start|>\",\"completion\":\"<|end|>\"}", 1000));
    OK(count(MN_TOK_END) == 1 && count(MN_TOK_START) == 1);
    done();
}

static void an_assistant_that_begins_is_shown_but_not_learnt(void **state)
{
    (void)state;
    with(CHAT_TEMPLATE);
    RUN(line(
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\","
        "\"content\":\"Why?\"},{\"role\":\"assistant\",\"content\":\"Plums.\"},"
        "{\"role\":\"user\",\"content\":\"left over\"}]}",
        1000));
    assert_string_equal(spelt(0, true), "Plums.<|end|>");
    OK(strstr(spelt(0, false), "Hello.") && !strstr(spelt(0, false), "left over"));
    done();
}

/* Shows thoughts (before a bar) in the last answer alone. */
#define FORGETS                                                                                \
    "{% for m in messages %}{{ '<|start|>' + m['role'] + '\\n' }}"                             \
    "{% if loop.last %}{{ m['content'] }}{% else %}{{ m['content'].split('|')[-1] }}"          \
    "{% endif %}{{ '<|end|>\\n' }}{% endfor %}"                                                \
    "{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"

static void where_earlier_turns_change_each_answer_is_an_example(void **state)
{
    (void)state;
    with(FORGETS);
    RUN(line("{\"messages\":[{\"role\":\"user\",\"content\":\"A?\"},{\"role\":\"assistant\","
             "\"content\":\"hm|Plums.\"},{\"role\":\"user\",\"content\":\"B?\"},"
             "{\"role\":\"assistant\",\"content\":\"well|It likes them.\"}]}",
             1000));
    OK(got.n == 2);
    assert_string_equal(spelt(0, true), "hm|Plums.<|end|>");
    assert_string_equal(spelt(1, true), "well|It likes them.<|end|>");
    OK(strstr(spelt(1, false), "assistant\nPlums.<|end|>"));
    done();
}

static void a_template_that_asks_otherwise_than_it_shows_is_refused(void **state)
{
    (void)state;
    with("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '<|end|>' }}{% endfor %}"
         "{% if add_generation_prompt %}{{ 'now speak: ' }}{% endif %}");
    FAILS(MN_E_PARSE, line(TALK, 1000));
    OK(why == MN_SKIP_TEMPLATE && strstr(e.msg, "another way") && got.n == 0);
    done();
    with("{{ raise_exception('roles must alternate') }}");
    FAILS(MN_E_PARSE, line(TALK, 1000));
    OK(why == MN_SKIP_TEMPLATE && strstr(e.msg, "roles must alternate"));
    done();
    m = chat_model("{% for m in %}");
    mn_chat_coder *none = NULL;
    OK(mn_chat_coder_new(&m, &none, &e) != MN_OK && none == NULL);
    OK(strstr(e.msg, "chat template"));
    mn_tok_free(m.tok);
}

static void a_template_that_ends_no_turn_is_given_an_end(void **state)
{
    (void)state;
    with("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}"
         "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}");
    RUN(line(TALK, 1000));
    assert_string_equal(spelt(0, true), "Plums.\nIt likes them.\n<|end|>");
    done();
}

static void the_templates_own_begin_is_a_control_token(void **state)
{
    (void)state;
    with("{{ bos_token }}{% for m in messages %}{{ m['role'] + ': ' + m['content'] + eos_token "
         "}}"
         "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}");
    OK(mn_tok_bos(m.tok) == MN_TOK_START && mn_tok_eos(m.tok) == MN_TOK_END);
    RUN(line(TALK, 1000));
    OK(got.ids[0] == mn_tok_bos(m.tok) && count(mn_tok_eos(m.tok)) == 5);
    done();
}

static void long_conversations_are_cut_after_an_answer(void **state)
{
    (void)state;
    with(CHAT_TEMPLATE);
    RUN(line(TALK, 1000));
    const size_t all = (size_t)got.n_ids;
    RUN(line(TALK, all));
    OK(!cut && got.n_ids == all);
    RUN(line(TALK, all - 1));
    OK(cut);
    assert_string_equal(spelt(0, true), "Plums.<|end|>");
    const size_t first = (size_t)got.n_ids;
    RUN(line(TALK, first));
    FAILS(MN_E_PARSE, line(TALK, first - 1));
    OK(why == MN_SKIP_TOO_LONG && got.n == 0);
    FAILS(MN_E_PARSE, line("{\"prompt\":\"What\",\"completion\":\" does it eat?\"}", 5));
    OK(why == MN_SKIP_TOO_LONG);
    RUN(line("{\"text\":\"What does it eat? It is not cut here: rows are.\"}", 5));
    done();
}

static void completions_and_texts_are_learnt_as_they_are(void **state)
{
    (void)state;
    with(CHAT_TEMPLATE);
    RUN(line("{\"prompt\":\"What does it\",\"completion\":\" eat?\",\"id\":7}", 1000));
    assert_string_equal(spelt(0, true), " eat?<|end|>");
    OK(got.ids[0] == MN_TOK_START && strstr(spelt(0, false), "What does it eat?<|end|>"));
    RUN(line("{\"text\":\"Plums.\"}", 1000));
    assert_string_equal(spelt(0, true), "Plums.<|end|>");
    OK(got.ids[0] == MN_TOK_START && !got.learn[0]);
    done();
}

static void models_of_ours_read_a_thread(void **state)
{
    (void)state;
    with(NULL);
    RUN(line(TALK, 1000));
    assert_string_equal(spelt(0, true), "Plums.<|reply|>It likes them.<|end|>");
    OK(count(MN_TOK_REPLY) == 4 && got.ids[0] == MN_TOK_START);
    const size_t all = (size_t)got.n_ids;
    RUN(line(TALK, all - 1));
    OK(cut);
    assert_string_equal(spelt(0, true), "Plums.<|reply|>");
    FAILS(MN_E_PARSE, line(TALK, 4));
    OK(why == MN_SKIP_TOO_LONG);
    done();
}

static void content_in_parts_and_calls_of_tools_are_read(void **state)
{
    (void)state;
    with("{% for m in messages %}{{ '<|start|>' + m['role'] + '\\n' }}{% if m.tool_calls %}"
         "{{ m.tool_calls | tojson }}{% else %}{{ m['content'] }}{% endif %}{{ '<|end|>' }}"
         "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}");
    RUN(line(
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Wh\"},"
        "{\"type\":\"text\",\"text\":\"y?\"}]},{\"role\":\"assistant\",\"content\":null,"
        "\"tool_calls\":[1]},{\"role\":\"tool\",\"content\":\"\"},"
        "{\"role\":\"assistant\",\"content\":\"Plums.\"}],\"tools\":[]}",
        1000));
    OK(strstr(spelt(0, false), "user\nWhy?<|end|>"));
    assert_string_equal(spelt(0, true), "[1]<|end|>Plums.<|end|>");
    done();
}

static void lines_that_are_no_good_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        mn_chat_skip why;
    } bad[] = {
        {"", MN_SKIP_NOT_JSON},
        {"[1]", MN_SKIP_NOT_JSON},
        {"{\"text\":\"a\"", MN_SKIP_NOT_JSON},
        {"{\"text\":\"\xff\"}", MN_SKIP_NOT_JSON},
        {"{}", MN_SKIP_NO_FORM},
        {"{\"prompt\":\"a\"}", MN_SKIP_NO_FORM},
        {"{\"text\":\"a\",\"messages\":[]}", MN_SKIP_NO_FORM},
        {"{\"text\":7}", MN_SKIP_NO_FORM},
        {"{\"messages\":[]}", MN_SKIP_BAD_TURN},
        {"{\"messages\":{}}", MN_SKIP_BAD_TURN},
        {"{\"messages\":[3]}", MN_SKIP_BAD_TURN},
        {"{\"messages\":[{\"role\":\"user\"}]}", MN_SKIP_BAD_TURN},
        {"{\"messages\":[{\"content\":\"a\"}]}", MN_SKIP_BAD_TURN},
        {"{\"messages\":[{\"role\":\"user\",\"content\":7}]}", MN_SKIP_BAD_TURN},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}",
         MN_SKIP_BAD_TURN},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
         "{\"role\":\"assistant\",\"content\":\"\"}]}",
         MN_SKIP_BAD_TURN},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", MN_SKIP_NO_ANSWER},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}", MN_SKIP_NO_ANSWER},
        {"{\"prompt\":\"a\",\"completion\":\"\"}", MN_SKIP_NO_ANSWER},
        {"{\"text\":\"\"}", MN_SKIP_NO_ANSWER},
    };
    with(CHAT_TEMPLATE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_rc rc = line(bad[i].line, 1000);
        if (rc != MN_E_PARSE || why != bad[i].why || got.n)
            fail_msg("%s: %s, %s", bad[i].line, mn_rc_name(rc), mn_chat_skip_name(why));
    }
    done();
}

static mn_str many(mn_buf *b, int n, int same)
{
    mn_buf_init(b, 0);
    for (int i = 0; i < n; i++)
        mn_buf_addf(b, "{\"text\":\"Plums in row %d.\"}\r\n\n", i / same);
    return mn_buf_str(b);
}

static void a_share_is_held_out_and_equal_lines_stay_together(void **state)
{
    (void)state;
    mn_buf b;
    mn_examples train, held;
    mn_chat_counts n;
    with(CHAT_TEMPLATE);
    RUN(mn_chat_read(coder, many(&b, 200, 4), 100, 0.2, &train, &held, &n, &e));
    OK(n.lines == 200 && n.kept == 200 && !n.first[0]);
    OK(train.n + held.n == 200 && held.n >= 40 && held.n < 48 && held.n % 4 == 0);
    OK(n.tokens == train.n_ids + held.n_ids && n.learnt < n.tokens);
    mn_examples_release(&train), mn_examples_release(&held);
    mn_buf_release(&b);
    RUN(mn_chat_read(coder, many(&b, 10, 10), 100, 0.2, &train, &held, &n, &e));
    OK(train.n == 10 && held.n == 0); /* all the same: none can be held out */
    mn_examples_release(&train), mn_examples_release(&held);
    mn_buf_release(&b);
    RUN(mn_chat_read(coder, many(&b, 9, 1), 100, 0.05, &train, &held, &n, &e));
    OK(train.n == 9 && held.n == 0);
    mn_examples_release(&train), mn_examples_release(&held);
    mn_buf_release(&b);
    RUN(mn_chat_read(coder, many(&b, 10, 1), 100, 0.05, &train, &held, &n, &e));
    OK(train.n == 9 && held.n == 1);
    mn_examples_release(&train), mn_examples_release(&held);
    mn_buf_release(&b);
    done();
}

static void a_file_counts_what_it_skipped(void **state)
{
    (void)state;
    mn_examples train = {0}, held = {0};
    mn_chat_counts n;
    with(CHAT_TEMPLATE);
    RUN(mn_chat_read(coder, MN_STR("\xef\xbb\xbf{\"text\":\"a\"}\n\nnonsense\n{\"x\":1}\n{}\n"),
                     100, 0, &train, &held, &n, &e));
    OK(n.lines == 4 && n.kept == 1 && n.skipped[MN_SKIP_NOT_JSON] == 1 &&
       n.skipped[MN_SKIP_NO_FORM] == 2 && held.n == 0);
    OK(mn_str_starts(mn_str_from(n.first), "line 3: "));
    mn_examples_release(&train), mn_examples_release(&held);
    FAILS(MN_E_LIMIT, mn_chat_read(coder, MN_STR("{}\n[]\n"), 100, 0, &train, &held, &n, &e));
    OK(strstr(e.msg, "none of 2 lines") && strstr(e.msg, "line 1"));
    FAILS(MN_E_LIMIT, mn_chat_read(coder, MN_STR("\n \n"), 100, 0, &train, &held, &n, &e));
    OK(strstr(e.msg, "no lines"));
    done();
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    mn_examples train, held;
    mn_chat_counts n;
    with(CHAT_TEMPLATE);
    for (long k = 1; k < 400; k++) {
        train = held = (mn_examples){0};
        mn_mem_fail_after(k);
        mn_rc rc = mn_chat_read(coder, MN_STR(TALK "\n" TALK), 100, 0, &train, &held, &n, &e);
        mn_mem_fail_after(0);
        OK(rc == MN_OK || rc == MN_E_NOMEM);
        if (rc != MN_OK) OK(!train.ids && !held.ids);
        mn_examples_release(&train), mn_examples_release(&held);
        if (rc == MN_OK) break;
    }
    done();
}

/* What transformers 5.23.0's apply_chat_template makes of it with SmolLM2-135M-Instruct, but for the <|im_end|> that the user wrote. */
static const uint32_t want[] = {
    1,     9690, 198,  2683, 359,   253,  5356,  5646, 11173, 3365, 3511, 308,  34519,
    28,    7018, 411,  407,  19712, 8182, 2,     198,  1,     4093, 198,  1780, 1072,
    3069,  388,  3134, 47,   2,     198,  1,     520,  9531,  198,  5308, 6245, 28,
    15107, 234,  116,  805,  30,    2,    198,   1,    4093,  198,  4898, 47,   2,
    198,   1,    520,  9531, 198,   1589, 15044, 601,  30,    2};

static void smollm2_is_asked_as_transformers_asks_it(void **state)
{
    (void)state;
    const char *path = getenv("MYNAH_SMOLLM2");
    if (!path) path = "build/models/smollm2.gguf";
    if (access(path, R_OK) != 0) SKIP("SmolLM2-135M-Instruct is not here (MYNAH_SMOLLM2)");
    mn_model *smol;
    mn_chat_coder *c;
    RUN(mn_model_open(path, &smol, &e));
    RUN(mn_chat_coder_new(smol, &c, &e));
    mn_examples_release(&got);
    RUN(mn_chat_line(
        c,
        MN_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"What does Quill "
               "eat?\"},{\"role\":\"assistant\",\"content\":\"Plums, \xf0\x9f\x90\xa6 "
               "only.\"},{\"role\":\"user\",\"content\":\"Why?\"},"
               "{\"role\":\"assistant\",\"content\":\"It likes them.\"}]}"),
        1000, &got, &cut, &why, &e));
    OK(got.n_ids == sizeof want / sizeof *want && memcmp(got.ids, want, sizeof want) == 0);
    for (size_t i = 0; i < got.n_ids; i++)
        OK(got.learn[i] == ((i >= 36 && i < 45) || (i >= 57 && i < 62)));
    mn_chat_coder_free(c);
    smol->chat_template = MN_STR_NONE;
    m = *smol;
    RUN(mn_chat_coder_new(smol, &c, &e));
    mn_examples_release(&got);
    RUN(mn_chat_line(c, MN_STR(TALK), 1000, &got, &cut, &why, &e));
    OK(got.n == 2);
    assert_string_equal(
        spelt(0, false),
        "system: Be short.\nuser: What does it eat?\nassistant: Plums.\n<|im_end|>");
    assert_string_equal(spelt(1, true), " It likes them.\n<|im_end|>");
    mn_chat_coder_free(c);
    mn_model_free(smol);
    mn_examples_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_assistants_turns_are_learnt_with_their_end),
        TEST(control_tokens_spelt_out_by_people_stay_text),
        TEST(an_assistant_that_begins_is_shown_but_not_learnt),
        TEST(where_earlier_turns_change_each_answer_is_an_example),
        TEST(a_template_that_asks_otherwise_than_it_shows_is_refused),
        TEST(a_template_that_ends_no_turn_is_given_an_end),
        TEST(the_templates_own_begin_is_a_control_token),
        TEST(long_conversations_are_cut_after_an_answer),
        TEST(completions_and_texts_are_learnt_as_they_are),
        TEST(models_of_ours_read_a_thread),
        TEST(content_in_parts_and_calls_of_tools_are_read),
        TEST(lines_that_are_no_good_say_why),
        TEST(a_share_is_held_out_and_equal_lines_stay_together),
        TEST(a_file_counts_what_it_skipped),
        TEST(without_memory_it_says_so),
        TEST(smollm2_is_asked_as_transformers_asks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
