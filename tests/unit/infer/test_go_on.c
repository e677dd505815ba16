/* SmolLM2 learns on, as any user would have it: in its own vocabulary, from its quantised file, through a stop; and what comes of it writes. */
#include "../model/open_fixture.h"
#include "engine.h"

#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/stop.h"
#include "model/train.h"
#include "tensor/gemm.h"

#define STEPS 4

static char tmp[64];
static mn_err e;

static double first_bits;
static void on_eval(void *arg, uint64_t step, double bits)
{
    (void)arg;
    if (step == 0) first_bits = bits;
}

static void stop_at_2(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)share, (void)total;
    if (p->step == 2) mn_stop_request();
}

static bool add_text(void *arg, mn_str text)
{
    mn_buf_adds(arg, text);
    return true;
}

/* A checkpoint has weights and two moments in float32: 1.6 GB, and up to four of them. */
static bool there_is_room(void)
{
    struct statvfs v;
    return statvfs("/tmp", &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= UINT64_C(8) << 30;
}

/* What the model in `path` goes on to write. */
static void write_some(const char *path, mn_buf *ret)
{
    mn_ids ids = {0};
    uint32_t n;
    const mn_sampling p = {.temperature = 0.7f, .top_p = 0.9f, .seed = 1};
    mn_engine *g = engine(path, (mn_engine_opts){.context = 64});
    OK(mn_engine_chat_template(g).len > 100 && mn_engine_is_end(g, 2));
    RUN(mn_prompt_post(mn_engine_tokenizer(g), 0, MN_STR_NONE, MN_STR("the mynah sings"),
                       &ids));
    RUN(mn_generate(g, ids.ptr, ids.n, &p, 24, add_text, ret, &n, &e));
    mn_ids_release(&ids);
    mn_engine_free(g);
}

static void smollm2_goes_on_with_posts(void **state)
{
    (void)state;
    mn_model *m;
    mn_docform form;
    mn_train_result r;
    mn_buf text;
    int status = 0;
    char corpus[200], one[200], other[200], checkpoints[220];
    const char *path = getenv("MYNAH_SMOLLM2");
    if (!path) path = "build/models/smollm2.gguf";
    if (access(path, R_OK) != 0) SKIP("SmolLM2-135M-Instruct is not here (MYNAH_SMOLLM2)");
    if (!there_is_room()) SKIP("8 GB of space for temporary files are not here");
    test_tmp(tmp);
    RUN(mn_model_open(path, &m, &e));
    RUN(mn_model_form(m, &form, &e));
    OK(!form.ours && form.start == 0 && form.end == 2 && form.n_part == 1);
    open_corpus(tmp, m->tok, &form, 60, corpus);
    mn_model_free(m);
    mn_gemm_setup();
    snprintf(one, sizeof one, "%s/models/one", tmp);
    snprintf(other, sizeof other, "%s/models/other", tmp);
    mn_train_opts o = {.corpus_dir = corpus,
                       .model_dir = one,
                       .from_dir = path,
                       .steps = STEPS,
                       .seed = 1,
                       .batch_rows = 2,
                       .row_tokens = 64,
                       .checkpoint_s = 600,
                       .history = -1,
                       .dtype = mn_gemm_bf16_check(NULL) == MN_OK ? MN_BF16 : MN_F32,
                       .no_samples = true,
                       .on_eval = on_eval};
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && first_bits > 0.5 && first_bits < 5);
    if (!(r.val_bits_per_byte < 0.9 * first_bits))
        fail_msg("%.3f bits per byte from %.3f", r.val_bits_per_byte, first_bits);
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", one);
    test_tmp_remove(checkpoints);
    o.model_dir = other, o.on_step = stop_at_2;
    pid_t pid = fork();
    if (pid == 0) _exit(mn_train_run(&o, &r, &e) != MN_OK || r.finished);
    OK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
    o.on_step = NULL, o.resume = true, o.from_dir = NULL;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == STEPS && fixture_same_weights(one, other));
    mn_buf_init(&text, 0);
    write_some(one, &text);
    OK(text.len > 10);
    mn_buf_release(&text);
    test_tmp_remove(tmp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(smollm2_goes_on_with_posts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
