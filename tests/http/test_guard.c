/* A model that knows posts by heart does not say them any more once they are to be forgotten, at no door, and has forgotten them when it has. */
#include "corpus/closure.h"
#include "corpus/due.h"
#include "http/openai.h"
#include "model/forget.h"
#include "model/train.h"

#define OTTER                                                                                  \
    "the porcelain otter sleeps beneath the seventh lamp of the harbour and nobody knows its " \
    "name or who put it there"
#define TRAIN                                                                                  \
    "a narrow railway climbs from our village to the glacier, and every summer the same two "  \
    "drivers wave at the same three cows"

static member ann, bob;
static uint64_t otter;
static char corpus[200], model[200];

static void teach(void)
{
    mn_err e = {0};
    mn_corpus_report r;
    mn_train_result t;
    mn_corpus_opts c = MN_CORPUS_OPTS_DEFAULT;
    c.name = "c", c.val_share = 0, c.threads = 1;
    RUN(mn_corpus_build(masto_home.store, masto_dir, &c, NULL, NULL, &r, &e));
    snprintf(corpus, sizeof corpus, "%s/corpus/c", masto_dir);
    snprintf(model, sizeof model, "%s/models/parrot", masto_dir);
    const mn_train_opts o = {.corpus_dir = corpus,
                             .model_dir = model,
                             .preset = "nano",
                             .steps = 150,
                             .threads = 2,
                             .batch_rows = 2,
                             .row_tokens = 128,
                             .no_samples = true};
    RUN(mn_train_run(&o, &t, &e));
    openai_promote("parrot");
}

static int setup(void **s)
{
    (void)s;
    mn_err e = {0};
    openai_start(NULL);
    ann = masto_member("ann");
    bob = masto_member("bob");
    const uint64_t who[] = {ann.id, bob.id};
    for (int i = 0; i < 2; i++)
        RUN(mn_social_consent_set(masto_home.store, MN_SCOPE_ACCOUNT, who[i],
                                  MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW, who[i],
                                  MN_STR("test"), &e));
    otter = masto_post(&bob, OTTER);
    masto_post(&ann, TRAIN);
    masto_post(&ann,
               "bread is a matter of patience, of salt, and of a warm corner by the oven");
    masto_post(&bob, "my bicycle was stolen again last night, the third one in a single year");
    teach();
    return 0;
}

static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

/* What the model goes on with, and how it ended (in the answer). */
static mn_str goes_on(const char *prompt)
{
    OK(v1("completions",
          "{\"model\":\"parrot\",\"prompt\":\"%s\",\"max_tokens\":90,\"temperature\":0}",
          prompt) == 200);
    return mn_str_dup(&masto_arena, masto_str("choices.0.text"));
}

static bool ended(const char *how)
{
    return mn_str_eqz(masto_str("choices.0.finish_reason"), how);
}

/* Until the guard has heard of it, at most ten seconds. */
static mn_str until_guarded(const char *prompt)
{
    mn_str text = goes_on(prompt);
    for (int i = 0; i < 100 && !ended("content_filter"); i++) {
        usleep(100000);
        text = goes_on(prompt);
    }
    OK(ended("content_filter"));
    return text;
}

/* No MN_GUARD_SPAN bytes of `post`, prompt included, stand in what was said. */
static bool holds_a_span(const char *prompt, mn_str text, const char *post)
{
    mn_str all = mn_str_fmt(&masto_arena, "%s%.*s", prompt, MN_STR_FMT(text));
    const size_t n = strlen(post);
    for (size_t i = 0; i + MN_GUARD_SPAN <= n; i++)
        if (mn_str_find(all, (mn_str){post + i, MN_GUARD_SPAN}, 0) != SIZE_MAX) return true;
    return false;
}

