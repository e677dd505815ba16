/* The form that GGUF files hold: a list of tokens with types, and merges or scores. "pre" names a splitter as llama.cpp does; only names whose
 * ids are those of the model's own library are taken.
 */
#include <stdio.h>

#include "text/tok_int.h"

enum { T_NORMAL = 1, T_UNKNOWN, T_CONTROL, T_USER, T_UNUSED, T_BYTE };

/* The first row that fits a tokenizer is the name it is given. */
static const struct pre {
    const char *name;
    mn_tok_splitter splitter;
    bool ignore_merges, nfc;
} pres[] = {
    {"smollm", MN_TOK_SPLIT_DIGITS, false, false},
    {"gpt-2", MN_TOK_SPLIT_GPT2, false, false},
    {"llama-bpe", MN_TOK_SPLIT_LLAMA3, true, false},
    {"dbrx", MN_TOK_SPLIT_LLAMA3, false, false},
    {"qwen2", MN_TOK_SPLIT_QWEN2, false, true},
    {"deepseek-r1-qwen", MN_TOK_SPLIT_QWEN2, false, false},
    {"starcoder", MN_TOK_SPLIT_DIGITS, false, false},
    {"llama-v3", MN_TOK_SPLIT_LLAMA3, true, false},
    {"llama3", MN_TOK_SPLIT_LLAMA3, true, false},
    {"smaug-bpe", MN_TOK_SPLIT_LLAMA3, false, false},
};
enum { N_PRES = sizeof pres / sizeof *pres };

#define SHORT(s) (int)((s).len < 40 ? (s).len : 40), (s).len ? (s).ptr : ""

/* ---- in ------------------------------------------------------------------------------------------------------- */

static mn_rc rules_of(const mn_tok_parts *p, mn_tok_rules *ret, mn_err *e)
{
    *ret = (mn_tok_rules){.bos = p->bos,
                          .eos = p->eos,
                          .unk = p->unk,
                          .pad = p->pad,
                          .add_bos = p->add_bos && p->bos != MN_TOK_NONE,
                          .add_eos = p->add_eos && p->eos != MN_TOK_NONE};
    if (mn_str_eqz(p->model, "llama")) {
        ret->pieces = true;
        ret->prefix = p->add_space_prefix ? MN_TOK_PREFIX_ALWAYS : MN_TOK_PREFIX_NONE;
        ret->strip = p->add_space_prefix;
        if (p->scores) return MN_OK;
        return mn_fail(e, MN_E_PARSE, "a tokenizer of the kind 'llama' without scores");
    }
    if (!mn_str_eqz(p->model, "gpt2"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "tokenizer model '%.*s' is not supported: expected gpt2 or llama",
                       SHORT(p->model));
    for (size_t i = 0; i < N_PRES; i++) {
        if (!mn_str_eqz(p->pre, pres[i].name)) continue;
        ret->splitter = pres[i].splitter;
        ret->ignore_merges = pres[i].ignore_merges;
        ret->nfc = pres[i].nfc;
        return MN_OK;
    }
    return mn_fail(e, MN_E_UNSUPPORTED,
                   "pre-tokenizer '%.*s' is not supported: expected smollm, gpt-2, llama-bpe, "
                   "qwen2 or the like",
                   SHORT(p->pre));
}

static mn_rc kind_of(const mn_tok_parts *p, size_t i, mn_tok_kind *ret, mn_err *e)
{
    bool pieces = mn_str_eqz(p->model, "llama");
    int32_t type = p->types ? p->types[i] : T_NORMAL;
    switch (type) {
    case T_NORMAL:
        *ret = MN_TOK_NORMAL;
        return MN_OK;
    case T_UNKNOWN:
    case T_CONTROL:
        *ret = MN_TOK_SPECIAL;
        return MN_OK;
    case T_USER:
        *ret = MN_TOK_ADDED;
        return MN_OK;
    case T_UNUSED:
        *ret = MN_TOK_UNUSED;
        return MN_OK;
    default:
        break;
    }
    *ret = MN_TOK_BYTE;
    if (type == T_BYTE && pieces) return MN_OK;
    return mn_fail(e, MN_E_PARSE, "token %zu has the type %d, which a '%.*s' tokenizer has not",
                   i, (int)type, SHORT(p->model));
}

static mn_rc list_tokens(const mn_tok_parts *p, mn_tok_source *s, mn_tok_named *vocab,
                         mn_tok_named *added, mn_err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        mn_tok_named x = {.name = p->tokens[i],
                          .id = (uint32_t)i,
                          .score = s->rules.pieces ? p->scores[i] : 0};
        MN_TRY(kind_of(p, i, &x.kind, e));
        if (x.kind == MN_TOK_BYTE) s->rules.byte_fallback = true;
        if (mn_tok__is_added(x.kind)) added[s->n_added++] = x;
        else vocab[s->n_vocab++] = x;
    }
    return MN_OK;
}

