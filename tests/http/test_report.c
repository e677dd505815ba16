/* The pages of models: what their files say is shown, as text, and what is not public is for members. */
#include "base/fs.h"
#include "http/masto.h"

static member alice;

static void put(const char *name, const char *text)
{
    char path[400], *slash;
    mn_err e = {0};
    snprintf(path, sizeof path, "%s/%s", masto_dir, name);
    slash = strrchr(path, '/');
    *slash = 0;
    RUN(mn_fs_mkdirs(path, &e));
    *slash = '/';
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
}

#define CONFIG                                                                                 \
    "{\"architectures\":[\"LlamaForCausalLM\"],\"vocab_size\":4096,\"hidden_size\":128,"       \
    "\"num_hidden_layers\":4,\"num_attention_heads\":4,\"intermediate_size\":384,"             \
    "\"max_position_embeddings\":256,\"rms_norm_eps\":1e-05,\"rope_theta\":10000.0,"           \
    "\"tie_word_embeddings\":true}"

/* A model of which nothing but its shape is known. */
static void put_model(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "models/%s/config.json", name);
    put(path, CONFIG);
    snprintf(path, sizeof path, "models/%s/model.safetensors", name);
    put(path, "");
}

static int setup(void **s)
{
    (void)s;
    masto_start();
    alice = masto_member("alice");
    put_model("spring");
    put("models/spring/training.json",
        "{\"state\":\"done\",\"corpus\":\"posts\",\"corpus_sha256\":\"ab\",\"preset\":\"nano\","
        "\"optimiser\":\"muon\",\"steps\":40,\"tokens\":4000000,\"val_bits_per_byte\":2.5,"
        "\"xz_bits_per_byte\":3.25,\"curve\":[{\"step\":10,\"tokens\":1000000,\"loss\":6.5},"
        "{\"step\":20,\"tokens\":2000000,\"loss\":5.25},{\"step\":40,\"tokens\":4000000,"
        "\"loss\":4.125}],\"evals\":[{\"step\":10,\"val_bits_per_byte\":3},"
        "{\"step\":30,\"val_bits_per_byte\":2.5}]}");
    put("corpus/posts/manifest.json",
        "{\"sha256\":\"ab\",\"posts_in\":30000,\"posts_kept\":28506,"
        "\"languages\":{\"en\":19000},\"dropped\":{\"too_short\":49}}");
    put("models/spring/evaluation.json",
        "{\"held_out\":{\"bits_per_byte\":2.4567,\"posts\":1408,\"bytes\":111979,\"languages\":"
        "["
        "{\"lang\":\"en\",\"bits_per_byte\":2.1,\"posts\":1300,\"bytes\":100000}],\"months\":["
        "{\"month\":\"2011-02\",\"bits_per_byte\":2.2,\"posts\":130,\"bytes\":1000}]},"
        "\"memorisation\":{\"exposure\":{\"rank_sum_z\":-7.3,\"repetitions\":[{\"copies\":64,"
        "\"canaries\":2,\"exposure\":8.25,\"highest\":9.5}]},\"extraction\":{"
        "\"prompt_tokens\":32,\"train\":{\"asked\":9,\"extracted\":3,\"longest\":50}}},"
        "\"toxicity\":{\"rate\":0.1,\"low\":0.0767,\"high\":0.1294,\"flagged\":50,"
        "\"samples\":500,\"classifier_f1\":0.705,\"baseline\":{\"rate\":0.16,\"low\":0.14,"
        "\"high\":0.18,\"flagged\":230,\"posts\":1408}},"
        "\"samples\":{\"texts\":[{\"given\":\"2011-02 en\",\"text\":\"the old cat listens\"}]},"
        "\"tweeteval\":{\"emotion\":{\"measure\":\"macro_f1\",\"score\":0.775}}}");
    put("models/spring/forgotten/0001.json",
        "{\"finished\":\"2026-11-21T10:00:00.000Z\",\"documents\":2,\"steps_repeated\":10,"
        "\"step\":40}");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

static int get(const char *path)
{
    return masto_raw("GET", path, "Accept: text/html\r\n", NULL, 0);
}

/* As a browser does that alice is signed in with. */
static int get_signed_in(const char *path)
{
    char headers[300];
    mn_err e = {0};
    mn_tx *tx;
    mn_secret secret;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_session_make(tx, alice.id, MN_STR("127.0.0.1"), MN_STR("test"), &secret, NULL,
                               &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(headers, sizeof headers, "Accept: text/html\r\nCookie: __Host-mynah=%s\r\n",
             secret.text);
    return masto_raw("GET", path, headers, NULL, 0);
}

static void a_report_shows_what_is_known(void **s)
{
    (void)s;
    OK(get("/models/spring") == 200);
    OK(masto_says("<h1 dir=\"auto\">spring</h1>") && masto_says("text/html"));
    OK(masto_says("aria-label=\"loss by million tokens seen, now 4.125\""));
    OK(masto_says("aria-label=\"held-out bits per byte by million tokens seen, now 2.500\""));
    OK(masto_says("xz -9e</text>"));
    OK(masto_says("<td dir=\"auto\">all</td><td>2.4567</td><td>1,408</td><td>111,979</td>"));
    OK(masto_says("<td dir=\"auto\">en</td><td>2.1000</td>") && masto_says(">2011-02</td>"));
    OK(masto_says("64 copies</th>") && masto_says("value=\"8.25\"") && masto_says(">9.50<"));
    OK(masto_says("<td>learnt from</td><td>3 of 9</td>"));
    OK(masto_says("<td>10.0 %</td><td>7.7 to 12.9 %</td><td>50 of 500</td>"));
    OK(masto_says("<td>16.0 %</td>") && masto_says("macro F1 70.5"));
    OK(masto_says("the old cat listens") && masto_says("2011-02 en"));
    OK(masto_says("<td dir=\"auto\">emotion</td><td><b>77.5</b></td><td>65.2</td>"));
    OK(masto_says("28,506") && masto_says("too short") && masto_says("muon"));
    OK(masto_says("2026-11-21T10:00:00.000Z</td><td>2</td><td>10</td><td>40</td>"));
    OK(masto_says("href=\"/models/spring/card\""));
}

/* The second evaluation was after step 30, half way between two and four million tokens. */
static void evaluations_stand_at_the_tokens_seen(void **s)
{
    (void)s;
    OK(get("/models/spring") == 200);
    OK(masto_says(">1.5</text>")); /* from 1 to 3 in halves; the other curve counts in ones */
    OK(masto_says(" 628.0,") && !masto_says("nan,"));
}

static void models_are_listed_with_their_figures(void **s)
{
    (void)s;
    put_model("bare");
    OK(get("/models") == 200);
    OK(masto_says("href=\"/models/spring\"") && masto_says("<td>2.457</td>"));
    OK(masto_says("<td>9.5 bits</td>") && masto_says("<td>10.0 %</td>"));
    OK(!masto_says("bare") && !masto_says("in use"));
    OK(get("/model") == 200 && masto_says("href=\"/models\""));
}

static void what_was_brought_in_is_for_members(void **s)
{
    (void)s;
    put_model("secret-plan");
    put("models/secret-plan/origin.json", "{\"source\":\"someone/else\"}");
    put_model("tuned");
    put("models/tuned/training.json", "{\"corpus\":\"\",\"tuned_from\":\"x\",\"data\":\"d\"}");
    OK(get("/models") == 200 && !masto_says("secret-plan") && !masto_says("tuned\""));
    OK(get("/models/secret-plan") == 404 && !masto_says("someone"));
    OK(get("/models/secret-plan/card") == 404 && get("/models/tuned") == 404);
    OK(get_signed_in("/models") == 200 && masto_says("secret-plan") && masto_says("private"));
    OK(get_signed_in("/models/secret-plan") == 200 && masto_says("someone/else"));
    OK(get_signed_in("/models/tuned") == 200 && masto_says("tuned here from another"));
    /* promoted it speaks to everybody, so everybody may know what it is */
    char link[200];
    snprintf(link, sizeof link, "%s/models/current", masto_dir);
    OK(symlink("secret-plan", link) == 0);
    OK(get("/models/secret-plan") == 200 && masto_says("in use"));
    OK(get("/models/mynah") == 200 && masto_says(">secret-plan</h1>"));
}

static void the_card_can_be_had(void **s)
{
    (void)s;
    OK(get("/models/spring/card") == 200);
    OK(masto_says("text/markdown") && masto_says("attachment; filename=\"README.md\""));
    OK(mn_str_starts(masto_body, "---\nlicense: \"unknown\"\n") && masto_says("# spring\n"));
    put("models/spring/README.md", "# as it lies there\n");
    OK(get("/models/spring/card") == 200 && mn_str_eqz(masto_body, "# as it lies there\n"));
    OK(get("/models/none/card") == 404 && get("/models/..%2f..") >= 400);
}

static void hostile_files_are_text(void **s)
{
    (void)s;
    put_model("x<i>&'");
    put("models/x<i>&'/training.json",
        "{\"corpus\":\"<script>a\",\"state\":\"<script>b\",\"steps\":-1e400,"
        "\"curve\":[[],{\"step\":\"x\",\"tokens\":1e308,\"loss\":1e308},{\"step\":2,"
        "\"tokens\":-1e308,\"loss\":-1e308},null],\"evals\":7}");
    put("models/x<i>&'/origin.json",
        "{\"source\":\"<script>c\",\"licence\":\"\\\" onclick=x\",\"tuned_from\":[]}");
    put("models/x<i>&'/evaluation.json",
        "{\"held_out\":{\"bits_per_byte\":2,\"languages\":[{\"lang\":\"<script>d\","
        "\"bits_per_byte\":1}],\"months\":\"x\"},\"samples\":{\"texts\":[{\"text\":\"<script>"
        "e\"},"
        "9]},\"tweeteval\":{\"<script>f\":{\"score\":0.5,\"measure\":\"<script>g\"}},"
        "\"memorisation\":{\"exposure\":{\"repetitions\":[{\"copies\":\"<script>h\","
        "\"exposure\":1,\"highest\":2}]},\"extraction\":[]},\"toxicity\":\"<script>i\"}");
    OK(get_signed_in("/models") == 200 && masto_says("x&lt;i&gt;&amp;"));
    OK(!masto_says("<i>"));
    OK(get_signed_in("/models/x%3Ci%3E%26'") == 200);
    OK(masto_says("&lt;script&gt;b") && masto_says("&lt;script&gt;g"));
    OK(!masto_says("<script>") && masto_says("&lt;script&gt;e") && !masto_says("<i>"));
    OK(!masto_says("\" onclick"));
}

static void damaged_files_are_named(void **s)
{
    (void)s;
    put("models/spring/evaluation.json", "{");
    OK(get("/models/spring") == 200 && masto_says("evaluation.json is damaged"));
    OK(masto_says("now 4.125") && !masto_says("2.4567"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_report_shows_what_is_known),
        CASE(evaluations_stand_at_the_tokens_seen),
        CASE(models_are_listed_with_their_figures),
        CASE(what_was_brought_in_is_for_members),
        CASE(the_card_can_be_had),
        CASE(hostile_files_are_text),
        CASE(damaged_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
