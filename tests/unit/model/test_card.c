/* The model card: what the files beside a model say is in it, and nothing in them can be more than text. */
#include "test.h"

#include "base/fs.h"
#include "model/card.h"

static char dir[64], model[100], corpora[100];
static mn_err e;

static void put(const char *name, const char *text)
{
    char path[300], *slash;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    slash = strrchr(path, '/');
    *slash = 0;
    RUN(mn_fs_mkdirs(path, &e));
    *slash = '/';
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
}

/* The card as it was written; lives until the next call. */
static const char *card(void)
{
    static char text[1 << 16];
    char path[300];
    mn_buf b;
    bool written = false;
    RUN(mn_card_write(model, corpora, &written, &e));
    OK(written);
    snprintf(path, sizeof path, "%s/README.md", model);
    mn_buf_init(&b, sizeof text - 1);
    RUN(mn_fs_read(path, sizeof text - 1, &b, &e));
    snprintf(text, sizeof text, "%s", b.ptr);
    mn_buf_release(&b);
    return text;
}

static bool says(const char *what)
{
    return strstr(card(), what) != NULL;
}

static int set_up(void **state)
{
    (void)state;
    test_tmp(dir);
    snprintf(model, sizeof model, "%s/models/spring", dir);
    snprintf(corpora, sizeof corpora, "%s/corpus", dir);
    put("models/spring/config.json",
        "{\"architectures\":[\"LlamaForCausalLM\"],\"vocab_size\":4096,\"hidden_size\":128,"
        "\"num_hidden_layers\":4,\"num_attention_heads\":4,\"intermediate_size\":384,"
        "\"max_position_embeddings\":256,\"rms_norm_eps\":1e-05,\"rope_theta\":10000.0,"
        "\"tie_word_embeddings\":true}");
    put("models/spring/training.json",
        "{\"name\":\"spring\",\"state\":\"done\",\"corpus\":\"posts\",\"corpus_sha256\":\"ab\","
        "\"preset\":\"nano\",\"optimiser\":\"muon\",\"decay\":0.1,\"steps\":1504,"
        "\"tokens\":3056523,\"masked\":2,\"val_bits_per_byte\":2.5,\"xz_bits_per_byte\":3.25}");
    put("corpus/posts/manifest.json",
        "{\"sha256\":\"ab\",\"posts_in\":30000,\"posts_kept\":28506,\"authors\":{\"count\":17},"
        "\"source\":{\"ledger_seq\":41},\"languages\":{\"und\":9000,\"en\":19000,\"de\":500,"
        "\"no\":6},\"licences\":{\"cc-by-4.0\":28000},\"months\":{\"2011-02\":1,\"2011-01\":2},"
        "\"dropped\":{\"too_short\":49}}");
    put("models/spring/evaluation.json",
        "{\"held_out\":{\"corpus\":\"posts\",\"bits_per_byte\":2.4567,\"posts\":1408,"
        "\"bytes\":111979,\"languages\":[{\"lang\":\"en\",\"bits_per_byte\":2.1,\"posts\":1300,"
        "\"bytes\":100000}]},"
        "\"tweeteval\":{\"emotion\":{\"measure\":\"macro_f1\",\"score\":0.775,\"accuracy\":0."
        "82,"
        "\"train\":3257}},"
        "\"memorisation\":{\"exposure\":{\"rank_sum_z\":-7.3,\"repetitions\":[{\"copies\":64,"
        "\"canaries\":2,\"exposure\":9.97,\"highest\":9.97}]},\"extraction\":{"
        "\"prompt_tokens\":32,\"continuation_tokens\":50,\"train\":{\"asked\":9,"
        "\"extracted\":3,\"asked_short\":2,\"extracted_short\":1,\"longest\":50}}},"
        "\"toxicity\":{\"rate\":0.1,\"low\":0.0767,\"high\":0.1294,\"flagged\":50,"
        "\"samples\":500,\"classifier_f1\":0.705,\"baseline\":{\"rate\":0.16,\"low\":0.14,"
        "\"high\":0.18,\"flagged\":230,\"posts\":1408}}}");
    put("models/spring/forgotten/0001.json",
        "{\"finished\":\"2026-11-21T10:00:00.000Z\",\"documents\":2,\"steps_repeated\":10,"
        "\"step\":100}");
    put("models/spring/forgotten/0001.json.sig", "{}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(dir);
    return 0;
}

static void what_is_known_is_in_it(void **state)
{
    (void)state;
    OK(says("---\nlicense: \"unknown\"\nlanguage:\n- en\n- de\nlibrary_name: transformers\n"));
    OK(says("tags:\n- mynah\n- social-media\n"));
    OK(says("datasets:\n- \"posts\"\nmodel-index:\n- name: \"spring\"\n  results:\n"));
    OK(says("    - type: bits_per_byte\n      value: 2.4567\n"));
    OK(says("      type: \"tweet_eval\"\n      config: \"emotion\"\n      split: validation\n"
            "    metrics:\n    - type: f1\n      value: 0.775\n"));
    OK(says("    - type: toxicity\n      value: 0.1\n---\n<!--"));
    OK(says("\n# spring\n"));
    OK(says("| optimiser | muon |") && says("| tokens seen | 3,056,523 |"));
    OK(says("| posts kept | 28,506 |") && says("| authors | 17 |") && says("| en | 19,000 |"));
    OK(says("| consent ledger, read up to line | 41 |"));
    OK(says("| licence | posts |\n| --- | ---: |\n| cc-by-4.0 | 28,000 |"));
    OK(says("| months | 2011-01 to 2011-02 |") && says("| too\\_short | 49 |"));
    OK(says("| documents that it does not learn from any more | 2 |"));
    OK(says("| **all held-out posts** | 2.4567 | 1,408 | 111,979 |"));
    OK(says("| en | 2.1000 | 1,300 | 100,000 |") && says("| a compressor (xz -9e) | 3.2500 |"));
    OK(says("| emotion | macro\\_f1 | 77.5 | 82.0 % | 3,257 |"));
    OK(says("| 64 | 2 | 9.97 | 9.97 |") &&
       says("-7.30 standard deviations from chance (learnt"));
    OK(says("| learnt from | 3 of 9 | 1 of 2 | 50 |"));
    OK(says("| what the model writes | 10.00 % | 7.67 to 12.94 | 50 of 500 |"));
    OK(says("| what people wrote, held out | 16.00 % | 14.00 to 18.00 | 230 of 1408 |"));
    OK(says("| 2026-11-21T10\\:00\\:00.000Z | 2 | 10 | 100 |"));
}

static void the_same_files_give_the_same_bytes(void **state)
{
    (void)state;
    char *first = mn_strdup(card());
    IS(mn_str_from(card()), first);
    mn_free(first);
}

/* A corpus of that name that was built anew is not the one that was learnt from. */
static void another_build_of_the_corpus_is_not_told_of(void **state)
{
    (void)state;
    put("corpus/posts/manifest.json", "{\"sha256\":\"cd\",\"posts_kept\":5}");
    OK(!says("posts kept") && !says("language:\n") && says("not at hand"));
}

static void what_is_damaged_is_named(void **state)
{
    (void)state;
    put("models/spring/evaluation.json", "{\"held_out\":");
    OK(says("`evaluation.json` is damaged") && says("2.5000") && !says("2.4567"));
    put("models/spring/evaluation.json", "[]");
    OK(says("`evaluation.json` is damaged"));
}

/* It forgot something since: what was measured on the old weights is not told of the new ones. */
static void results_of_other_weights_are_left_out(void **state)
{
    (void)state;
    put("models/spring/training.json",
        "{\"corpus\":\"posts\",\"val_bits_per_byte\":2.5,\"checkpoint_sha256\":\"new\"}");
    put("models/spring/evaluation.json",
        "{\"held_out\":{\"corpus\":\"posts\",\"bits_per_byte\":2.4567,"
        "\"checkpoint_sha256\":\"old\"},\"toxicity\":{\"rate\":0.1,\"low\":0.0767,"
        "\"high\":0.1294,\"flagged\":50,\"samples\":500,\"checkpoint_sha256\":\"new\"}}");
    OK(says("forgotten something since") && !says("2.4567") && says("50 of 500"));
    OK(says("value: 2.5\n"));
}

/* The file's text; lives until the next call. */
static const char *evaluation(void)
{
    static char text[4096];
    char path[300];
    mn_buf b;
    snprintf(path, sizeof path, "%s/evaluation.json", model);
    mn_buf_init(&b, sizeof text - 1);
    RUN(mn_fs_read(path, sizeof text - 1, &b, &e));
    snprintf(text, sizeof text, "%s", b.ptr);
    mn_buf_release(&b);
    return text;
}

/* Samples may say what was forgotten, and results name authors by their ids. */
static void who_forgets_keeps_no_result_of_other_weights(void **state)
{
    (void)state;
    put("models/spring/training.json", "{\"checkpoint_sha256\":\"new\"}");
    put("models/spring/evaluation.json",
        "{\"samples\":{\"texts\":[{\"text\":\"ada is 34\"}],\"checkpoint_sha256\":\"old\"},"
        "\"held_out\":{\"authors\":[{\"author\":\"77\"}]},\"notes\":{\"by\":\"me\"},"
        "\"toxicity\":{\"rate\":0.1,\"checkpoint_sha256\":\"new\"}}");
    RUN(mn_card_forget(model, &e));
    OK(!strstr(evaluation(), "ada is 34") && !strstr(evaluation(), "77"));
    OK(strstr(evaluation(), "\"by\": \"me\"") && strstr(evaluation(), "\"rate\": 0.1"));
    RUN(mn_card_forget(model, &e)); /* again: nothing changes */
    OK(strstr(evaluation(), "\"rate\": 0.1"));
    put("models/spring/evaluation.json", "{\"samples\":");
    OK(mn_card_forget(model, &e) == MN_E_CORRUPT && strstr(e.msg, "evaluation.json"));
}

static void the_card_of_whom_it_comes_from_stays(void **state)
{
    (void)state;
    char path[300];
    bool written = true;
    put("models/theirs/README.md", "---\nlicense: mit\n---\n# Theirs\n");
    put("models/theirs/evaluation.json", "{}");
    snprintf(path, sizeof path, "%s/models/theirs", dir);
    RUN(mn_card_write(path, corpora, &written, &e));
    OK(!written);
}

static void an_imported_model_names_its_origin(void **state)
{
    (void)state;
    put("models/bird/origin.json", "{\"source\":\"someone/bird-1B\",\"licence\":\"apache-2.0\","
                                   "\"author\":\"Someone\",\"sha256\":\"12\"}");
    snprintf(model, sizeof model, "%s/models/bird", dir);
    OK(says("license: \"apache-2.0\"\n") && says("base_model: \"someone/bird-1B\"\n"));
    OK(!says("social-media"));
    OK(says("| comes from | someone/bird-1B |") && says("brought in from elsewhere"));
    OK(says("cannot be forgotten here") && !says("## How it learnt"));
}

/* How many lines of the text are exactly that. */
static int lines(const char *text, const char *line)
{
    const size_t n = strlen(line);
    int k = 0;
    for (const char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        k += strncmp(at, line, n) == 0 && at[n] == '\n';
    return k;
}

#define HOSTILE                                                                                \
    "x\\n---\\nlicense: mit\\n\\u2028# y | z\\u0000 [a](http://evil.example) <script> "        \
    "`@admin` www.evil.example \\u202e \\\\\\\" *b*"

static void hostile_names_are_text(void **state)
{
    (void)state;
    snprintf(model, sizeof model, "%s/models/---", dir);
    put("models/---/training.json",
        "{\"corpus\":\"" HOSTILE "\",\"corpus_sha256\":\"" HOSTILE "\",\"state\":\"" HOSTILE
        "\",\"preset\":\"" HOSTILE "\",\"tuned_from\":\"" HOSTILE
        "\",\"steps\":1e999,\"decay\":1e300}");
    put("models/---/evaluation.json",
        "{\"held_out\":{\"corpus\":\"" HOSTILE "\",\"bits_per_byte\":2,\"languages\":[{"
        "\"lang\":\"" HOSTILE "\",\"bits_per_byte\":3}]},\"tweeteval\":{\"" HOSTILE
        "\":{\"measure\":\"" HOSTILE "\",\"score\":0.5,\"accuracy\":0.5}}}");
    put("models/---/origin.json",
        "{\"source\":\"" HOSTILE "\",\"licence\":\"" HOSTILE "\",\"author\":\"" HOSTILE "\"}");
    const char *text = card();
    OK(lines(text, "---") == 2);
    OK(lines(text, "license: mit") == 0);
    OK(strstr(text, "license: \"x --- license: mit  # y | z "));
    const char *body = strstr(text, "<!--");
    OK(body && strstr(body, "\\<script\\>"));
    for (const char *at = body; (at = strstr(at, "<script")); at++) OK(at[-1] == '\\');
    OK(!strstr(body, "[a]") && !strstr(body, "http:") && !strstr(body, " www.evil.example"));
    OK(!strstr(body, "`@") && strstr(body, "y \\| z") && strstr(body, "\\*b\\*"));
    OK(!strstr(text, "\xe2\x80\xa8") && !strstr(text, "\xe2\x80\xae"));
}

static void without_memory_nothing_is_written(void **state)
{
    (void)state;
    mn_rc rc = MN_E_NOMEM;
    long n = 0;
    for (; rc == MN_E_NOMEM && n < 2000; n++) {
        mn_mem_fail_after(n + 1);
        rc = mn_card_write(model, corpora, NULL, &e);
        mn_mem_fail_after(0);
    }
    OK(rc == MN_OK && n > 5);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_is_known_is_in_it),
        CASE(the_same_files_give_the_same_bytes),
        CASE(another_build_of_the_corpus_is_not_told_of),
        CASE(what_is_damaged_is_named),
        CASE(results_of_other_weights_are_left_out),
        CASE(who_forgets_keeps_no_result_of_other_weights),
        CASE(the_card_of_whom_it_comes_from_stays),
        CASE(an_imported_model_names_its_origin),
        CASE(hostile_names_are_text),
        CASE(without_memory_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
