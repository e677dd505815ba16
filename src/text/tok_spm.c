/* SentencePiece's tokenizer.model: a protobuf (proto2), read by hand with every length checked. What would change ids and is not done here is
 * refused by name: another model than BPE, a character map (nmt_nfkc), removing of extra blanks, blanks as suffixes.
 * Source: sentencepiece_model.proto of sentencepiece 0.2.
 */
#include "base/fs.h"
#include "text/tok_int.h"

#define FILE_MAX_BYTES (64u << 20)

enum { BPE = 2 }; /* TrainerSpec.ModelType */
enum { P_NORMAL = 1, P_UNKNOWN, P_CONTROL, P_USER, P_UNUSED, P_BYTE };

/* ---- protobuf ------------------------------------------------------------------------------------------------- */

typedef struct wire {
    const uint8_t *at, *end;
} wire;

/* One field. Numbers are in `value` (varint, fixed), bytes in `in`. */
typedef struct field {
    uint32_t number;
    unsigned type;
    uint64_t value;
    wire in;
} field;

static mn_rc damaged(mn_err *e, const char *what)
{
    return mn_fail(e, MN_E_PARSE, "not a tokenizer.model: %s", what);
}

static mn_rc read_varint(wire *w, uint64_t *ret, mn_err *e)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (w->at == w->end) return damaged(e, "it ends inside a number");
        uint8_t byte = *w->at++;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *ret = v;
            return MN_OK;
        }
    }
    return damaged(e, "a number of more than ten bytes");
}

static mn_rc read_fixed(wire *w, size_t n, uint64_t *ret, mn_err *e)
{
    if ((size_t)(w->end - w->at) < n) return damaged(e, "it ends inside a number");
    *ret = 0;
    for (size_t i = 0; i < n; i++) *ret |= (uint64_t)w->at[i] << (8 * i);
    w->at += n;
    return MN_OK;
}

/* The next field; *more is false at the end. */
static mn_rc next_field(wire *w, field *f, bool *more, mn_err *e)
{
    uint64_t tag;
    *more = w->at != w->end;
    if (!*more) return MN_OK;
    MN_TRY(read_varint(w, &tag, e));
    if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) return damaged(e, "a field without a number");
    *f = (field){.number = (uint32_t)(tag >> 3), .type = (unsigned)(tag & 7)};
    if (f->type == 0) return read_varint(w, &f->value, e);
    if (f->type == 1) return read_fixed(w, 8, &f->value, e);
    if (f->type == 5) return read_fixed(w, 4, &f->value, e);
    if (f->type != 2) return damaged(e, "a field of an unknown type");
    MN_TRY(read_varint(w, &f->value, e));
    if (f->value > (size_t)(w->end - w->at))
        return damaged(e, "a field is longer than what is left");
    f->in = (wire){w->at, w->at + f->value};
    w->at = f->in.end;
    return MN_OK;
}

static mn_str field_str(const field *f)
{
    return (mn_str){(const char *)f->in.at, (size_t)(f->in.end - f->in.at)};
}

/* ---- the model ------------------------------------------------------------------------------------------------ */

typedef struct model {
    mn_err *e;
    mn_tok_named *vocab, *added; /* in the file's order; ids are places in it */
    size_t n_vocab, vocab_cap, n_added, added_cap;
    uint32_t n;
    uint64_t kind; /* TrainerSpec.model_type */
    bool byte_fallback, suffix, has_bytes;
    mn_str bos, eos, pad;
    bool dummy_prefix, extra_blanks, escape; /* NormalizerSpec, as the format's defaults are */
    mn_str normalizer;
    size_t charsmap_bytes;
    uint32_t unk;
} model;

static mn_rc add_piece(mn_tok_named **list, size_t *n, size_t *cap, const mn_tok_named *x,
                       mn_err *e)
{
    if (*n == *cap) {
        size_t bigger = *cap ? *cap * 2 : 1024;
        mn_tok_named *p = mn_reallocarray(*list, bigger, sizeof *p);
        if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory for the pieces of a tokenizer");
        *list = p;
        *cap = bigger;
    }
    (*list)[(*n)++] = *x;
    return MN_OK;
}

