/* tokenizer.json, Hugging Face's file: written so that `tokenizers` loads it and encodes the same, and read where we can
 * encode the same as `tokenizers` would. Whatever would change the ids and is not done here is refused by name: a wrong
 * id is worse than no id. A post-processor only adds tokens around a text, and truncation and padding only cut and fill;
 * mn_tok_encode does none of these, so they are read over.
 *
 * The file is read once with the pull reader. Its parts may come in any order, so vocabulary, merges and added tokens are
 * collected first (borrowing from the text or the arena) and made into a tokenizer at the end.
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/json.h"
#include "text/tok_int.h"

#define FILE_MAX_BYTES (64u << 20)

/* ---- reading ------------------------------------------------------------------------------------------------ */

typedef struct reading {
    mn_json_reader r;
    mn_arena arena;
    mn_err *e;
    mn_tok_named *vocab, *added;
    size_t n_vocab, vocab_cap, n_added, added_cap;
    mn_tok_pair_names *merges;
    size_t n_merges, merges_cap;
    uint32_t n_ids; /* highest id plus one */
    bool has_model, has_splitter, byte_level, digits_alone;
} reading;

#define EACH_MEMBER(rd, key, more, rc)                                                         \
    while ((rc) == MN_OK &&                                                                    \
           ((rc) = mn_json_object_next(&(rd)->r, &(key), &(more))) == MN_OK && (more))
#define EACH_ITEM(rd, more, rc)                                                                \
    while ((rc) == MN_OK && ((rc) = mn_json_array_next(&(rd)->r, &(more))) == MN_OK && (more))

static mn_rc no_memory(reading *rd)
{
    return mn_fail(rd->e, MN_E_NOMEM, "out of memory while reading a tokenizer");
}

static mn_rc grow(reading *rd, void **ptr, size_t n, size_t *cap, size_t item_bytes,
                  size_t most)
{
    if (n >= most)
        return mn_fail(rd->e, MN_E_LIMIT, "more than %zu entries in a tokenizer's list", most);
    if (n < *cap) return MN_OK;
    size_t bigger = *cap ? *cap * 2 : 256;
    void *p = mn_reallocarray(*ptr, bigger, item_bytes);
    if (!p) return no_memory(rd);
    *ptr = p;
    *cap = bigger;
    return MN_OK;
}

/* What comes next is null (skipped, *ret = true) or something else. */
static mn_rc take_null(reading *rd, bool *ret)
{
    mn_json_type type;
    MN_TRY(mn_json_peek(&rd->r, &type));
    *ret = type == MN_JSON_NULL;
    return *ret ? mn_json_read_null(&rd->r) : MN_OK;
}

static mn_rc read_id(reading *rd, uint32_t *ret)
{
    int64_t id;
    MN_TRY(mn_json_read_i64(&rd->r, &id));
    if (id < 0 || id >= MN_TOK_IDS_MAX)
        return mn_fail(rd->e, MN_E_LIMIT, "token id %lld: ids must be below %u", (long long)id,
                       MN_TOK_IDS_MAX);
    *ret = (uint32_t)id;
    if (*ret >= rd->n_ids) rd->n_ids = *ret + 1;
    return MN_OK;
}

static mn_rc read_vocab(reading *rd)
{
    mn_str name;
    bool more;
    mn_rc rc = mn_json_object_enter(&rd->r);
    EACH_MEMBER(rd, name, more, rc)
    {
        uint32_t id;
        MN_TRY(read_id(rd, &id));
        MN_TRY(grow(rd, (void **)&rd->vocab, rd->n_vocab, &rd->vocab_cap, sizeof *rd->vocab,
                    MN_TOK_IDS_MAX));
        rd->vocab[rd->n_vocab++] =
            (mn_tok_named){.name = name, .id = id, .kind = MN_TOK_NORMAL};
    }
    return rc;
}

