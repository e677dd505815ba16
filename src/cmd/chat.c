/* `mynah chat`: a conversation in the terminal, or over pipes. Answers go to stdout, all else to stderr. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/stop.h"
#include "cmd/chat_card.h"
#include "cmd/chat_line.h"
#include "cmd/chat_talk.h"
#include "cmd/cmd.h"
#include "cmd/models.h"
#include "social/social.h"
#include "tensor/cuda.h"

typedef struct options {
    const char *data, *model, *system, *device;
    int gpu;
    uint64_t max_tokens, seed, top_k, threads, context;
    double temperature, top_p;
    bool json;
} options;

typedef struct chat {
    const options *o;
    mn_talk talk;
    mn_line in;
    char *path;
    bool leave, editing; /* editing: the next line takes the last message's place */
    bool mid_line;       /* of the answer that is being written */
} chat;

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* Loads a model and remembers where it lies; the talk takes it. */
static mn_rc load(chat *c, const char *name, mn_err *e)
{
    mn_arena a;
    mn_engine *g = NULL;
    const char *path = NULL;
    mn_arena_init(&a, 1u << 20);
    mn_rc rc = mn_models_find(mn_home_dir(c->o->data), name, &a, &path, e);
    const mn_engine_opts eo = {
        .n_threads = (int)c->o->threads, .context = (uint32_t)c->o->context, .gpu = c->o->gpu};
    if (rc == MN_OK) rc = mn_engine_load(path, &eo, &g, e);
    char *copy = rc == MN_OK ? mn_strdup(path) : NULL;
    if (rc == MN_OK && !copy) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK)
        rc = c->talk.g ? mn_talk_engine(&c->talk, g, e) : mn_talk_open(g, &c->talk, e);
    if (rc == MN_OK) {
        mn_free(c->path);
        c->path = copy;
    } else {
        mn_free(copy);
        mn_engine_free(g);
    }
    mn_arena_release(&a);
    return rc;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void show(void *arg, mn_str text)
{
    chat *c = arg;
    if (mn_stop_requested() || ferror(stdout)) mn_line_interrupted = 1; /* nobody reads on */
    if (c->o->json) return;
    fwrite(text.ptr, 1, text.len, stdout);
    fflush(stdout);
    c->mid_line = text.ptr[text.len - 1] != '\n';
}

static mn_rc print_json(const chat *c, const mn_talk_answer *r, mn_err *e)
{
    static const char *const ends[] = {"stop", "length", "interrupted"};
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "model", mn_fs_base(c->path));
    mn_jw_kstrz(&w, "answer", c->talk.messages[c->talk.n - 1].text);
    mn_jw_kstrz(&w, "end", ends[r->end]);
    mn_jw_ku64(&w, "prompt_tokens", r->prompt_tokens);
    mn_jw_ku64(&w, "cached_tokens", r->cached_tokens);
    mn_jw_ku64(&w, "tokens", r->tokens);
    mn_jw_ku64(&w, "forgotten", r->forgotten);
    mn_jw_kf64(&w, "seconds", r->seconds);
    mn_jw_object_end(&w);
    mn_rc rc = mn_cmd_print(&b, e);
    fflush(stdout);
    return rc;
}

/* Answers the last message. What went wrong with a message ends neither the conversation nor the program. */
static mn_rc answer(chat *c, mn_err *e)
{
    mn_talk_answer r;
    mn_line_interrupted = mn_stop_requested();
    c->mid_line = false;
    mn_rc rc = mn_talk_answer_last(&c->talk, &mn_line_interrupted, show, c, &r, e);
    mn_line_interrupted = 0;
    if (c->mid_line) putchar('\n');
    if (rc != MN_OK) return rc;
    if (r.forgotten && !c->talk.told) {
        fprintf(stderr,
                "(the conversation is longer than the %u tokens this model can see: its oldest "
                "messages are forgotten)\n",
                mn_engine_context(c->talk.g));
        c->talk.told = true;
    }
    if (c->o->json) return print_json(c, &r, e);
    if (r.end == MN_TALK_STOPPED) fputs("(stopped)\n", stderr);
    if (r.end == MN_TALK_LENGTH) fputs("(cut: the answer is as long as it may be)\n", stderr);
    if (c->in.terminal) putchar('\n');
    fflush(stdout);
    return MN_OK;
}

