/* What is scored, from a corpus or from lines of JSON. Contract: probe.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/snowflake.h"
#include "model/probe_int.h"
#include "model/train_int.h"

#define LINE_MAX_BYTES (1u << 20)
#define POSTS_MAX      4096u /* of a document; a corpus has 64 at most */

/* ---- a corpus -------------------------------------------------------------------------------------------------------- */

typedef struct walk {
    mn_probe *p;
    const mn_shard *s;
    const char *txt_path;
    mn_fs_map txt;
    bool own_tokens;
    mn_probe_text *posts; /* of the document at hand */
    char (*authors)[24];
    size_t n, cap;
} walk;

static uint64_t post_end(const walk *w, uint64_t i)
{
    return i + 1 < w->s->n_posts ? w->s->posts[i + 1].first_token : w->s->n_tok;
}

/* The middle of a month. */
static int64_t time_of(uint32_t year, uint32_t month)
{
    int64_t ms = MN_PROBE_NO_TIME;
    mn_time_from_civil((int)(year - MN_TOK_YEAR0) + 2005, (int)(month - MN_TOK_MONTH0) + 1, 15,
                       0, 0, 0, &ms);
    return ms;
}

/* Where no token says when: a post's id does, if it is one that was made of a time (not a canary's). */
static int64_t time_of_id(uint64_t id)
{
    const int64_t ms = mn_snowflake_ms(id), oldest = INT64_C(1104537600000); /* 2005 */
    return ms >= oldest ? ms : MN_PROBE_NO_TIME;
}

/* Reads the structure tokens of post i into t, which holds those of the post before it in the document. */
static void read_structure(const walk *w, uint64_t i, mn_probe_text *t)
{
    uint32_t year = 0, month = 0;
    t->quotes = false;
    if (!w->s->form.ours) t->created_ms = time_of_id(w->s->posts[i].post_id);
    if (!w->s->form.ours) return;
    for (uint64_t at = w->s->posts[i].first_token; at < post_end(w, i); at++) {
        const uint32_t id = mn_shard_token(w->s, at);
        if (id >= MN_TOK_YEAR0 && id < MN_TOK_MONTH0) year = id;
        else if (id >= MN_TOK_MONTH0 && id < MN_TOK_LANG0) month = id;
        else if (id >= MN_TOK_LANG0 && id < MN_TOK_SPECIALS) t->lang = id;
        else if (id == MN_TOK_QUOTE) t->quotes = true;
        else if (id != MN_TOK_START && id != MN_TOK_REPLY) break;
    }
    if (year && month) t->created_ms = time_of(year, month);
}

static mn_rc read_text(const walk *w, uint64_t i, mn_str *ret, mn_err *e)
{
    if (mn_shard_text(w->s, (mn_str){(const char *)w->txt.ptr, w->txt.len}, i, ret))
        return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "'%s' does not fit its corpus; build it again",
                   w->txt_path);
}

static mn_rc room(walk *w, size_t n, mn_err *e)
{
    if (n <= w->cap) return MN_OK;
    if (n > POSTS_MAX)
        return mn_fail(e, MN_E_LIMIT, "a document of more than %u posts", POSTS_MAX);
    mn_probe_text *posts = mn_reallocarray(w->posts, 2 * n, sizeof *posts);
    if (posts) w->posts = posts;
    char(*authors)[24] = mn_reallocarray(w->authors, 2 * n, sizeof *authors);
    if (authors) w->authors = authors;
    if (!posts || !authors) return mn_fail(e, MN_E_NOMEM, "no memory for a document");
    w->cap = 2 * n;
    return MN_OK;
}