static mn_rc read_merge(reading *rd, mn_tok_pair_names *ret)
{
    mn_json_type type;
    MN_TRY(mn_json_peek(&rd->r, &type));
    if (type == MN_JSON_STRING) { /* "a b", the older form */
        mn_str both;
        MN_TRY(mn_json_read_string(&rd->r, &both));
        ret->left = mn_str_split(both, ' ', &ret->right);
        if (!ret->right.ptr)
            return mn_fail(rd->e, MN_E_PARSE, "merge '%.*s': expected two tokens and a blank",
                           (int)(both.len < 60 ? both.len : 60), both.len ? both.ptr : "");
        return MN_OK;
    }
    bool more;
    MN_TRY(mn_json_array_enter(&rd->r));
    for (int i = 0; i < 2; i++) {
        MN_TRY(mn_json_array_next(&rd->r, &more));
        if (!more) return mn_fail(rd->e, MN_E_PARSE, "a merge of fewer than two tokens");
        MN_TRY(mn_json_read_string(&rd->r, i ? &ret->right : &ret->left));
    }
    MN_TRY(mn_json_array_next(&rd->r, &more));
    return more ? mn_fail(rd->e, MN_E_PARSE, "a merge of more than two tokens") : MN_OK;
}

static mn_rc read_merges(reading *rd)
{
    bool more;
    mn_rc rc = mn_json_array_enter(&rd->r);
    EACH_ITEM(rd, more, rc)
    {
        MN_TRY(grow(rd, (void **)&rd->merges, rd->n_merges, &rd->merges_cap, sizeof *rd->merges,
                    MN_TOK_MERGES_MAX));
        MN_TRY(read_merge(rd, &rd->merges[rd->n_merges]));
        rd->n_merges++;
    }
    return rc;
}

/* A member that must be null, false, 0 or "" because we do not do what it asks for. */
static mn_rc must_be_off(reading *rd, const char *what)
{
    mn_json_type type;
    bool on = false;
    MN_TRY(mn_json_peek(&rd->r, &type));
    if (type == MN_JSON_BOOL) {
        MN_TRY(mn_json_read_bool(&rd->r, &on));
    } else if (type == MN_JSON_STRING) {
        mn_str s;
        MN_TRY(mn_json_read_string(&rd->r, &s));
        on = s.len > 0;
    } else if (type == MN_JSON_NUMBER) {
        double v;
        MN_TRY(mn_json_read_f64(&rd->r, &v));
        on = v != 0;
    } else {
        on = type != MN_JSON_NULL;
        MN_TRY(mn_json_skip(&rd->r));
    }
    return on ? mn_fail(rd->e, MN_E_UNSUPPORTED, "a tokenizer with %s is not supported", what)
              : MN_OK;
}

static mn_rc read_model_type(reading *rd)
{
    mn_str type;
    MN_TRY(mn_json_read_string(&rd->r, &type));
    if (mn_str_eqz(type, "BPE")) return MN_OK;
    return mn_fail(rd->e, MN_E_UNSUPPORTED,
                   "tokenizer model '%.*s' is not supported: expected BPE",
                   (int)(type.len < 40 ? type.len : 40), type.ptr);
}

static mn_rc read_model(reading *rd)
{
    static const char *const off[] = {
        "dropout",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "byte_fallback",
        "ignore_merges",
        "unk_token",
    };
    mn_str key;
    bool more;
    mn_rc rc = mn_json_object_enter(&rd->r);
    rd->has_model = true;
    EACH_MEMBER(rd, key, more, rc)
    {
        const char *must = NULL;
        for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
            if (mn_str_eqz(key, off[i])) must = off[i];
        }
        if (must) rc = must_be_off(rd, must);
        else if (mn_str_eqz(key, "type")) rc = read_model_type(rd);
        else if (mn_str_eqz(key, "vocab")) rc = read_vocab(rd);
        else if (mn_str_eqz(key, "merges")) rc = read_merges(rd);
        else rc = mn_json_skip(&rd->r);
    }
    return rc;
}

static mn_rc read_added_token(reading *rd)
{
    static const char *const off[] = {"single_word", "lstrip", "rstrip"};
    mn_tok_named t = {.kind = MN_TOK_ADDED, .id = MN_TOK_NONE};
    mn_str key;
    bool more, special = false;
    mn_rc rc = mn_json_object_enter(&rd->r);
    EACH_MEMBER(rd, key, more, rc)
    {
        const char *must = NULL;
        for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
            if (mn_str_eqz(key, off[i])) must = off[i];
        }
        if (must) rc = must_be_off(rd, must);
        else if (mn_str_eqz(key, "id")) rc = read_id(rd, &t.id);
        else if (mn_str_eqz(key, "content")) rc = mn_json_read_string(&rd->r, &t.name);
        else if (mn_str_eqz(key, "special")) rc = mn_json_read_bool(&rd->r, &special);
        else rc = mn_json_skip(&rd->r);
    }
    if (rc != MN_OK) return rc;
    if (!t.name.len || t.id == MN_TOK_NONE)
        return mn_fail(rd->e, MN_E_PARSE, "an added token without id or content");
    if (special) t.kind = MN_TOK_SPECIAL;
    MN_TRY(grow(rd, (void **)&rd->added, rd->n_added, &rd->added_cap, sizeof *rd->added,
                MN_TOK_IDS_MAX));
    rd->added[rd->n_added++] = t;
    return MN_OK;
}