static mn_rc kind_of(model *m, uint64_t type, uint32_t id, mn_tok_kind *ret)
{
    switch (type) {
    case P_NORMAL:
        *ret = MN_TOK_NORMAL;
        return MN_OK;
    case P_CONTROL:
        *ret = MN_TOK_SPECIAL;
        return MN_OK;
    case P_USER:
        *ret = MN_TOK_SYMBOL;
        return MN_OK;
    case P_BYTE:
        *ret = MN_TOK_BYTE;
        m->has_bytes = true;
        return MN_OK;
    case P_UNKNOWN:
        if (m->unk != MN_TOK_NONE)
            return mn_fail(m->e, MN_E_PARSE, "pieces %u and %u are both the unknown one",
                           m->unk, id);
        m->unk = id;
        *ret = MN_TOK_SPECIAL;
        return MN_OK;
    case P_UNUSED:
        return mn_fail(m->e, MN_E_UNSUPPORTED,
                       "piece %u is of the type 'unused', which is not supported", id);
    default:
        return mn_fail(m->e, MN_E_PARSE, "piece %u is of the unknown type %llu", id,
                       (unsigned long long)type);
    }
}

static mn_rc read_piece(model *m, wire w)
{
    mn_tok_named x = {.name = MN_STR(""), .id = m->n};
    uint64_t type = P_NORMAL;
    field f;
    bool more = true;
    if (m->n >= MN_TOK_IDS_MAX)
        return mn_fail(m->e, MN_E_LIMIT, "more than %u pieces", MN_TOK_IDS_MAX);
    for (;;) {
        MN_TRY(next_field(&w, &f, &more, m->e));
        if (!more) break;
        uint32_t bits = (uint32_t)f.value;
        if (f.number == 1 && f.type == 2) x.name = field_str(&f);
        else if (f.number == 2 && f.type == 5) memcpy(&x.score, &bits, sizeof bits);
        else if (f.number == 3 && f.type == 0) type = f.value;
    }
    MN_TRY(kind_of(m, type, m->n, &x.kind));
    m->n++;
    if (x.kind == MN_TOK_SPECIAL)
        return add_piece(&m->added, &m->n_added, &m->added_cap, &x, m->e);
    return add_piece(&m->vocab, &m->n_vocab, &m->vocab_cap, &x, m->e);
}

static mn_rc read_trainer(model *m, wire w)
{
    field f;
    bool more;
    for (;;) {
        MN_TRY(next_field(&w, &f, &more, m->e));
        if (!more) return MN_OK;
        if (f.type == 0 && f.number == 3) m->kind = f.value;
        if (f.type == 0 && f.number == 24) m->suffix = f.value != 0;
        if (f.type == 0 && f.number == 35) m->byte_fallback = f.value != 0;
        if (f.type == 2 && f.number == 46) m->bos = field_str(&f);
        if (f.type == 2 && f.number == 47) m->eos = field_str(&f);
        if (f.type == 2 && f.number == 48) m->pad = field_str(&f);
    }
}

static mn_rc read_normalizer(model *m, wire w, bool back)
{
    field f;
    bool more;
    for (;;) {
        MN_TRY(next_field(&w, &f, &more, m->e));
        if (!more) return MN_OK;
        if (f.type == 2 && f.number == 2) m->charsmap_bytes += (size_t)f.value;
        if (back) continue;
        if (f.type == 2 && f.number == 1) m->normalizer = field_str(&f);
        if (f.type == 0 && f.number == 3) m->dummy_prefix = f.value != 0;
        if (f.type == 0 && f.number == 4) m->extra_blanks = f.value != 0;
        if (f.type == 0 && f.number == 5) m->escape = f.value != 0;
    }
}

static mn_rc read_model(model *m, wire w)
{
    field f;
    bool more;
    for (;;) {
        MN_TRY(next_field(&w, &f, &more, m->e));
        if (!more) return m->n ? MN_OK : damaged(m->e, "it holds no pieces");
        if (f.type != 2) continue;
        if (f.number == 1) MN_TRY(read_piece(m, f.in));
        else if (f.number == 2) MN_TRY(read_trainer(m, f.in));
        else if (f.number == 3 || f.number == 5)
            MN_TRY(read_normalizer(m, f.in, f.number == 5));
    }
}

