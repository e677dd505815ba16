/* tokenizer.json, Hugging Face's file, read where we can encode the same as `tokenizers` would. Whatever would change the ids and is not
 * done here is refused by name: a wrong id is worse than no id. Truncation and padding only cut and fill; mn_tok_encode does neither, so
 * they are read over.
 *
 * The file is read once with the pull reader. Its parts may come in any order, so vocabulary, merges and added tokens are
 * collected first (borrowing from the text or the arena) and made into a tokenizer at the end.
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/json.h"
#include "text/tok_json_int.h"

#define FILE_MAX_BYTES (64u << 20)
#define STEP_MAX_BYTES (4u << 20) /* of one of tok_json_steps.c's members */

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
    mn_tok_steps steps;
    bool has_model, byte_fallback, fuse_unk, ignore_merges;
    mn_str unk_token; /* MN_STR_NONE: none */
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

static mn_rc read_unk_token(reading *rd)
{
    bool null;
    MN_TRY(take_null(rd, &null));
    return null ? MN_OK : mn_json_read_string(&rd->r, &rd->unk_token);
}

static mn_rc read_model(reading *rd)
{
    static const char *const off[] = {"dropout", "continuing_subword_prefix",
                                      "end_of_word_suffix"};
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
        else if (mn_str_eqz(key, "byte_fallback"))
            rc = mn_json_read_bool(&rd->r, &rd->byte_fallback);
        else if (mn_str_eqz(key, "fuse_unk")) rc = mn_json_read_bool(&rd->r, &rd->fuse_unk);
        else if (mn_str_eqz(key, "ignore_merges"))
            rc = mn_json_read_bool(&rd->r, &rd->ignore_merges);
        else if (mn_str_eqz(key, "unk_token")) rc = read_unk_token(rd);
        else if (mn_str_eqz(key, "type")) rc = read_model_type(rd);
        else if (mn_str_eqz(key, "vocab")) rc = read_vocab(rd);
        else if (mn_str_eqz(key, "merges")) rc = read_merges(rd);
        else rc = mn_json_skip(&rd->r);
    }
    return rc;
}