static mn_rc read_added(reading *rd)
{
    bool more, null;
    MN_TRY(take_null(rd, &null));
    if (null) return MN_OK;
    mn_rc rc = mn_json_array_enter(&rd->r);
    EACH_ITEM(rd, more, rc) rc = read_added_token(rd);
    return rc;
}

/* The parts of one pre-tokenizer, whatever its type. */
typedef struct splitter {
    mn_str type;
    bool individual_digits, prefix_space, use_regex, has_list;
} splitter;

static mn_rc read_splitter(reading *rd, int depth);

static mn_rc read_splitters(reading *rd, int depth)
{
    bool more;
    mn_rc rc = mn_json_array_enter(&rd->r);
    EACH_ITEM(rd, more, rc) rc = read_splitter(rd, depth + 1);
    return rc;
}

static mn_rc refuse_splitter(reading *rd, mn_str type, const char *why)
{
    return mn_fail(rd->e, MN_E_UNSUPPORTED,
                   "pre-tokenizer '%.*s' %s: expected ByteLevel, or Digits and ByteLevel",
                   (int)(type.len < 60 ? type.len : 60), type.len ? type.ptr : "", why);
}

static mn_rc check_splitter(reading *rd, const splitter *s, int depth)
{
    if (mn_str_eqz(s->type, "Sequence"))
        return s->has_list && !depth ? MN_OK
                                     : refuse_splitter(rd, s->type, "is nested or empty");
    if (rd->byte_level) return refuse_splitter(rd, s->type, "after ByteLevel is not supported");
    if (mn_str_eqz(s->type, "Digits")) {
        if (!s->individual_digits)
            return refuse_splitter(rd, s->type, "without individual_digits is not supported");
        rd->digits_alone = true;
        return MN_OK;
    }
    if (!mn_str_eqz(s->type, "ByteLevel"))
        return refuse_splitter(rd, s->type, "is not supported");
    if (s->prefix_space)
        return refuse_splitter(rd, s->type, "with add_prefix_space is not supported");
    if (!s->use_regex)
        return refuse_splitter(rd, s->type, "without use_regex is not supported");
    rd->byte_level = true;
    return MN_OK;
}

static mn_rc read_splitter(reading *rd, int depth)
{
    splitter s = {.use_regex = true};
    mn_str key;
    bool more;
    if (depth > 1) return mn_fail(rd->e, MN_E_UNSUPPORTED, "nested pre-tokenizers");
    mn_rc rc = mn_json_object_enter(&rd->r);
    EACH_MEMBER(rd, key, more, rc)
    {
        if (mn_str_eqz(key, "type")) rc = mn_json_read_string(&rd->r, &s.type);
        else if (mn_str_eqz(key, "individual_digits"))
            rc = mn_json_read_bool(&rd->r, &s.individual_digits);
        else if (mn_str_eqz(key, "add_prefix_space"))
            rc = mn_json_read_bool(&rd->r, &s.prefix_space);
        else if (mn_str_eqz(key, "use_regex")) rc = mn_json_read_bool(&rd->r, &s.use_regex);
        else if (mn_str_eqz(key, "pretokenizers")) {
            s.has_list = true;
            rc = read_splitters(rd, depth);
        } else rc = mn_json_skip(&rd->r);
    }
    return rc == MN_OK ? check_splitter(rd, &s, depth) : rc;
}

/* null, or an object whose "type" is `only` (NULL: nothing is accepted). */
static mn_rc read_typed(reading *rd, const char *what, const char *only)
{
    mn_str key, type = MN_STR_NONE;
    bool more, null;
    MN_TRY(take_null(rd, &null));
    if (null) return MN_OK;
    mn_rc rc = mn_json_object_enter(&rd->r);
    EACH_MEMBER(rd, key, more, rc)
    {
        if (mn_str_eqz(key, "type")) rc = mn_json_read_string(&rd->r, &type);
        else rc = mn_json_skip(&rd->r);
    }
    if (rc != MN_OK || (only && mn_str_eqz(type, only))) return rc;
    return mn_fail(rd->e, MN_E_UNSUPPORTED, "%s '%.*s' is not supported: expected %s", what,
                   (int)(type.len < 60 ? type.len : 60), type.len ? type.ptr : "",
                   only ? only : "none");
}

