#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/models.h"
#include "infer/chat.h"
#include "social/social.h"
#include "tensor/cuda.h"

typedef struct options {
    const char *data, *model, *prompt, *lang, *month, *device;
    int gpu;
    uint64_t max_tokens, seed, top_k, threads;
    double temperature, top_p;
    bool json, logits, chat;
    int64_t at_ms; /* when the post is written */
} options;

typedef struct output {
    bool json;
    const char *prompt; /* until it was shown */
    mn_buf text;
} output;

static void show_prompt(output *out)
{
    if (out->prompt && !out->json) fputs(out->prompt, stdout);
    out->prompt = NULL;
}

static bool show(void *arg, mn_str text)
{
    output *out = arg;
    show_prompt(out);
    mn_buf_adds(&out->text, text);
    if (!out->json) {
        fwrite(text.ptr, 1, text.len, stdout);
        fflush(stdout);
    }
    return !mn_stop_requested();
}

static mn_rc report(const options *o, const char *dir, const output *out, uint32_t n,
                    size_t n_prompt, double seconds, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "model", dir);
    mn_jw_kstrz(&w, "prompt", o->prompt);
    mn_jw_kstr(&w, "text", mn_buf_str(&out->text));
    mn_jw_ku64(&w, "prompt_tokens", n_prompt);
    mn_jw_ku64(&w, "tokens", n);
    mn_jw_ku64(&w, "seed", o->seed);
    mn_jw_kf64(&w, "seconds", seconds);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

/* For comparing engines: what the model says of the next token, and the tokens it was asked with. */
static mn_rc print_logits(mn_engine *g, const mn_ids *prompt, mn_err *e)
{
    mn_seq *s = NULL;
    const float *logits = NULL;
    mn_buf b;
    mn_json_writer w;
    MN_TRY(mn_seq_new(g, &s, e));
    mn_rc rc = mn_seq_feed(s, prompt->ptr, prompt->n, &logits, e);
    mn_buf_init(&b, 64u << 20);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_key(&w, "ids");
    mn_jw_array(&w);
    for (size_t i = 0; i < prompt->n; i++) mn_jw_u64(&w, prompt->ptr[i]);
    mn_jw_array_end(&w);
    mn_jw_key(&w, "logits");
    mn_jw_array(&w);
    for (uint32_t v = 0; rc == MN_OK && v < mn_engine_vocab(g); v++)
        mn_jw_f64(&w, (double)logits[v]);
    mn_jw_array_end(&w);
    mn_jw_object_end(&w);
    if (rc == MN_OK) rc = mn_cmd_print(&b, e);
    mn_buf_release(&b);
    mn_seq_free(s);
    return rc;
}

/* The prompt as what a user says, through the model's chat template. */
static mn_rc chat_prompt(const mn_engine *g, mn_str text, mn_arena *a, mn_ids *ret, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_json *messages = NULL;
    mn_buf_init(&b, 16u << 20);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_array(&w);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "role", "user");
    mn_jw_kstr(&w, "content", text);
    mn_jw_object_end(&w);
    mn_jw_array_end(&w);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "the prompt is too long")
                        : mn_json_parse(mn_buf_str(&b), a, &messages, e);
    if (rc == MN_OK) {
        const mn_chat_prompt p = {.messages = messages, .answer = true, .now_ms = mn_now_ms()};
        rc = mn_chat_ids(g, &p, ret, NULL, e);
    }
    mn_buf_release(&b);
    return rc;
}

static mn_rc make_prompt(const options *o, const mn_engine *g, mn_arena *a, mn_ids *ret,
                         mn_err *e)
{
    if (o->chat) return chat_prompt(g, mn_str_from(o->prompt), a, ret, e);
    mn_rc rc = mn_prompt_post(mn_engine_tokenizer(g), o->at_ms, mn_str_from(o->lang),
                              mn_str_from(o->prompt), ret);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory for the prompt");
    return ret->n
               ? MN_OK
               : mn_fail(e, MN_E_USAGE,
                         "this model needs a prompt of at least one token: give --prompt TEXT");
}

/* The middle of the month, or now. */
static mn_rc choose_time(options *o, mn_err *e)
{
    char text[40];
    o->at_ms = mn_now_ms();
    if (!o->month) return MN_OK;
    snprintf(text, sizeof text, "%.20s-15T12:00:00Z", o->month);
    if (strlen(o->month) == 7 && mn_time_parse(mn_str_from(text), &o->at_ms) == MN_OK)
        return MN_OK;
    return mn_fail(e, MN_E_USAGE, "'%.20s' is no month: expected YYYY-MM", o->month);
}