static mn_rc read_added_token(reading *rd)
{
    static const struct flag {
        const char *name;
        uint8_t bit;
    } flags[] = {{"single_word", MN_TOK_SINGLE_WORD},
                 {"lstrip", MN_TOK_LSTRIP},
                 {"rstrip", MN_TOK_RSTRIP},
                 {"normalized", MN_TOK_NORMALIZED}};
    mn_tok_named t = {.kind = MN_TOK_ADDED, .id = MN_TOK_NONE};
    mn_str key;
    bool more, special = false;
    mn_rc rc = mn_json_object_enter(&rd->r);
    EACH_MEMBER(rd, key, more, rc)
    {
        const struct flag *flag = NULL;
        bool on = false;
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
            if (mn_str_eqz(key, flags[i].name)) flag = &flags[i];
        }
        if (flag) rc = mn_json_read_bool(&rd->r, &on);
        else if (mn_str_eqz(key, "id")) rc = read_id(rd, &t.id);
        else if (mn_str_eqz(key, "content")) rc = mn_json_read_string(&rd->r, &t.name);
        else if (mn_str_eqz(key, "special")) rc = mn_json_read_bool(&rd->r, &special);
        else rc = mn_json_skip(&rd->r);
        if (on) t.flags |= flag->bit;
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

/* The value that comes next as a tree. */
static mn_rc read_tree(reading *rd, mn_json **ret)
{
    mn_json_type type;
    MN_TRY(mn_json_peek(&rd->r, &type));
    const char *from = rd->r.at;
    MN_TRY(mn_json_skip(&rd->r));
    mn_str text = {from, (size_t)(rd->r.at - from)};
    if (text.len > STEP_MAX_BYTES)
        return mn_fail(rd->e, MN_E_LIMIT, "a normaliser or the like of %zu bytes", text.len);
    return mn_json_parse(text, &rd->arena, ret, rd->e);
}

typedef mn_rc (*step_reader)(const mn_json *v, mn_tok_steps *s, mn_err *e);

static step_reader step_named(mn_str key)
{
    if (mn_str_eqz(key, "normalizer")) return mn_tok__read_normalizer;
    if (mn_str_eqz(key, "pre_tokenizer")) return mn_tok__read_pre_tokenizer;
    if (mn_str_eqz(key, "post_processor")) return mn_tok__read_post_processor;
    if (mn_str_eqz(key, "decoder")) return mn_tok__read_decoder;
    return NULL;
}

static mn_rc read_file(reading *rd)
{
    mn_str key;
    bool more;
    mn_rc rc = mn_json_object_enter(&rd->r);
    EACH_MEMBER(rd, key, more, rc)
    {
        step_reader step = step_named(key);
        if (step) {
            mn_json *tree = NULL;
            rc = read_tree(rd, &tree);
            if (rc == MN_OK) rc = step(tree, &rd->steps, rd->e);
        } else if (mn_str_eqz(key, "model")) rc = read_model(rd);
        else if (mn_str_eqz(key, "added_tokens")) rc = read_added(rd);
        else rc = mn_json_skip(&rd->r);
    }
    return rc == MN_OK ? mn_json_end(&rd->r) : rc;
}

/* ---- making the tokenizer ----------------------------------------------------------------------------------- */

static mn_rc unsupported(reading *rd, const char *what)
{
    return mn_fail(rd->e, MN_E_UNSUPPORTED, "%s is not supported", what);
}

static mn_rc check_bytes(reading *rd)
{
    const mn_tok_steps *s = &rd->steps;
    if (rd->byte_fallback) return unsupported(rd, "byte_fallback beside ByteLevel");
    if (s->prepend || s->replace)
        return unsupported(rd, "a normalizer that changes blanks beside ByteLevel");
    if (s->decodes_pieces || (s->has_decoder && !s->decodes_bytes))
        return unsupported(rd,
                           "another decoder than ByteLevel beside a ByteLevel pre-tokenizer");
    return MN_OK;
}

static mn_rc check_pieces(reading *rd)
{
    const mn_tok_steps *s = &rd->steps;
    if (s->replace == s->metaspace)
        return unsupported(rd, "a tokenizer with neither ByteLevel nor one of Metaspace and a "
                               "normalizer for blanks");
    if (s->metaspace && s->prepend)
        return unsupported(rd, "a normalizer with Prepend beside Metaspace");
    if (s->nfc) return unsupported(rd, "the normalizer NFC beside blanks as U+2581");
    if (rd->ignore_merges) return unsupported(rd, "ignore_merges beside blanks as U+2581");
    if (!rd->byte_fallback && !rd->fuse_unk)
        return unsupported(rd, "an unk_token without fuse_unk");
    if (!s->decodes_pieces || s->decodes_bytes)
        return unsupported(rd, "a decoder that does not turn U+2581 into blanks");
    return MN_OK;
}

/* What is not text though the vocabulary has it: "<0x0A>" and the like, where they stand in for characters, and the unknown token. */
static void name_pieces(reading *rd, mn_tok_rules *r)
{
    for (size_t i = 0; i < rd->n_vocab; i++) {
        mn_tok_named *x = &rd->vocab[i];
        bool byte =
            x->name.len == 6 && mn_str_starts(x->name, "<0x") && mn_str_ends(x->name, ">");
        if (rd->byte_fallback && byte) x->kind = MN_TOK_BYTE;
        if (!rd->unk_token.ptr || !mn_str_eq(x->name, rd->unk_token)) continue;
        r->unk = x->id;
        if (r->pieces) x->kind = MN_TOK_UNUSED;
    }
    for (size_t i = 0; i < rd->n_added && rd->unk_token.ptr; i++) {
        if (mn_str_eq(rd->added[i].name, rd->unk_token)) r->unk = rd->added[i].id;
    }
}

static mn_tok_rules rules_of(const reading *rd)
{
    const mn_tok_steps *s = &rd->steps;
    mn_tok_prefix prepend = s->prepend ? MN_TOK_PREFIX_ALWAYS : MN_TOK_PREFIX_NONE;
    return (mn_tok_rules){.pieces = !s->byte_level,
                          .splitter = s->byte_level ? s->splitter : MN_TOK_SPLIT_GPT2,
                          .ignore_merges = rd->ignore_merges,
                          .nfc = s->nfc,
                          .prefix = s->metaspace ? s->prefix : prepend,
                          .metaspace = s->metaspace,
                          .split_blanks = s->split_blanks,
                          .strip = s->strip,
                          .byte_fallback = rd->byte_fallback,
                          .bos = s->begin,
                          .eos = s->end,
                          .unk = MN_TOK_NONE,
                          .pad = MN_TOK_NONE,
                          .add_bos = s->begin != MN_TOK_NONE,
                          .add_eos = s->end != MN_TOK_NONE};
}

static mn_rc make(reading *rd, mn_tokenizer **ret)
{
    if (!rd->has_model) return mn_fail(rd->e, MN_E_PARSE, "no \"model\": not a tokenizer.json");
    MN_TRY(rd->steps.byte_level ? check_bytes(rd) : check_pieces(rd));
    mn_tok_source s = {.rules = rules_of(rd),
                       .vocab = rd->vocab,
                       .n_vocab = rd->n_vocab,
                       .added = rd->added,
                       .n_added = rd->n_added,
                       .merges = rd->merges,
                       .n_merges = rd->n_merges,
                       .unk_replaces = rd->unk_token.ptr && rd->steps.byte_level,
                       .n_ids = rd->n_ids};
    name_pieces(rd, &s.rules);
    return mn_tok__build(&s, ret, rd->e);
}

mn_rc mn_tok_parse(mn_str json, mn_tokenizer **ret, mn_err *e)
{
    mn_err local = {0};
    reading rd = {.e = e ? e : &local, .steps = {.begin = MN_TOK_NONE, .end = MN_TOK_NONE}};
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