static mn_rc read_file(reading *rd)
{
    mn_str key;
    bool more, null;
    mn_rc rc = mn_json_object_enter(&rd->r);
    EACH_MEMBER(rd, key, more, rc)
    {
        if (mn_str_eqz(key, "model")) rc = read_model(rd);
        else if (mn_str_eqz(key, "added_tokens")) rc = read_added(rd);
        else if (mn_str_eqz(key, "normalizer")) rc = read_typed(rd, "normalizer", NULL);
        else if (mn_str_eqz(key, "decoder")) rc = read_typed(rd, "decoder", "ByteLevel");
        else if (mn_str_eqz(key, "pre_tokenizer")) {
            rc = take_null(rd, &null);
            if (rc == MN_OK && !null) rc = read_splitter(rd, 0);
        } else rc = mn_json_skip(&rd->r);
    }
    return rc == MN_OK ? mn_json_end(&rd->r) : rc;
}

/* ---- making the tokenizer ----------------------------------------------------------------------------------- */

static mn_rc make(reading *rd, mn_tokenizer **ret)
{
    if (!rd->has_model) return mn_fail(rd->e, MN_E_PARSE, "no \"model\": not a tokenizer.json");
    if (!rd->byte_level)
        return mn_fail(rd->e, MN_E_UNSUPPORTED,
                       "a tokenizer without a ByteLevel pre-tokenizer");
    mn_tok_source s = {
        .rules = {.splitter = rd->digits_alone ? MN_TOK_SPLIT_DIGITS : MN_TOK_SPLIT_GPT2,
                  .bos = MN_TOK_NONE,
                  .eos = MN_TOK_NONE,
                  .unk = MN_TOK_NONE,
                  .pad = MN_TOK_NONE},
        .vocab = rd->vocab,
        .n_vocab = rd->n_vocab,
        .added = rd->added,
        .n_added = rd->n_added,
        .merges = rd->merges,
        .n_merges = rd->n_merges,
        .n_ids = rd->n_ids};
    return mn_tok__build(&s, ret, rd->e);
}

mn_rc mn_tok_parse(mn_str json, mn_tokenizer **ret, mn_err *e)
{
    mn_err local = {0};
    reading rd = {.e = e ? e : &local};
    mn_arena_init(&rd.arena, 0);
    mn_json_reader_init(&rd.r, json, &rd.arena, rd.e);
    mn_rc rc = read_file(&rd);
    if (rc == MN_OK) rc = make(&rd, ret);
    mn_free(rd.vocab);
    mn_free(rd.added);
    mn_free(rd.merges);
    mn_arena_release(&rd.arena);
    return rc;
}

mn_rc mn_tok_load(const char *path, mn_tokenizer **ret, mn_err *e)
{
    mn_buf text;
    mn_buf_init(&text, FILE_MAX_BYTES);
    mn_rc rc = mn_fs_read(path, FILE_MAX_BYTES, &text, e);
    if (rc == MN_OK) {
        rc = mn_tok_parse(mn_buf_str(&text), ret, e);
        if (rc != MN_OK) mn_err_wrap(e, "tokenizer '%s'", path);
    }
    mn_buf_release(&text);
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

static void write_added(mn_json_writer *w, const mn_tokenizer *t)
{
    mn_jw_key(w, "added_tokens");
    mn_jw_array(w);
    for (uint32_t id = 0; id < t->n; id++) {
        if (!mn_tok__is_added(t->tokens[id].kind)) continue;
        mn_jw_object(w);
        mn_jw_ku64(w, "id", id);
        mn_jw_kstr(w, "content", t->tokens[id].bytes);
        mn_jw_kbool(w, "single_word", false);
        mn_jw_kbool(w, "lstrip", false);
        mn_jw_kbool(w, "rstrip", false);
        mn_jw_kbool(w, "normalized", false);
        mn_jw_kbool(w, "special", t->tokens[id].kind == MN_TOK_SPECIAL);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
}

static void write_byte_level(mn_json_writer *w)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "ByteLevel");
    mn_jw_kbool(w, "add_prefix_space", false);
    mn_jw_kbool(w, "trim_offsets", true);
    mn_jw_kbool(w, "use_regex", true);
    mn_jw_object_end(w);
}