static mn_rc read_document(walk *w, uint64_t from, uint64_t to, mn_err *e)
{
    mn_probe_text t = {.created_ms = MN_PROBE_NO_TIME};
    MN_TRY(room(w, (size_t)(to - from), e));
    w->n = (size_t)(to - from);
    for (uint64_t i = from; i < to; i++) {
        read_structure(w, i, &t);
        MN_TRY(read_text(w, i, &t.text, e));
        w->posts[i - from] = t;
        if (!w->s->form.ours) w->posts[i - from].lang = mn_probe__lang(t.text);
    }
    for (size_t k = 0; k < w->n; k++) { /* once the table stays where it is */
        snprintf(w->authors[k], sizeof *w->authors, "%llu",
                 (unsigned long long)w->s->posts[from + k].author_id);
        w->posts[k].author = mn_str_from(w->authors[k]);
    }
    return MN_OK;
}

static mn_rc take_tokens(walk *w, uint64_t from, uint64_t to, mn_err *e)
{
    for (uint64_t i = from; i < to; i++) {
        const uint64_t at = w->s->posts[i].first_token;
        const uint32_t owner = (uint32_t)w->p->n_posts;
        MN_TRY(mn_probe__post(w->p, &w->posts[i - from], e));
        MN_TRY(mn_probe__tokens(w->p, w->s, at, post_end(w, i), owner, e));
    }
    return mn_probe__end(w->p, e);
}

/* Posts [from, to) are a document. */
static mn_rc take_document(walk *w, uint64_t from, uint64_t to, mn_err *e)
{
    MN_TRY(read_document(w, from, to, e));
    return w->own_tokens ? take_tokens(w, from, to, e)
                         : mn_probe_document(w->p, w->posts, w->n, mn_now_ms(), e);
}

static mn_rc walk_shard(walk *w, uint64_t every, mn_err *e)
{
    const mn_shard *s = w->s;
    for (uint64_t i = 0, to; i < s->n_posts; i = to) {
        for (to = i + 1; to < s->n_posts && s->posts[to].document == s->posts[i].document;)
            to++;
        const uint64_t d = s->posts[i].document;
        if (d % every == 0 && !mn_shard_erased(s, d)) MN_TRY(take_document(w, i, to, e));
    }
    return MN_OK;
}

static mn_rc probe_shard(mn_probe *p, const mn_model__corpus *c, const mn_shard *s,
                         const char *path, uint64_t most_tokens, mn_err *e)
{
    uint8_t hash[32];
    uint64_t every = most_tokens ? (s->n_tok + most_tokens - 1) / most_tokens : 1;
    walk w = {.p = p, .s = s, .txt_path = path};
    mn_tok_hash(p->m->tok, hash);
    w.own_tokens = memcmp(hash, c->tokenizer_hash, sizeof hash) == 0;
    mn_rc rc = mn_fs_map_open(path, &w.txt, e);
    if (rc == MN_OK) rc = walk_shard(&w, every ? every : 1, e);
    if (w.txt.ptr) mn_fs_map_close(&w.txt);
    mn_free(w.posts);
    mn_free(w.authors);
    return rc;
}

mn_rc mn_probe_corpus(mn_probe *p, const char *corpus_dir, const char *split,
                      uint64_t most_tokens, mn_err *e)
{
    mn_model__corpus c = {0};
    char path[4096];
    const bool val = strcmp(split, "val") == 0;
    MN_ASSERT(val || strcmp(split, "train") == 0);
    if (snprintf(path, sizeof path, "%s/%s.txt", corpus_dir, split) >= (int)sizeof path)
        return mn_fail(e, MN_E_LIMIT, "path '%.100s…' is too long", corpus_dir);
    MN_TRY(mn_model__corpus_open(corpus_dir, &c, e));
    mn_rc rc = MN_OK;
    if (val && !c.has_val)
        rc = mn_fail(e, MN_E_NOT_FOUND,
                     "corpus '%s' holds nothing out: build one with --val-share above 0",
                     c.name);
    if (rc == MN_OK) rc = probe_shard(p, &c, val ? &c.val : &c.train, path, most_tokens, e);
    mn_model__corpus_close(&c);
    return rc;
}

/* ---- lines of JSON --------------------------------------------------------------------------------------------------- */

