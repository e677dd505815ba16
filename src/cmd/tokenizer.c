/* mynah tokenizer: train, encode, decode. A text file holds one post a line; in a .jsonl file it is the member "text". */
#include "text/tokenizer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "model/open.h"
#include "social/social.h"

enum { STDIN_MAX_BYTES = 1 << 28, BYTES_A_BAR_STEP = 1 << 20 };

/* ---- train -------------------------------------------------------------------------------------------------- */

typedef struct training {
    const char *data, *corpus, *out;
    mn_opt_strs inputs;
    uint64_t vocab;
    bool json;

    mn_tok_trainer *trainer;
    mn_arena line; /* of a .jsonl file */
    mn_progress bar;
    uint64_t bytes, texts;
} training;

static mn_rc add_json_line(training *t, mn_str line, mn_err *e)
{
    mn_json *post;
    if (!mn_str_trim(line).len) return MN_OK;
    MN_TRY(mn_json_parse(line, &t->line, &post, e));
    mn_str text = mn_json_str(mn_json_get(post, "text"));
    if (!text.ptr) return mn_fail(e, MN_E_PARSE, "no member \"text\"");
    mn_rc rc = mn_tok_trainer_add(t->trainer, text, e);
    mn_arena_reset(&t->line);
    return rc;
}

static mn_rc add_line(training *t, mn_str line, bool json, mn_err *e)
{
    t->texts++;
    t->bytes += line.len + 1;
    if (t->bytes / BYTES_A_BAR_STEP != (t->bytes - line.len - 1) / BYTES_A_BAR_STEP)
        mn_progress_set(&t->bar, t->bytes);
    if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped; nothing was written");
    return json ? add_json_line(t, line, e) : mn_tok_trainer_add(t->trainer, line, e);
}

static mn_rc add_file(training *t, const char *path, mn_err *e)
{
    mn_fs_map map;
    bool json = mn_str_ends(mn_str_from(path), ".jsonl");
    MN_TRY(mn_fs_map_open(path, &map, e));
    mn_str rest = {(const char *)map.ptr, map.len};
    mn_rc rc = MN_OK;
    for (uint64_t line = 1; rest.len && rc == MN_OK; line++) {
        rc = add_line(t, mn_str_split(rest, '\n', &rest), json, e);
        if (rc != MN_OK && rc != MN_E_CANCELLED)
            mn_err_wrap(e, "'%s' line %llu", path, (unsigned long long)line);
    }
    mn_fs_map_close(&map);
    return rc;
}

static mn_rc add_inputs(training *t, int n_more, char **more, mn_err *e)
{
    if (t->corpus) {
        mn_arena a;
        mn_arena_init(&a, 0);
        mn_str path = mn_str_fmt(&a, "%s/corpus/%s/train.txt", mn_home_dir(t->data), t->corpus);
        mn_rc rc =
            path.ptr ? add_file(t, path.ptr, e) : mn_fail(e, MN_E_NOMEM, "out of memory");
        mn_arena_release(&a);
        return rc;
    }
    for (int i = 0; i < t->inputs.n; i++) MN_TRY(add_file(t, t->inputs.items[i], e));
    for (int i = 0; i < n_more; i++) MN_TRY(add_file(t, more[i], e));
    return MN_OK;
}