static mn_rc list_merges(const mn_tok_parts *p, mn_tok_source *s, mn_tok_pair_names *merges,
                         mn_err *e)
{
    for (size_t i = 0; i < p->n_merges; i++) {
        merges[i].left = mn_str_split(p->merges[i], ' ', &merges[i].right);
        if (!merges[i].right.ptr)
            return mn_fail(e, MN_E_PARSE, "merge '%.*s': expected two tokens and a blank",
                           SHORT(p->merges[i]));
    }
    s->n_merges = p->n_merges;
    return MN_OK;
}

mn_rc mn_tok_from_parts(const mn_tok_parts *p, mn_tokenizer **ret, mn_err *e)
{
    mn_tok_source s = {.n_ids = (uint32_t)p->n};
    if (!p->n || p->n > MN_TOK_IDS_MAX)
        return mn_fail(e, MN_E_LIMIT, "%zu tokens: expected 1 to %u", p->n, MN_TOK_IDS_MAX);
    if (p->n_merges > MN_TOK_MERGES_MAX)
        return mn_fail(e, MN_E_LIMIT, "%zu merges: %u are the most", p->n_merges,
                       MN_TOK_MERGES_MAX);
    MN_TRY(rules_of(p, &s.rules, e));
    s.by_score = s.rules.pieces;
    mn_tok_named *vocab = mn_reallocarray(NULL, p->n, sizeof *vocab);
    mn_tok_named *added = mn_reallocarray(NULL, p->n, sizeof *added);
    mn_tok_pair_names *merges = mn_reallocarray(NULL, p->n_merges + 1, sizeof *merges);
    mn_rc rc = vocab && added && merges
                   ? MN_OK
                   : mn_fail(e, MN_E_NOMEM, "out of memory for a tokenizer");
    s.vocab = vocab;
    s.added = added;
    s.merges = merges;
    if (rc == MN_OK) rc = list_tokens(p, &s, vocab, added, e);
    if (rc == MN_OK && !s.rules.pieces) rc = list_merges(p, &s, merges, e);
    if (rc == MN_OK) rc = mn_tok__build(&s, ret, e);
    mn_free(vocab);
    mn_free(added);
    mn_free(merges);
    return rc;
}

/* ---- out ------------------------------------------------------------------------------------------------------ */

typedef struct giving {
    const mn_tokenizer *t;
    mn_arena *a;
    mn_buf b;
    mn_str *tokens, *merges;
    int32_t *types;
    float *scores;
} giving;

static mn_rc name_pre(const mn_tokenizer *t, mn_str *ret, mn_err *e)
{
    const mn_tok_rules *r = &t->rules;
    for (size_t i = 0; i < N_PRES; i++) {
        if (pres[i].splitter != r->splitter || pres[i].ignore_merges != r->ignore_merges ||
            pres[i].nfc != r->nfc)
            continue;
        *ret = mn_str_from(pres[i].name);
        return MN_OK;
    }
    return mn_fail(
        e, MN_E_UNSUPPORTED,
        "GGUF has no name for a tokenizer that cuts and normalises text as this one");
}

static mn_rc give_token(giving *g, uint32_t id)
{
    static const int32_t types[] = {
        [MN_TOK_HOLE] = T_UNUSED,     [MN_TOK_NORMAL] = T_NORMAL, [MN_TOK_ADDED] = T_USER,
        [MN_TOK_SPECIAL] = T_CONTROL, [MN_TOK_BYTE] = T_BYTE,     [MN_TOK_UNUSED] = T_UNUSED,
        [MN_TOK_SYMBOL] = T_USER};
    const mn_tokenizer *t = g->t;
    mn_tok_kind kind = t->tokens[id].kind;
    mn_buf_clear(&g->b);
    MN_TRY(kind == MN_TOK_HOLE ? mn_buf_addf(&g->b, "[PAD%u]", id)
                               : mn_tok__spell(t, id, &g->b));
    g->tokens[id] = mn_str_dup(g->a, mn_buf_str(&g->b));
    g->types[id] = types[kind];
    if (t->rules.pieces && id == t->rules.unk) g->types[id] = T_UNKNOWN;
    return g->tokens[id].ptr ? MN_OK : MN_E_NOMEM;
}