static mn_rc run(const options *o, mn_arena *a, mn_err *e)
{
    const char *dir;
    mn_engine *g = NULL;
    mn_ids prompt = {0};
    output out = {.json = o->json, .prompt = o->chat ? "" : o->prompt};
    mn_sampling p = {.temperature = (float)o->temperature,
                     .top_k = (uint32_t)o->top_k,
                     .top_p = (float)o->top_p,
                     .seed = o->seed};
    uint32_t n = 0;
    mn_buf_init(&out.text, 64u << 20);
    MN_TRY(mn_models_find(mn_home_dir(o->data), o->model, a, &dir, e));
    const mn_engine_opts eo = {.n_threads = (int)o->threads, .gpu = o->gpu};
    mn_rc rc = mn_engine_load(dir, &eo, &g, e);
    if (rc == MN_OK) rc = make_prompt(o, g, a, &prompt, e);
    if (rc == MN_OK && o->logits) {
        rc = print_logits(g, &prompt, e);
        goto out;
    }
    int64_t started = mn_mono_us();
    if (rc == MN_OK)
        rc = mn_generate(g, prompt.ptr, prompt.n, &p, (uint32_t)o->max_tokens, show, &out, &n,
                         e);
    if (rc == MN_OK && o->json)
        rc = report(o, dir, &out, n, prompt.n, (double)(mn_mono_us() - started) / 1e6, e);
    if (rc == MN_OK) show_prompt(&out);
    if (!o->json && !out.prompt) putchar('\n');
out:
    mn_engine_free(g);
    mn_ids_release(&prompt);
    mn_buf_release(&out.text);
    return rc;
}

int mn_cmd_generate(int argc, char **argv)
{
    options o = {.prompt = "",
                 .device = "cpu",
                 .max_tokens = 200,
                 .temperature = 0.8,
                 .top_p = 0.95,
                 .top_k = 0,
                 .seed = 0};
    mn_err e = {0};
    int n_pos;
    const mn_opt opts[] = {
        {"model", 'm', MN_OPT_STR, &o.model, "MODEL",
         "a name under models/, a folder or a GGUF file; default: the promoted model"},
        {"prompt", 'p', MN_OPT_STR, &o.prompt, "TEXT", "how the post begins; default: nothing"},
        {"chat", 0, MN_OPT_FLAG, &o.chat, NULL,
         "the prompt is what a user says: the model answers, by its chat template"},
        {"lang", 0, MN_OPT_STR, &o.lang, "CODE",
         "language of the post, e.g. en; default: that of the prompt"},
        {"month", 0, MN_OPT_STR, &o.month, "YYYY-MM",
         "when the post is written, for models that were trained here; default: now"},
        {"max-tokens", 'n', MN_OPT_U64, &o.max_tokens, "N",
         "stop after N tokens (200; 0: when the post ends)"},
        {"temperature", 't', MN_OPT_F64, &o.temperature, "T",
         "0 picks the likeliest token (0.8)"},
        {"top-k", 0, MN_OPT_U64, &o.top_k, "K", "choose among the K likeliest (0: all)"},
        {"top-p", 0, MN_OPT_F64, &o.top_p, "P",
         "choose among those that make up share P (0.95)"},
        {"seed", 's', MN_OPT_U64, &o.seed, "S", "same seed, same text (0)"},
        {"threads", 0, MN_OPT_U64, &o.threads, "P", "threads; default: all processors"},
        MN_CMD_OPT_DEVICE(&o.device),
        MN_CMD_OPT_DATA(&o.data),
        MN_CMD_OPT_JSON(&o.json, "one JSON object instead of streamed text"),
        {"logits", 0, MN_OPT_FLAG, &o.logits, NULL,
         "no text, but the prompt's token ids and the logits of the next token, as JSON"},
        {0},
    };
    const mn_usage u = {
        "generate",
        "[--model MODEL] [--prompt TEXT] [--max-tokens N] [--temperature T] [--seed S]",
        "Lets a model write a post, go on with a text, or answer one, streaming as it comes.",
        "mynah generate --prompt \"The weather today\" --seed 7"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && n_pos > 0)
        rc = mn_fail(&e, MN_E_USAGE, "'%s' was not expected; a prompt goes after --prompt",
                     argv[1]);
    if (rc == MN_OK && (o.max_tokens > UINT32_MAX || o.top_k > UINT32_MAX || o.threads > 1024))
        rc = mn_fail(&e, MN_E_USAGE, "--max-tokens, --top-k or --threads is too large");
    if (rc == MN_OK) rc = mn_cuda_device(o.device, &o.gpu, &e);
    if (rc == MN_OK) rc = choose_time(&o, &e);
    if (rc != MN_OK) return mn_cmd_failed("generate", &e, o.json);
    mn_arena a;
    mn_arena_init(&a, 1u << 20);
    rc = run(&o, &a, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("generate", &e, o.json);
}