static mn_rc report_training(const training *t, const mn_tokenizer *tok, double seconds,
                             mn_err *e)
{
    uint8_t hash[32];
    char hex[MN_HEX256];
    mn_tok_hash(tok, hash);
    mn_hex(hash, sizeof hash, hex);
    if (!t->json) {
        printf("%s: %u tokens, learnt from %llu texts (%.1f MB) in %.2f s\n", t->out,
               mn_tok_vocab(tok), (unsigned long long)t->texts, (double)t->bytes / 1e6,
               seconds);
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "tokenizer", t->out);
    mn_jw_ku64(&w, "vocab", mn_tok_vocab(tok));
    mn_jw_ku64(&w, "texts", t->texts);
    mn_jw_ku64(&w, "bytes", t->bytes);
    mn_jw_kf64(&w, "seconds", seconds);
    mn_jw_kstrz(&w, "sha256", hex);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static mn_rc train(training *t, int n_more, char **more, mn_err *e)
{
    mn_tokenizer *tok = NULL;
    int64_t from = mn_mono_us();
    MN_TRY(mn_tok_trainer_new(&t->trainer, e));
    mn_arena_init(&t->line, 0);
    mn_progress_start(&t->bar, "tokenizer", "bytes", 0);
    mn_rc rc = add_inputs(t, n_more, more, e);
    mn_progress_end(&t->bar);
    if (rc == MN_OK && !t->bytes) rc = mn_fail(e, MN_E_USAGE, "there is no text to learn from");
    if (rc == MN_OK) rc = mn_tok_trainer_finish(t->trainer, (uint32_t)t->vocab, &tok, e);
    if (rc == MN_OK) rc = mn_tok_save(tok, t->out, e);
    if (rc == MN_OK) rc = report_training(t, tok, (double)(mn_mono_us() - from) / 1e6, e);
    mn_tok_free(tok);
    mn_arena_release(&t->line);
    mn_tok_trainer_free(t->trainer);
    return rc;
}

static mn_rc check_training(const training *t, int n_more, mn_err *e)
{
    bool files = t->inputs.n + n_more > 0;
    if (files == (t->corpus != NULL))
        return mn_fail(e, MN_E_USAGE, "give either --corpus NAME or --input FILE…");
    if (t->corpus && (strchr(t->corpus, '/') || t->corpus[0] == '.'))
        return mn_fail(e, MN_E_USAGE, "option '--corpus': expected a name, not '%.100s'",
                       t->corpus);
    if (!t->out) return mn_fail(e, MN_E_USAGE, "say where to with --out FILE");
    if (t->vocab < MN_TOK_SPECIALS + 256 || t->vocab > 65536)
        return mn_fail(e, MN_E_USAGE, "option '--vocab': expected %u to 65536",
                       MN_TOK_SPECIALS + 256);
    return MN_OK;
}

static int cmd_train(int argc, char **argv)
{
    training t = {.vocab = 8192};
    const mn_usage u = {
        "tokenizer train", "(--corpus NAME | --input FILE…) [--vocab V] --out FILE",
        "Learns a byte-level BPE tokenizer from posts and writes it as tokenizer.json. A text "
        "file\n"
        "holds one post a line; a .jsonl file one object a line, whose \"text\" is taken.",
        "mynah tokenizer train --input posts.txt --vocab 8192 --out tokenizer.json"};
    const mn_opt opts[] = {
        {"corpus", 0, MN_OPT_STR, &t.corpus, "NAME", "learn from a corpus in the data folder"},
        {"input", 'i', MN_OPT_STRS, &t.inputs, "FILE", "learn from files"},
        {"vocab", 0, MN_OPT_U64, &t.vocab, "V",
         "tokens, with special ones and bytes; default 8192"},
        {"out", 'o', MN_OPT_STR, &t.out, "FILE", "the tokenizer.json to write"},
        MN_CMD_OPT_DATA(&t.data),
        MN_CMD_OPT_JSON(&t.json, "one JSON object"),
        {0}};
    mn_err e = {0};
    int n = 0;
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n, &e);
    if (rc == MN_OK) rc = check_training(&t, n, &e);
    if (t.json) mn_progress_disable();
    if (rc == MN_OK) rc = train(&t, n, argv + 1, &e);
    return rc == MN_OK ? 0 : mn_cmd_failed("tokenizer train", &e, t.json);
}

/* ---- encode, decode ----------------------------------------------------------------------------------------- */

typedef struct coding {
    const char *data, *tokenizer;
    bool special, json, lines, zero;
    mn_tokenizer *tok;
    mn_buf in, out;
    mn_ids ids;
} coding;

/* What stands on the command line, joined by blanks, or else all of stdin. */
static mn_rc read_input(coding *c, int n, char **words, mn_err *e)
{
    char block[65536];
    for (int i = 0; i < n; i++) {
        if (i) mn_buf_addc(&c->in, ' ');
        mn_buf_addz(&c->in, words[i]);
    }
    while (n == 0 && !c->in.failed) {
        size_t k = fread(block, 1, sizeof block, stdin);
        if (k == 0) break;
        mn_buf_add(&c->in, block, k);
    }
    if (n == 0 && ferror(stdin)) return mn_fail_errno(e, MN_E_IO, "cannot read stdin");
    if (c->in.failed == MN_E_LIMIT)
        return mn_fail(e, MN_E_LIMIT, "the input is larger than %d MB", STDIN_MAX_BYTES >> 20);
    return c->in.failed ? mn_fail(e, c->in.failed, "out of memory for the input") : MN_OK;
}