static mn_rc give_merge(giving *g, uint32_t rank)
{
    mn_buf_clear(&g->b);
    MN_TRY(mn_tok__spell(g->t, g->t->merges[rank].left, &g->b));
    MN_TRY(mn_buf_addc(&g->b, ' '));
    MN_TRY(mn_tok__spell(g->t, g->t->merges[rank].right, &g->b));
    g->merges[rank] = mn_str_dup(g->a, mn_buf_str(&g->b));
    return g->merges[rank].ptr ? MN_OK : MN_E_NOMEM;
}

/* The scores of a file that had some; else what makes SentencePiece merge in the order of the ranks. */
static void give_scores(giving *g)
{
    const mn_tokenizer *t = g->t;
    for (uint32_t id = 0; id < t->n; id++) g->scores[id] = t->scores ? t->scores[id] : 0;
    if (t->scores) return;
    for (uint32_t id = 0; id < t->n; id++) {
        if (t->tokens[id].kind == MN_TOK_NORMAL) g->scores[id] = -(float)t->n_merges;
    }
    for (uint32_t rank = 0; rank < t->n_merges; rank++)
        g->scores[t->merges[rank].id] = -(float)rank;
}

/* Without scores, a token that no merge makes must not come of merging by score either. */
static mn_rc check_reached(const mn_tokenizer *t, mn_arena *a, mn_err *e)
{
    if (t->scores) return MN_OK;
    bool *made = mn_arena_calloc(a, t->n, sizeof *made);
    if (!made) return mn_fail(e, MN_E_NOMEM, "out of memory for the parts of a tokenizer");
    for (uint32_t rank = 0; rank < t->n_merges; rank++) made[t->merges[rank].id] = true;
    for (uint32_t id = 0; id < t->n; id++) {
        mn_str bytes = mn_tok__bytes(t, id);
        if (t->tokens[id].kind != MN_TOK_NORMAL || made[id] || mn_utf8_count(bytes) < 2)
            continue;
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "token %u '%.*s' is in no merge: GGUF's scores cannot say that", id,
                       SHORT(bytes));
    }
    return MN_OK;
}

static mn_rc check_givable(const mn_tokenizer *t, mn_arena *a, mn_err *e)
{
    const mn_tok_rules *r = &t->rules;
    if (!r->pieces) return MN_OK;
    if (r->metaspace || r->split_blanks || r->prefix == MN_TOK_PREFIX_FIRST)
        return mn_fail(e, MN_E_UNSUPPORTED, "GGUF has no name for a Metaspace pre-tokenizer");
    return check_reached(t, a, e);
}

static mn_rc give_lists(giving *g)
{
    const mn_tokenizer *t = g->t;
    size_t n = t->n ? t->n : 1, n_merges = t->rules.pieces || !t->n_merges ? 1 : t->n_merges;
    g->tokens = mn_arena_calloc(g->a, n, sizeof *g->tokens);
    g->types = mn_arena_calloc(g->a, n, sizeof *g->types);
    g->scores = mn_arena_calloc(g->a, n, sizeof *g->scores);
    g->merges = mn_arena_calloc(g->a, n_merges, sizeof *g->merges);
    if (!g->tokens || !g->types || !g->scores || !g->merges) return MN_E_NOMEM;
    for (uint32_t id = 0; id < t->n; id++) MN_TRY(give_token(g, id));
    for (uint32_t rank = 0; !t->rules.pieces && rank < t->n_merges; rank++)
        MN_TRY(give_merge(g, rank));
    if (t->rules.pieces) give_scores(g);
    return MN_OK;
}

mn_rc mn_tok_to_parts(const mn_tokenizer *t, mn_arena *a, mn_tok_parts *ret, mn_err *e)
{
    const mn_tok_rules *r = &t->rules;
    giving g = {.t = t, .a = a};
    mn_str pre = MN_STR("default");
    MN_TRY(check_givable(t, a, e));
    if (!r->pieces) MN_TRY(name_pre(t, &pre, e));
    mn_buf_init(&g.b, 0);
    mn_rc rc = give_lists(&g);
    mn_buf_release(&g.b);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory for the parts of a tokenizer");
    *ret = (mn_tok_parts){.model = r->pieces ? MN_STR("llama") : MN_STR("gpt2"),
                          .pre = pre,
                          .tokens = g.tokens,
                          .scores = r->pieces ? g.scores : NULL,
                          .types = g.types,
                          .n = t->n,
                          .merges = r->pieces ? NULL : g.merges,
                          .n_merges = r->pieces ? 0 : t->n_merges,
                          .bos = r->bos,
                          .eos = r->eos,
                          .unk = r->unk,
                          .pad = r->pad,
                          .add_bos = r->add_bos,
                          .add_eos = r->add_eos,
                          .add_space_prefix = r->pieces && r->prefix != MN_TOK_PREFIX_NONE};
    return MN_OK;
}