/* ---- what is refused ------------------------------------------------------------------------------------------ */

static mn_rc check_model(const model *m)
{
    static const char *const kinds[] = {"unknown", "unigram", "bpe", "word", "char"};
    if (m->kind != BPE)
        return mn_fail(m->e, MN_E_UNSUPPORTED,
                       "SentencePiece model '%s' is not supported: expected bpe",
                       kinds[m->kind < 5 ? m->kind : 0]);
    if (m->suffix)
        return mn_fail(m->e, MN_E_UNSUPPORTED,
                       "SentencePiece's treat_whitespace_as_suffix is not supported");
    if (m->charsmap_bytes)
        return mn_fail(m->e, MN_E_UNSUPPORTED,
                       "SentencePiece normaliser '%.*s' is not supported: expected identity",
                       (int)(m->normalizer.len < 40 ? m->normalizer.len : 40),
                       m->normalizer.ptr);
    if (m->extra_blanks)
        return mn_fail(m->e, MN_E_UNSUPPORTED,
                       "SentencePiece's remove_extra_whitespaces is not supported");
    if (!m->escape)
        return mn_fail(m->e, MN_E_UNSUPPORTED,
                       "SentencePiece without escape_whitespaces is not supported");
    if (m->unk == MN_TOK_NONE) return damaged(m->e, "no piece is the unknown one");
    if (m->has_bytes && !m->byte_fallback)
        return damaged(m->e, "pieces for bytes without byte_fallback");
    return MN_OK;
}

static uint32_t control_named(const model *m, mn_str name)
{
    for (size_t i = 0; i < m->n_added; i++)
        if (mn_str_eq(m->added[i].name, name) && m->added[i].id != m->unk)
            return m->added[i].id;
    return MN_TOK_NONE;
}

static mn_rc make(const model *m, mn_tokenizer **ret)
{
    MN_TRY(check_model(m));
    mn_tok_source s = {
        .rules = {.pieces = true,
                  .prefix = m->dummy_prefix ? MN_TOK_PREFIX_ALWAYS : MN_TOK_PREFIX_NONE,
                  .strip = m->dummy_prefix,
                  .byte_fallback = m->byte_fallback,
                  .bos = control_named(m, m->bos),
                  .eos = control_named(m, m->eos),
                  .unk = m->unk,
                  .pad = control_named(m, m->pad)},
        .vocab = m->vocab,
        .n_vocab = m->n_vocab,
        .added = m->added,
        .n_added = m->n_added,
        .by_score = true,
        .n_ids = m->n};
    return mn_tok__build(&s, ret, m->e);
}

mn_rc mn_tok_parse_sentencepiece(const uint8_t *p, size_t len, mn_tokenizer **ret, mn_err *e)
{
    mn_err local = {0};
    model m = {.e = e ? e : &local,
               .kind = 1, /* the format's default: unigram */
               .bos = MN_STR("<s>"),
               .eos = MN_STR("</s>"),
               .pad = MN_STR("<pad>"),
               .dummy_prefix = true,
               .extra_blanks = true,
               .escape = true,
               .normalizer = MN_STR(""),
               .unk = MN_TOK_NONE};
    mn_rc rc = read_model(&m, (wire){p, p + len});
    if (rc == MN_OK) rc = make(&m, ret);
    mn_free(m.vocab);
    mn_free(m.added);
    return rc;
}

mn_rc mn_tok_load_sentencepiece(const char *path, mn_tokenizer **ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, FILE_MAX_BYTES);
    mn_rc rc = mn_fs_read(path, FILE_MAX_BYTES, &b, e);
    if (rc == MN_OK) {
        rc = mn_tok_parse_sentencepiece((const uint8_t *)mn_buf_str(&b).ptr, b.len, ret, e);
        if (rc != MN_OK) mn_err_wrap(e, "tokenizer '%s'", path);
    }
    mn_buf_release(&b);
    return rc;
}