/* A GGUF file's, which brings its model along. */
static mn_rc load_gguf(coding *c, mn_err *e)
{
    mn_model *m;
    MN_TRY(mn_model_open(c->tokenizer, &m, e));
    c->tok = m->tok;
    m->tok = NULL;
    mn_model_free(m);
    return MN_OK;
}

static mn_rc load(coding *c, mn_err *e)
{
    mn_str path = mn_str_from(c->tokenizer);
    if (!path.len) return mn_fail(e, MN_E_USAGE, "name a tokenizer.json with --tokenizer FILE");
    if (mn_fs_is_dir(c->tokenizer)) return mn_tok_load_dir(c->tokenizer, &c->tok, e);
    if (mn_str_ends(path, ".gguf")) return load_gguf(c, e);
    if (mn_str_ends(path, ".model")) return mn_tok_load_sentencepiece(c->tokenizer, &c->tok, e);
    return mn_tok_load(c->tokenizer, &c->tok, e);
}

static void put_ids(coding *c)
{
    for (size_t i = 0; i < c->ids.n; i++) {
        if (i) mn_buf_addc(&c->out, ' ');
        mn_buf_addu(&c->out, c->ids.ptr[i]);
    }
    mn_buf_addc(&c->out, '\n');
}

static void put_ids_json(coding *c, size_t bytes)
{
    mn_json_writer w;
    mn_json_writer_init(&w, &c->out, 0);
    mn_jw_object(&w);
    mn_jw_ku64(&w, "bytes", bytes);
    mn_jw_ku64(&w, "tokens", c->ids.n);
    mn_jw_key(&w, "ids");
    mn_jw_array(&w);
    for (size_t i = 0; i < c->ids.n; i++) mn_jw_u64(&w, c->ids.ptr[i]);
    mn_jw_array_end(&w);
    mn_jw_object_end(&w);
    mn_buf_addc(&c->out, '\n');
}

static mn_rc encode_text(coding *c, mn_tok_cache *cache, mn_str text, mn_err *e)
{
    mn_ids_clear(&c->ids);
    mn_rc rc = c->special ? mn_tok_encode_special(c->tok, text, &c->ids)
                          : mn_tok_encode(c->tok, cache, text, &c->ids);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory while encoding");
    if (c->json) put_ids_json(c, text.len);
    else put_ids(c);
    return MN_OK;
}

static mn_rc encode(coding *c, mn_err *e)
{
    mn_str rest = mn_buf_str(&c->in);
    if (!c->lines && !c->zero) return encode_text(c, NULL, rest, e);
    mn_tok_cache *cache;
    MN_TRY(mn_tok_cache_new(&cache, e));
    mn_rc rc = MN_OK;
    while (rc == MN_OK && rest.len)
        rc = encode_text(c, cache, mn_str_split(rest, c->zero ? '\0' : '\n', &rest), e);
    mn_tok_cache_free(cache);
    return rc;
}

static bool is_separator(char ch)
{
    return ch == ' ' || ch == ',' || ch == '[' || ch == ']' || (ch >= '\t' && ch <= '\r');
}

static mn_rc read_ids(coding *c, mn_err *e)
{
    mn_str s = mn_buf_str(&c->in);
    for (size_t i = 0; i < s.len;) {
        size_t from = i;
        uint64_t id;
        while (i < s.len && !is_separator(s.ptr[i])) i++;
        mn_str word = mn_str_sub(s, from, i - from);
        i += i == from;
        if (!word.len) continue;
        if (mn_str_to_u64(word, &id) != MN_OK || id >= mn_tok_vocab(c->tok))
            return mn_fail(e, MN_E_USAGE, "'%.*s' is not a token id below %u",
                           (int)(word.len < 40 ? word.len : 40), word.ptr,
                           mn_tok_vocab(c->tok));
        if (mn_ids_add(&c->ids, (uint32_t)id) != MN_OK)
            return mn_fail(e, MN_E_NOMEM, "out of memory for the ids");
    }
    return MN_OK;
}