static mn_rc ask(chat *c, mn_str text, mn_err *e)
{
    MN_TRY(mn_talk_add(&c->talk, false, text, e));
    mn_rc rc = answer(c, e);
    if (rc != MN_OK) mn_talk_drop_last(&c->talk);
    return rc;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static mn_rc nothing_yet(mn_err *e)
{
    return mn_fail(e, MN_E_USAGE, "nothing was asked yet");
}

static bool last_is_answer(const mn_talk *t)
{
    return t->n && t->messages[t->n - 1].assistant;
}

static mn_rc retry(chat *c, mn_str arg, mn_err *e)
{
    (void)arg;
    if (last_is_answer(&c->talk)) mn_talk_drop_last(&c->talk);
    if (!c->talk.n) return nothing_yet(e);
    return answer(c, e);
}

static mn_rc edit(chat *c, mn_str arg, mn_err *e)
{
    if (!c->talk.n) return nothing_yet(e);
    if (!arg.len) {
        size_t last = c->talk.n - 1 - last_is_answer(&c->talk);
        fprintf(stderr, "it was: %s\nWrite it anew:\n", c->talk.messages[last].text);
        c->editing = true;
        return MN_OK;
    }
    if (last_is_answer(&c->talk)) mn_talk_drop_last(&c->talk);
    mn_talk_drop_last(&c->talk);
    return ask(c, arg, e);
}

static mn_rc system_(chat *c, mn_str arg, mn_err *e)
{
    MN_TRY(mn_talk_system(&c->talk, arg.len ? arg : MN_STR_NONE, e));
    fputs(arg.len ? "(the model is told so from now on)\n" : "(the system message is gone)\n",
          stderr);
    return MN_OK;
}

static mn_rc reset(chat *c, mn_str arg, mn_err *e)
{
    (void)arg;
    (void)e;
    mn_talk_reset(&c->talk);
    fputs("(forgotten)\n", stderr);
    return MN_OK;
}

static mn_rc save(chat *c, mn_str arg, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    char *path = mn_strndup(arg.ptr ? arg.ptr : "", arg.len);
    if (!path) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_rc rc = MN_OK;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_talk_json(&c->talk, &w);
    mn_buf_addc(&b, '\n');
    if (!arg.len) rc = mn_fail(e, MN_E_USAGE, "name the file: /save FILE");
    else if (mn_fs_exists(path))
        rc = mn_fail(e, MN_E_EXISTS, "'%s' is there already; choose another name", path);
    else if (b.failed) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    else rc = mn_fs_write_atomic(path, b.ptr, b.len, e);
    if (rc == MN_OK) fprintf(stderr, "(saved to '%s')\n", path);
    mn_free(path);
    mn_buf_release(&b);
    return rc;
}

static mn_rc model(chat *c, mn_str arg, mn_err *e)
{
    if (arg.len) {
        char *name = mn_strndup(arg.ptr, arg.len);
        if (!name) return mn_fail(e, MN_E_NOMEM, "out of memory");
        mn_rc rc = load(c, name, e);
        mn_free(name);
        if (rc != MN_OK) return rc;
    }
    fprintf(stderr, "(the model is '%s')\n", c->path);
    return MN_OK;
}

static mn_rc card(chat *c, mn_str arg, mn_err *e)
{
    (void)arg;
    return mn_chat_card(c->path, stderr, e);
}

static mn_rc leave(chat *c, mn_str arg, mn_err *e)
{
    (void)arg;
    (void)e;
    c->leave = true;
    return MN_OK;
}

static mn_rc help(chat *c, mn_str arg, mn_err *e);

static const struct {
    const char *name, *arg;
    mn_rc (*run)(chat *c, mn_str arg, mn_err *e);
    const char *what;
} commands[] = {
    {"retry", "", retry, "another answer to the last message"},
    {"edit", "[TEXT]", edit, "the last message anew, and its answer"},
    {"system", "[TEXT]", system_, "tells the model how to be; without TEXT, nothing any more"},
    {"reset", "", reset, "forgets the conversation"},
    {"save", "FILE", save, "the conversation as a line of JSON, as `mynah tune` reads it"},
    {"model", "[MODEL]", model, "goes on with another model, or names this one"},
    {"card", "", card, "what this model is: what it was trained on, licence, origin"},
    {"help", "", help, "this list"},
    {"quit", "", leave, "leaves, as Ctrl-D does"},
};

static mn_rc help(chat *c, mn_str arg, mn_err *e)
{
    (void)c;
    (void)arg;
    (void)e;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(stderr, "  /%-7s %-8s %s\n", commands[i].name, commands[i].arg,
                commands[i].what);
    fputs("  A line that should begin with '/' begins with '//'. Ctrl-C stops an answer.\n",
          stderr);
    return MN_OK;
}

static mn_rc command(chat *c, mn_str line, mn_err *e)
{
    mn_str rest, name = mn_str_split(line, ' ', &rest);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (mn_str_eqz(name, commands[i].name)) return commands[i].run(c, mn_str_trim(rest), e);
    return mn_fail(e, MN_E_USAGE, "there is no command '/%.*s'; /help lists them",
                   MN_STR_FMT(mn_utf8_cut(name, 40)));
}

/* ---- the conversation --------------------------------------------------------------------------------------------- */

static mn_rc one(chat *c, mn_str line, mn_err *e)
{
    mn_str text = mn_str_trim(line);
    if (!text.len) return MN_OK;
    if (c->editing) {
        c->editing = false;
        return edit(c, text, e);
    }
    if (text.ptr[0] != '/') return ask(c, text, e);
    text = mn_str_sub(text, 1, text.len);
    return text.len && text.ptr[0] == '/' ? ask(c, text, e) : command(c, text, e);
}

/* Told and gone on with; a pipe's exit code remembers it. */
static void complain(const chat *c, const mn_err *e)
{
    if (c->in.terminal) fprintf(stderr, "%s\n", e->msg);
    else mn_cmd_failed("chat", e, c->o->json);
    fflush(stdout);
}

static mn_rc converse(chat *c, int *ret_failed, mn_err *e)
{
    while (!c->leave && !mn_stop_requested() && !ferror(stdout)) {
        mn_str line;
        bool more;
        mn_err own = {0};
        MN_TRY(mn_line_next(&c->in, c->editing ? "… " : "> ", &line, &more, e));
        if (!more) break;
        if (one(c, line, &own) == MN_OK) continue;
        complain(c, &own);
        *ret_failed = 1;
    }
    if (c->in.terminal) fputc('\n', stderr);
    return MN_OK;
}

static void greet(const chat *c)
{
    if (c->in.terminal)
        fprintf(stderr,
                "Talking with '%s'. /help lists the commands, /card says what it is; Ctrl-C "
                "stops an "
                "answer, Ctrl-D leaves.\n",
                c->path);
}

static mn_rc run(const options *o, int *ret_failed, mn_err *e)
{
    chat c = {.o = o};
    c.talk.max_tokens = (uint32_t)o->max_tokens;
    c.talk.sampling = (mn_sampling){.temperature = (float)o->temperature,
                                    .top_k = (uint32_t)o->top_k,
                                    .top_p = (float)o->top_p,
                                    .seed = o->seed};
    mn_rc rc = load(&c, o->model, e);
    if (rc == MN_OK && o->system) rc = mn_talk_system(&c.talk, mn_str_from(o->system), e);
    if (rc == MN_OK) { /* what no answer could be made with is said before anybody writes */
        mn_sampler *s = NULL;
        rc = mn_sampler_new(&c.talk.sampling, mn_engine_vocab(c.talk.g), &s, e);
        mn_sampler_free(s);
    }
    if (rc == MN_OK) {
        mn_line_init(&c.in);
        greet(&c);
        rc = converse(&c, ret_failed, e);
        mn_line_release(&c.in);
    }
    mn_talk_release(&c.talk);
    mn_free(c.path);
    return rc;
}

static mn_rc parse(int argc, char **argv, options *o, mn_err *e)
{
    int n_pos;
    const mn_opt opts[] = {
        {"model", 'm', MN_OPT_STR, &o->model, "MODEL",
         "a name under models/, a folder or a GGUF file; default: the promoted model"},
        {"system", 0, MN_OPT_STR, &o->system, "TEXT", "what the model is told before all else"},
        {"temperature", 't', MN_OPT_F64, &o->temperature, "T",
         "0 picks the likeliest token (0.7)"},
        {"top-k", 0, MN_OPT_U64, &o->top_k, "K", "choose among the K likeliest (0: all)"},
        {"top-p", 0, MN_OPT_F64, &o->top_p, "P",
         "choose among those that make up share P (0.9)"},
        {"seed", 's', MN_OPT_U64, &o->seed, "S",
         "same seed, same answers; default: another each time"},
        {"max-tokens", 'n', MN_OPT_U64, &o->max_tokens, "N",
         "an answer's length at most (1024; 0: what the context holds)"},
        {"context", 0, MN_OPT_U64, &o->context, "N",
         "tokens the model sees at once (0: its own, at most 8192)"},
        {"threads", 0, MN_OPT_U64, &o->threads, "P", "threads; default: all processors"},
        MN_CMD_OPT_DEVICE(&o->device),
        MN_CMD_OPT_DATA(&o->data),
        MN_CMD_OPT_JSON(&o->json, "a JSON object a line for each answer"),
        {0},
    };
    const mn_usage u = {
        "chat", "[--model MODEL] [--system TEXT] [--temperature T] [--seed S]",
        "Talks with a model: a message a line, answers as they are written. Lines that begin "
        "with "
        "'/' are\ncommands, /help lists them; Ctrl-C stops an answer, Ctrl-D leaves.",
        "mynah chat --model smollm2 --system \"Answer in one sentence.\""};
    MN_TRY(mn_args_parse(argc, argv, &u, opts, &n_pos, e));
    if (n_pos > 0)
        return mn_fail(e, MN_E_USAGE, "'%s' was not expected; messages are read from the input",
                       argv[1]);
    if (o->max_tokens > UINT32_MAX || o->top_k > UINT32_MAX || o->threads > 1024 ||
        o->context > (1u << 20))
        return mn_fail(e, MN_E_USAGE,
                       "--max-tokens, --top-k, --context or --threads is too large");
    return mn_cuda_device(o->device, &o->gpu, e);
}

int mn_cmd_chat(int argc, char **argv)
{
    options o = {.max_tokens = 1024, .temperature = 0.7, .top_p = 0.9, .device = "cpu"};
    mn_err e = {0};
    int failed = 0;
    mn_rc rc = mn_random_bytes(&o.seed, sizeof o.seed, &e);
    if (rc == MN_OK) rc = parse(argc, argv, &o, &e);
    if (rc == MN_OK) rc = run(&o, &failed, &e);
    return rc == MN_OK ? failed : mn_cmd_failed("chat", &e, o.json);
}