static void write_splitter(mn_json_writer *w, const mn_tokenizer *t)
{
    mn_jw_key(w, "pre_tokenizer");
    if (t->rules.splitter == MN_TOK_SPLIT_GPT2) {
        write_byte_level(w);
        return;
    }
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Sequence");
    mn_jw_key(w, "pretokenizers");
    mn_jw_array(w);
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Digits");
    mn_jw_kbool(w, "individual_digits", true);
    mn_jw_object_end(w);
    write_byte_level(w);
    mn_jw_array_end(w);
    mn_jw_object_end(w);
}

static mn_rc write_vocab(mn_json_writer *w, const mn_tokenizer *t, mn_buf *name)
{
    mn_jw_key(w, "vocab");
    mn_jw_object(w);
    for (uint32_t id = 0; id < t->n; id++) {
        const mn_tok_token *x = &t->tokens[id];
        if (x->kind == MN_TOK_HOLE) continue;
        mn_buf_clear(name);
        MN_TRY(mn_tok__spell(t, id, name));
        mn_jw_key_str(w, mn_buf_str(name));
        mn_jw_u64(w, id);
    }
    mn_jw_object_end(w);
    return MN_OK;
}

static mn_rc write_merges(mn_json_writer *w, const mn_tokenizer *t, mn_buf *name)
{
    mn_jw_key(w, "merges"); /* in the form that every version of `tokenizers` reads */
    mn_jw_array(w);
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        mn_buf_clear(name);
        MN_TRY(mn_tok__spell(t, t->merges[rank].left, name));
        MN_TRY(mn_buf_addc(name, ' '));
        MN_TRY(mn_tok__spell(t, t->merges[rank].right, name));
        mn_jw_str(w, mn_buf_str(name));
    }
    mn_jw_array_end(w);
    return MN_OK;
}

static mn_rc write_model(mn_json_writer *w, const mn_tokenizer *t, mn_buf *name)
{
    mn_jw_key(w, "model");
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "BPE");
    mn_jw_kstr(w, "dropout", MN_STR_NONE);
    mn_jw_kstr(w, "unk_token", MN_STR_NONE);
    mn_jw_kstr(w, "continuing_subword_prefix", MN_STR_NONE);
    mn_jw_kstr(w, "end_of_word_suffix", MN_STR_NONE);
    mn_jw_kbool(w, "fuse_unk", false);
    mn_jw_kbool(w, "byte_fallback", false);
    mn_jw_kbool(w, "ignore_merges", false);
    MN_TRY(write_vocab(w, t, name));
    MN_TRY(write_merges(w, t, name));
    mn_jw_object_end(w);
    return MN_OK;
}

static mn_rc write_all(const mn_tokenizer *t, mn_buf *ret, mn_buf *name)
{
    mn_json_writer w;
    mn_json_writer_init(&w, ret, 1);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "version", "1.0");
    mn_jw_kstr(&w, "truncation", MN_STR_NONE);
    mn_jw_kstr(&w, "padding", MN_STR_NONE);
    write_added(&w, t);
    mn_jw_kstr(&w, "normalizer", MN_STR_NONE);
    write_splitter(&w, t);
    mn_jw_kstr(&w, "post_processor", MN_STR_NONE);
    mn_jw_key(&w, "decoder");
    write_byte_level(&w);
    MN_TRY(write_model(&w, t, name));
    mn_jw_object_end(&w);
    return mn_buf_addc(ret, '\n');
}

mn_rc mn_tok__write(const mn_tokenizer *t, mn_buf *ret, mn_err *e)
{
    (void)e;
    mn_buf name;
    mn_buf_init(&name, 0);
    mn_rc rc = write_all(t, ret, &name);
    mn_buf_release(&name);
    return rc == MN_OK ? ret->failed : rc;
}

mn_rc mn_tok_save(const mn_tokenizer *t, const char *path, mn_err *e)
{
    mn_buf text;
    mn_buf_init(&text, 0);
    mn_rc rc = mn_tok__write(t, &text, e);
    if (rc != MN_OK) mn_fail(e, rc, "out of memory while writing tokenizer '%s'", path);
    else rc = mn_fs_write_atomic(path, text.ptr, text.len, e);
    mn_buf_release(&text);
    return rc;
}