static mn_rc decode(coding *c, mn_err *e)
{
    mn_buf text;
    mn_json_writer w;
    MN_TRY(read_ids(c, e));
    mn_buf_init(&text, 0);
    mn_rc rc = mn_tok_decode(c->tok, c->ids.ptr, c->ids.n, c->special, &text);
    if (rc == MN_E_USAGE) mn_fail(e, rc, "one of the ids is not a token of this vocabulary");
    else if (rc != MN_OK) mn_fail(e, rc, "out of memory while decoding");
    if (rc == MN_OK && c->json) {
        mn_json_writer_init(&w, &c->out, 0);
        mn_jw_object(&w);
        mn_jw_kstr(&w, "text", mn_buf_str(&text));
        mn_jw_object_end(&w);
        mn_buf_addc(&c->out, '\n');
    } else if (rc == MN_OK) {
        mn_buf_adds(&c->out, mn_buf_str(&text));
    }
    mn_buf_release(&text);
    return rc;
}

static mn_rc write_out(coding *c, mn_err *e)
{
    if (c->out.failed) return mn_fail(e, c->out.failed, "out of memory for the result");
    errno = 0;
    if (fwrite(c->out.ptr, 1, c->out.len, stdout) != c->out.len || fflush(stdout) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot write the result");
    return MN_OK;
}

#define TOKENIZER_HELP "a tokenizer.json, tokenizer.model or GGUF file, or a model's folder"

static int run_coding(coding *c, const mn_usage *u, const mn_opt *opts, int argc, char **argv,
                      mn_rc (*work)(coding *, mn_err *))
{
    mn_err e = {0};
    int n = 0;
    mn_buf_init(&c->in, STDIN_MAX_BYTES);
    mn_buf_init(&c->out, 0);
    mn_rc rc = mn_args_parse(argc, argv, u, opts, &n, &e);
    if (rc == MN_OK) rc = load(c, &e);
    if (rc == MN_OK) rc = read_input(c, n, argv + 1, &e);
    if (rc == MN_OK) rc = work(c, &e);
    if (rc == MN_OK) rc = write_out(c, &e);
    mn_tok_free(c->tok);
    mn_ids_release(&c->ids);
    mn_buf_release(&c->in);
    mn_buf_release(&c->out);
    return rc == MN_OK ? 0 : mn_cmd_failed(u->name, &e, c->json);
}

static int cmd_encode(int argc, char **argv)
{
    const mn_usage u = {
        "tokenizer encode", "--tokenizer FILE [TEXT…]",
        "Prints the token ids of a text: the words given, or else all of stdin.",
        "mynah tokenizer encode --tokenizer tokenizer.json 'Good morning'"};
    coding c = {0};
    const mn_opt opts[] = {
        {"tokenizer", 't', MN_OPT_STR, &c.tokenizer, "FILE", TOKENIZER_HELP},
        {"special", 0, MN_OPT_FLAG, &c.special, NULL,
         "special tokens written out in the text become their ids"},
        {"lines", 0, MN_OPT_FLAG, &c.lines, NULL,
         "each line is a text; a line of ids for each"},
        {"zero", 0, MN_OPT_FLAG, &c.zero, NULL, "as --lines, texts end with a zero byte"},
        {"data", 0, MN_OPT_STR, &c.data, "DIR", "data folder (not needed here)"},
        MN_CMD_OPT_JSON(&c.json, "JSON, an object for each text"),
        {0}};
    return run_coding(&c, &u, opts, argc, argv, encode);
}

static int cmd_decode(int argc, char **argv)
{
    const mn_usage u = {"tokenizer decode", "--tokenizer FILE [ID…]",
                        "Prints the text of token ids: those given, or else from stdin.",
                        "mynah tokenizer decode --tokenizer tokenizer.json 310 4410"};
    coding c = {0};
    const mn_opt opts[] = {
        {"tokenizer", 't', MN_OPT_STR, &c.tokenizer, "FILE", TOKENIZER_HELP},
        {"special", 0, MN_OPT_FLAG, &c.special, NULL, "write special tokens out"},
        {"data", 0, MN_OPT_STR, &c.data, "DIR", "data folder (not needed here)"},
        MN_CMD_OPT_JSON(&c.json, "one JSON object"),
        {0}};
    return run_coding(&c, &u, opts, argc, argv, decode);
}

int mn_cmd_tokenizer(int argc, char **argv)
{
    static const mn_cmd verbs[] = {
        {"train", cmd_train, "learn a tokenizer from posts"},
        {"encode", cmd_encode, "text to token ids"},
        {"decode", cmd_decode, "token ids to text"},
        {0},
    };
    return mn_cmd_verbs("tokenizer", verbs, argc, argv);
}