static mn_rc wrong(const mn_json *v, const char *key, const char *expected, mn_err *e)
{
    return v ? mn_fail(e, MN_E_PARSE, "its \"%s\" is not %s", key, expected)
             : mn_fail(e, MN_E_PARSE, "it has no \"%s\"", key);
}

static bool is_absent(const mn_json *v)
{
    return !v || v->type == MN_JSON_NULL;
}

/* A name, or an id as others write them. */
static bool read_author(const mn_json *v, mn_str *ret)
{
    uint64_t id;
    bool is_id = v->type == MN_JSON_NUMBER && mn_str_to_u64(v->text, &id) == MN_OK;
    if (!is_id && v->type != MN_JSON_STRING) return false;
    *ret = v->text.len ? v->text : MN_STR_NONE;
    return v->text.len <= 1024;
}

mn_rc mn_probe_line(mn_str line, mn_arena *a, mn_probe_text *ret, mn_err *e)
{
    mn_json *t = NULL;
    mn_probe_text x = {.created_ms = MN_PROBE_NO_TIME};
    MN_TRY(mn_json_parse(line, a, &t, e));
    if (t->type != MN_JSON_OBJECT) return mn_fail(e, MN_E_PARSE, "it is no JSON object");
    const mn_json *text = mn_json_get(t, "text"), *author = mn_json_get(t, "author");
    const mn_json *at = mn_json_get(t, "created_at"), *lang = mn_json_get(t, "lang");
    if (!text || text->type != MN_JSON_STRING) return wrong(text, "text", "a string", e);
    x.text = mn_str_trim(text->text);
    if (!x.text.len) return mn_fail(e, MN_E_PARSE, "its \"text\" is empty");
    if (!is_absent(author) && !read_author(author, &x.author))
        return wrong(author, "author", "a name of at most 1,024 bytes or a whole number", e);
    if (!is_absent(at) &&
        (at->type != MN_JSON_STRING || mn_time_parse(at->text, &x.created_ms)))
        return wrong(at, "created_at", "a time like 2026-11-21T20:49:06Z", e);
    if (!is_absent(lang) && lang->type != MN_JSON_STRING)
        return wrong(lang, "lang", "a language code", e);
    if (!is_absent(lang)) x.lang = mn_tok_lang(lang->text);
    *ret = x;
    return MN_OK;
}

static mn_rc take_line(mn_probe *p, mn_str line, mn_arena *a, int64_t now, mn_err *e)
{
    mn_probe_text t;
    mn_arena_reset(a);
    MN_TRY(mn_probe_line(line, a, &t, e));
    return mn_probe_document(p, &t, 1, now, e);
}

static mn_rc take_lines(mn_probe *p, FILE *f, const char *path, int64_t now, mn_err *e)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    uint64_t number = 0;
    mn_arena a;
    mn_rc rc = MN_OK;
    mn_arena_init(&a, 0);
    while (rc == MN_OK && (n = getline(&line, &cap, f)) >= 0) {
        mn_str text = mn_str_trim((mn_str){line, (size_t)n});
        number++;
        if (text.len > LINE_MAX_BYTES) rc = mn_fail(e, MN_E_LIMIT, "it is longer than 1 MiB");
        else if (text.len) rc = take_line(p, text, &a, now, e);
        if (rc != MN_OK) mn_err_wrap(e, "line %llu of '%s'", (unsigned long long)number, path);
    }
    if (rc == MN_OK && ferror(f)) rc = mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
    (free)(line); /* getline's own memory */
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_probe_file(mn_probe *p, const char *path, int64_t now_ms, mn_err *e)
{
    const uint64_t had = p->n_docs;
    FILE *f = fopen(path, "rbe");
    if (!f) return mn_fail_errno(e, MN_E_IO, "cannot open '%s'", path);
    mn_rc rc = take_lines(p, f, path, now_ms, e);
    fclose(f);
    if (rc == MN_OK && p->n_docs == had)
        rc = mn_fail(e, MN_E_LIMIT, "there is no post in '%s'", path);
    return rc;
}