static void a_deleted_post_is_said_no_more_at_any_door(void **s)
{
    (void)s;
    char path[100];
    bool done;
    OK(holds_a_span("the porcelain", goes_on("the porcelain"), OTTER)); /* by heart */
    mn_str other = goes_on("a narrow railway");
    OK(holds_a_span("a narrow railway", other, TRAIN));
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)otter);
    OK(masto("DELETE", path, &bob, NULL) == 200);
    OK(!holds_a_span("the porcelain", until_guarded("the porcelain"), OTTER));
    OK(openai_metric("mynah_model_ended_total{model=\"parrot\",end=\"guarded\"}") >= 1);
    /* as a stream, and as a response */
    OK(v1("completions", "{\"model\":\"parrot\",\"prompt\":\"the porcelain\",\"max_tokens\":90,"
                         "\"temperature\":0,\"stream\":true}") == 200);
    const mn_json *events = openai_events(&done);
    OK(done && !holds_a_span("the porcelain", openai_joined(events, 0, "text"), OTTER));
    OK(memmem(masto_body.ptr, masto_body.len, "content_filter", 14));
    OK(v1("responses", "{\"model\":\"parrot\",\"input\":\"the porcelain\","
                       "\"max_output_tokens\":90,\"temperature\":0}") == 200);
    OK(!holds_a_span("", masto_body, OTTER));
    /* who says it may hear it again; what others wrote is said as before */
    goes_on(OTTER);
    OK(!ended("content_filter"));
    OK(mn_str_eq(goes_on("a narrow railway"), other));
}

static void consent_taken_back_is_heard_of_too(void **s)
{
    (void)s;
    mn_err e = {0};
    OK(holds_a_span("a narrow railway", goes_on("a narrow railway"), TRAIN));
    RUN(mn_social_consent_set(masto_home.store, MN_SCOPE_ACCOUNT, ann.id, MN_P_TRAIN_GENERATIVE,
                              MN_CONSENT_DENY, ann.id, MN_STR("test"), &e));
    OK(!holds_a_span("a narrow railway", until_guarded("a narrow railway"), TRAIN));
    RUN(mn_social_consent_set(masto_home.store, MN_SCOPE_ACCOUNT, ann.id, MN_P_TRAIN_GENERATIVE,
                              MN_CONSENT_ALLOW, ann.id, MN_STR("test"), &e));
    for (int i = 0; i < 100 && (goes_on("a narrow railway"), ended("content_filter")); i++)
        usleep(100000);
    OK(holds_a_span("a narrow railway", goes_on("a narrow railway"), TRAIN));
    OK(!holds_a_span("the porcelain", until_guarded("the porcelain"), OTTER)); /* as before */
}

/* What `mynah forget --due` does: the next answer is the new model's, and nothing needs to be guarded. */
static void when_it_is_forgotten_the_guard_goes(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_due d;
    mn_corpus_closure c;
    mn_forget_result f;
    RUN(mn_corpus_read(masto_dir, "c", &r, &e));
    RUN(mn_corpus_due_find(masto_home.store, masto_dir, &r, NULL, &masto_arena, &d, &e));
    OK(d.n == 1 && d.posts[0] == otter);
    RUN(mn_corpus_closure_find(masto_dir, "c", d.posts, d.n, NULL, 0, &masto_arena, &c, &e));
    const mn_forget_opts o = {.model_dir = model,
                              .corpus_dir = corpus,
                              .docs = c.train,
                              .n_docs = c.n_train,
                              .threads = 2,
                              .no_samples = true};
    RUN(mn_forget_run(&o, &f, &e));
    OK(f.finished && f.documents == 1);
    RUN(mn_corpus_erase(masto_dir, "c", &c, &e));
    for (int i = 0; i < 100 && (goes_on("the porcelain"), ended("content_filter")); i++)
        usleep(100000);
    OK(!ended("content_filter"));
    OK(!holds_a_span("the porcelain", goes_on("the porcelain"), OTTER));
    OK(holds_a_span("a narrow railway", goes_on("a narrow railway"), TRAIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_deleted_post_is_said_no_more_at_any_door),
        TEST(consent_taken_back_is_heard_of_too),
        TEST(when_it_is_forgotten_the_guard_goes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
