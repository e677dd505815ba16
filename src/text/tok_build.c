/* From what a file says to a tokenizer: names become bytes, everything is checked against everything, merges are looked up.
 *
 * Byte-level: merges are taken as they are. Pieces: of all the ways in which a token could be put together at most one ever happens, since a
 * stretch of text that ends up as one symbol was never joined with what surrounds it, so it was merged as if it stood alone. We
 * merge each token's own characters once and keep the pair that is left at the end, if two are left: the others can never be the
 * pair to merge. So SentencePiece's rule ("any two neighbours that spell a token, by its score") becomes a list of pairs by rank with one
 * entry a token, and `tokenizers`' long lists become as short.
 */
#include <stdlib.h>

#include "text/tok_int.h"
#include "text/unicode.h"

typedef struct building {
    const mn_tok_source *s;
    mn_tokenizer *t;
    mn_buf a; /* scratch for names */
    mn_err *e;
} building;

#define NAME(s) (int)((s).len < 60 ? (s).len : 60), (s).len ? (s).ptr : ""

static mn_rc no_memory(mn_err *e)
{
    return mn_fail(e, MN_E_NOMEM, "out of memory while making a tokenizer");
}

/* ---- names to bytes ------------------------------------------------------------------------------------------- */

static mn_rc alphabet_bytes(building *x, mn_str name, mn_buf *ret)
{
    for (size_t i = 0; i < name.len;) {
        uint32_t cp = 0;
        size_t n = mn_utf8_decode(name.ptr + i, name.len - i, &cp);
        int byte = n ? mn_tok__char_to_byte(cp) : -1;
        if (byte < 0)
            return mn_fail(x->e, MN_E_PARSE, "token '%.*s' is not in the byte-level alphabet",
                           NAME(name));
        ret->ptr[ret->len++] =
            (char)byte; /* there is room: never more bytes than the name has */
        i += n;
    }
    return MN_OK;
}

static mn_rc piece_bytes(building *x, mn_str name, mn_buf *ret)
{
    for (size_t i = 0; i < name.len;) {
        uint32_t cp = 0;
        size_t n = mn_utf8_decode(name.ptr + i, name.len - i, &cp);
        if (!n)
            return mn_fail(x->e, MN_E_PARSE, "a token that is not UTF-8: '%.*s'", NAME(name));
        if (cp == ' ')
            return mn_fail(x->e, MN_E_PARSE, "token '%.*s' holds a blank: expected U+2581",
                           NAME(name));
        if (cp == 0x2581) ret->ptr[ret->len++] = ' ';
        else
            for (size_t k = 0; k < n; k++) ret->ptr[ret->len++] = name.ptr[i + k];
        i += n;
    }
    return MN_OK;
}

/* Appends the bytes that a name stands for. */
static mn_rc text_bytes(building *x, mn_str name, mn_buf *ret)
{
    if (mn_buf_reserve(ret, name.len) != MN_OK) return no_memory(x->e);
    return x->s->rules.pieces ? piece_bytes(x, name, ret) : alphabet_bytes(x, name, ret);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "<0x0A>" */
static mn_rc byte_token(building *x, mn_str name, mn_buf *ret)
{
    int high = -1, low = -1;
    if (name.len == 6 && mn_str_starts(name, "<0x") && name.ptr[5] == '>') {
        high = hex_digit(name.ptr[3]);
        low = hex_digit(name.ptr[4]);
    }
    if (high < 0 || low < 0)
        return mn_fail(x->e, MN_E_PARSE,
                       "token '%.*s' is said to be a byte: expected <0x00> to <0xFF>",
                       NAME(name));
    return mn_buf_addc(ret, (char)(high << 4 | low)) == MN_OK ? MN_OK : no_memory(x->e);
}

/* ---- tokens --------------------------------------------------------------------------------------------------- */

static mn_rc set_token(building *x, const mn_tok_named *n, mn_str bytes)
{
    mn_tokenizer *t = x->t;
    if (!bytes.len) return mn_fail(x->e, MN_E_PARSE, "token %u is empty", n->id);
    if (t->tokens[n->id].kind != MN_TOK_HOLE)
        return mn_fail(x->e, MN_E_PARSE, "two tokens have the id %u", n->id);
    mn_rc rc = mn_tok__set(t, n->id, bytes, n->kind);
    if (rc == MN_E_LIMIT)
        return mn_fail(x->e, rc, "token %u has more than %u bytes", n->id, MN_TOK_BYTES_MAX);
    if (rc != MN_OK) return no_memory(x->e);
    t->tokens[n->id].flags = n->flags & 15u;
    return MN_OK;
}

static mn_rc set_added(building *x)
{
    bool takes_after = false, begins_blank = false;
    for (size_t i = 0; i < x->s->n_added; i++) {
        const mn_tok_named *n = &x->s->added[i];
        uint32_t cp;
        if (n->name.len > MN_TOK_ADDED_MAX)
            return mn_fail(x->e, MN_E_LIMIT, "an added token of %zu bytes: %u is the most",
                           n->name.len, MN_TOK_ADDED_MAX);
        if (!mn_utf8_valid(n->name))
            return mn_fail(x->e, MN_E_PARSE, "added token %u is not UTF-8", n->id);
        MN_TRY(set_token(x, n, n->name));
        takes_after |= (n->flags & MN_TOK_RSTRIP) != 0;
        begins_blank |=
            mn_utf8_decode(n->name.ptr, n->name.len, &cp) && mn_uclass_of(cp) == MN_U_SPACE;
    }
    if (!takes_after || !begins_blank) return MN_OK;
    return mn_fail(
        x->e, MN_E_UNSUPPORTED,
        "added tokens with rstrip beside others that begin with white space are not supported");
}

static mn_rc set_vocab(building *x)
{
    for (size_t i = 0; i < x->s->n_vocab; i++) {
        const mn_tok_named *n = &x->s->vocab[i];
        const mn_tok_token *there = &x->t->tokens[n->id];
        if (mn_tok__is_added(there->kind) && mn_str_eq(mn_tok__bytes(x->t, n->id), n->name))
            continue;
        mn_buf_clear(&x->a);
        if (n->kind == MN_TOK_BYTE) MN_TRY(byte_token(x, n->name, &x->a));
        else if (n->kind == MN_TOK_NORMAL || n->kind == MN_TOK_SYMBOL)
            MN_TRY(text_bytes(x, n->name, &x->a));
        if (n->kind == MN_TOK_SYMBOL && n->name.len > MN_TOK_ADDED_MAX)
            return mn_fail(x->e, MN_E_LIMIT,
                           "a user-defined symbol of %zu bytes: %u is the most", n->name.len,
                           MN_TOK_ADDED_MAX);
        MN_TRY(set_token(x, n, x->a.len ? mn_buf_str(&x->a) : n->name));
    }
    return MN_OK;
}

/* Which tokens may not be spelled the same. */
static int spelling_class(mn_tok_kind kind)
{
    return mn_tok__is_added(kind) ? 0 : kind == MN_TOK_NORMAL || kind == MN_TOK_SYMBOL ? 1 : 2;
}

static mn_rc check_unique(building *x)
{
    const mn_tokenizer *t = x->t;
    for (size_t i = 0; x->s->n_added && i < x->s->n_vocab;
         i++) { /* `tokenizers` would take the vocabulary's id */
        uint32_t id = mn_tok_find(t, x->s->vocab[i].name);
        if (id != MN_TOK_NONE && id != x->s->vocab[i].id &&
            mn_tok__is_added(t->tokens[id].kind))
            return mn_fail(x->e, MN_E_PARSE, "added token %u has the id %u in the vocabulary",
                           id, x->s->vocab[i].id);
    }
    for (uint32_t id = 0; id < t->n; id++) {
        mn_tok_kind kind = t->tokens[id].kind;
        if (spelling_class(kind) == 2) continue;
        uint32_t other = mn_tok_find(t, mn_tok__bytes(t, id));
        if (other != id && spelling_class(t->tokens[other].kind) == spelling_class(kind))
            return mn_fail(x->e, MN_E_PARSE, "tokens %u and %u are the same", other, id);
    }
    return MN_OK;
}

static mn_rc check_id(building *x, const char *what, uint32_t id)
{
    if (id == MN_TOK_NONE || (id < x->t->n && x->t->tokens[id].kind != MN_TOK_HOLE))
        return MN_OK;
    return mn_fail(x->e, MN_E_PARSE, "the %s token has the id %u, which is no token", what, id);
}

/* What the rules need of the tokens. */
static mn_rc check_rules(building *x)
{
    const mn_tok_rules *r = &x->s->rules;
    int lacking = 0;
    MN_TRY(check_id(x, "beginning", r->bos));
    MN_TRY(check_id(x, "ending", r->eos));
    MN_TRY(check_id(x, "unknown", r->unk));
    MN_TRY(check_id(x, "padding", r->pad));
    if ((r->add_bos && r->bos == MN_TOK_NONE) || (r->add_eos && r->eos == MN_TOK_NONE))
        return mn_fail(x->e, MN_E_PARSE, "texts begin or end with a token that is not named");
    for (int i = 0; i < 256; i++) lacking += x->t->byte_id[i] == MN_TOK_NONE;
    if (lacking && r->pieces && r->byte_fallback)
        return mn_fail(x->e, MN_E_PARSE, "byte fallback without tokens for %d of the 256 bytes",
                       lacking);
    if (r->pieces && !r->byte_fallback && r->unk == MN_TOK_NONE)
        return mn_fail(x->e, MN_E_UNSUPPORTED,
                       "a tokenizer with neither byte fallback nor an unknown token");
    if (r->pieces && r->unk != MN_TOK_NONE && x->t->tokens[r->unk].kind == MN_TOK_NORMAL)
        return mn_fail(x->e, MN_E_PARSE, "the unknown token %u is text", r->unk);
    if (lacking && !r->pieces && x->s->unk_replaces)
        return mn_fail(x->e, MN_E_UNSUPPORTED,
                       "an unk_token in place of %d bytes is not supported", lacking);
    return MN_OK;
}

/* ---- merges, byte-level --------------------------------------------------------------------------------------- */

/* The token of some bytes. *ret = MN_TOK_NONE: an added token, which text never becomes. */
static mn_rc find_part(building *x, mn_str bytes, uint32_t *ret)
{
    uint32_t id = mn_tok_find(x->t, bytes);
    if (id == MN_TOK_NONE || spelling_class(x->t->tokens[id].kind) == 2)
        return mn_fail(x->e, MN_E_PARSE,
                       "a merge names the token '%.*s', which the vocabulary lacks",
                       NAME(bytes));
    *ret = x->t->tokens[id].kind == MN_TOK_NORMAL ? id : MN_TOK_NONE;
    return MN_OK;
}

static mn_rc look_up_merge(building *x, const mn_tok_pair_names *names, mn_tok_merge *ret)
{
    mn_buf_clear(&x->a);
    MN_TRY(text_bytes(x, names->left, &x->a));
    size_t left = x->a.len;
    MN_TRY(text_bytes(x, names->right, &x->a));
    mn_str both = {x->a.ptr, x->a.len};
    if (!left || left == both.len)
        return mn_fail(x->e, MN_E_PARSE, "a merge with nothing: '%.*s'", NAME(both));
    MN_TRY(find_part(x, mn_str_sub(both, 0, left), &ret->left));
    MN_TRY(find_part(x, mn_str_sub(both, left, SIZE_MAX), &ret->right));
    return find_part(x, both, &ret->id);
}

static mn_rc look_up_merges(building *x)
{
    mn_tokenizer *t = x->t;
    t->n_merges = 0;
    for (size_t i = 0; i < x->s->n_merges; i++) {
        mn_tok_merge *m = &t->merges[t->n_merges];
        MN_TRY(look_up_merge(x, &x->s->merges[i], m));
        t->n_merges +=
            m->left != MN_TOK_NONE && m->right != MN_TOK_NONE && m->id != MN_TOK_NONE;
    }
    return mn_tok__index_merges(t) == MN_OK ? MN_OK : no_memory(x->e);
}

/* ---- merges of pieces ----------------------------------------------------------------------------------------- */

/* A token that might come of merging. */
typedef struct candidate {
    uint32_t id;
    float score;
    uint32_t rank; /* by score: among the candidates */
} candidate;

typedef struct deriving {
    building *x;
    candidate *list;
    uint32_t n;
    mn_tok_merge *
        merges; /* by rank, before those that never happen are left out; id MN_TOK_NONE marks these */
    uint32_t n_ranks;
    uint64_t *given; /* of a file that lists merges: its table of ranks */
    uint32_t given_mask, given_shift;
    uint32_t *ids; /* room for the longest token */
} deriving;

static int by_score(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->id < y->id ? -1 : 1;
}

static int by_length(const void *a, const void *b, void *tokenizer)
{
    const mn_tokenizer *t = tokenizer;
    const candidate *x = a, *y = b;
    size_t n = mn_tok__bytes(t, x->id).len, m = mn_tok__bytes(t, y->id).len;
    return n != m ? (n < m ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

static mn_rc list_candidates(deriving *d)
{
    const mn_tok_source *s = d->x->s;
    mn_tokenizer *t = d->x->t;
    size_t longest = 1;
    d->list = mn_reallocarray(NULL, s->n_vocab ? s->n_vocab : 1, sizeof *d->list);
    if (!d->list) return no_memory(d->x->e);
    for (size_t i = 0; i < s->n_vocab; i++) {
        mn_str bytes = mn_tok__bytes(t, s->vocab[i].id);
        if (t->tokens[s->vocab[i].id].kind != MN_TOK_NORMAL || mn_utf8_count(bytes) < 2)
            continue;
        if (bytes.len > longest) longest = bytes.len;
        d->list[d->n++] = (candidate){s->vocab[i].id, s->vocab[i].score, 0};
    }
    d->ids = mn_reallocarray(NULL, longest, sizeof *d->ids);
    return d->ids ? MN_OK : no_memory(d->x->e);
}

/* Ranks by score, and which of them are equal. */
static mn_rc rank_by_score(deriving *d)
{
    mn_tokenizer *t = d->x->t;
    bool ties = false;
    qsort(d->list, d->n, sizeof *d->list, by_score);
    for (uint32_t i = 0; i < d->n; i++) {
        d->list[i].rank = i;
        ties |= i && d->list[i].score == d->list[i - 1].score;
    }
    d->n_ranks = d->n;
    if (!ties) return MN_OK;
    t->order = mn_arena_calloc(&t->arena, d->n, sizeof *t->order);
    if (!t->order) return no_memory(d->x->e);
    for (uint32_t i = 1; i < d->n; i++)
        t->order[i] = d->list[i].score == d->list[i - 1].score ? t->order[i - 1] : i;
    return MN_OK;
}

/* The merges that the file lists, as a table; moved aside for the one that is made. */
static mn_rc rank_by_list(deriving *d)
{
    mn_tokenizer *t = d->x->t;
    MN_TRY(look_up_merges(d->x));
    d->n_ranks = t->n_merges;
    d->given = t->ranks;
    d->given_mask = t->rank_mask;
    d->given_shift = t->rank_shift;
    t->ranks = NULL;
    return MN_OK;
}

/* The rank with which a pair makes the candidate; MN_TOK_NO_RANK: it does not. */
static uint32_t rank_of(const deriving *d, const candidate *c, uint32_t left, uint32_t right)
{
    const mn_tokenizer *t = d->x->t;
    if (t->tokens[left].kind != MN_TOK_NORMAL || t->tokens[right].kind != MN_TOK_NORMAL)
        return MN_TOK_NO_RANK;
    if (!d->given) return c->rank;
    mn_tokenizer with = {
        .ranks = d->given, .rank_mask = d->given_mask, .rank_shift = d->given_shift};
    return mn_tok__rank(&with, left, right);
}

/* Merges the candidate's characters by what is known of shorter ones: two symbols that are left are its pair. */
static mn_rc derive_one(deriving *d, const candidate *c)
{
    mn_tokenizer *t = d->x->t;
    mn_str bytes = mn_tok__bytes(t, c->id);
    size_t n = mn_tok__symbols(t, bytes, true, d->ids);
    for (size_t i = 0; d->x->s->by_score && i < n; i++) {
        if (t->tokens[d->ids[i]].kind != MN_TOK_BYTE && d->ids[i] != t->rules.unk) continue;
        return mn_fail(d->x->e, MN_E_UNSUPPORTED,
                       "token '%.*s' holds a character that is no token", NAME(bytes));
    }
    MN_TRY(mn_tok__merge(t, d->ids, n, &n));
    if (n != 2) return MN_OK;
    uint32_t rank = rank_of(d, c, d->ids[0], d->ids[1]);
    if (rank == MN_TOK_NO_RANK) return MN_OK;
    t->merges[rank] = (mn_tok_merge){d->ids[0], d->ids[1], c->id};
    mn_tok__ranks_add(t, rank);
    return MN_OK;
}

static int by_length_down(const void *a, const void *b, void *tokenizer)
{
    const mn_tokenizer *t = tokenizer;
    size_t n = mn_tok__bytes(t, ((const mn_tok_merge *)a)->id).len,
           m = mn_tok__bytes(t, ((const mn_tok_merge *)b)->id).len;
    return (n < m) - (n > m);
}

/* merges[from..to) put one character after another: cc of c and c, ccc of cc and c, and so on. */
static bool is_run(const mn_tokenizer *t, uint32_t from, uint32_t to)
{
    uint32_t c = t->merges[to - 1].right; /* the shortest is the last */
    for (uint32_t i = from; i < to; i++) {
        const mn_tok_merge *m = &t->merges[i];
        if (m->right != c || m->left != (i + 1 < to ? t->merges[i + 1].id : c)) return false;
    }
    return true;
}

/* Equal scores of a run of one character (Llama 2's runs of blanks): the leftmost pair first is the same as the longest first, for which ranks
 * do. Says whether other equals are left. */
static bool settle_runs(mn_tokenizer *t)
{
    bool left = false;
    for (uint32_t from = 0, to; from < t->n_merges; from = to) {
        for (to = from + 1; to < t->n_merges && t->order[to] == t->order[from];) to++;
        if (to - from == 1) continue;
        qsort_r(t->merges + from, to - from, sizeof *t->merges, by_length_down, t);
        bool run = is_run(t, from, to);
        for (uint32_t i = from; i < to && run; i++) t->order[i] = i;
        left |= !run;
    }
    return left;
}

/* Ranks without gaps, once it is known which merges happen. */
static mn_rc close_ranks(deriving *d)
{
    mn_tokenizer *t = d->x->t;
    uint32_t n = 0, equal = 0;
    for (uint32_t rank = 0; rank < d->n_ranks; rank++) {
        if (t->merges[rank].id == MN_TOK_NONE) continue;
        uint32_t order = t->order ? t->order[rank] : rank;
        if (n && t->order && order == equal) t->order[n] = t->order[n - 1];
        else if (t->order) t->order[n] = n;
        equal = order;
        t->merges[n++] = t->merges[rank];
    }
    t->n_merges = n;
    if (t->order && !settle_runs(t)) t->order = NULL;
    return mn_tok__index_merges(t) == MN_OK ? MN_OK : no_memory(d->x->e);
}

static mn_rc derive(deriving *d)
{
    mn_tokenizer *t = d->x->t;
    MN_TRY(list_candidates(d));
    MN_TRY(d->x->s->by_score ? rank_by_score(d) : rank_by_list(d));
    if (d->x->s->by_score) {
        t->merges = mn_arena_calloc(&t->arena, d->n_ranks ? d->n_ranks : 1, sizeof *t->merges);
        if (!t->merges) return no_memory(d->x->e);
    }
    for (uint32_t rank = 0; rank < d->n_ranks; rank++) t->merges[rank].id = MN_TOK_NONE;
    if (mn_tok__ranks_new(t, d->n_ranks) != MN_OK) return no_memory(d->x->e);
    qsort_r(d->list, d->n, sizeof *d->list, by_length, t);
    for (uint32_t i = 0; i < d->n; i++) MN_TRY(derive_one(d, &d->list[i]));
    return close_ranks(d);
}

static mn_rc derive_merges(building *x)
{
    deriving d = {.x = x};
    mn_rc rc = derive(&d);
    if (rc == MN_E_NOMEM) no_memory(x->e);
    mn_free(d.list);
    mn_free(d.ids);
    mn_free(d.given);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------------------------ */

static mn_rc keep_scores(building *x)
{
    mn_tokenizer *t = x->t;
    if (!x->s->by_score) return MN_OK;
    t->scores = mn_arena_calloc(&t->arena, t->n ? t->n : 1, sizeof *t->scores);
    if (!t->scores) return no_memory(x->e);
    for (size_t i = 0; i < x->s->n_vocab; i++) {
        float score = x->s->vocab[i].score;
        if (score != score)
            return mn_fail(x->e, MN_E_PARSE, "token %u has no number for a score",
                           x->s->vocab[i].id);
        t->scores[x->s->vocab[i].id] = score;
    }
    return MN_OK;
}

static mn_rc fill(building *x)
{
    x->t->rules = x->s->rules;
    MN_TRY(set_added(x));
    MN_TRY(set_vocab(x));
    if (mn_tok__index_tokens(x->t) != MN_OK) return no_memory(x->e);
    MN_TRY(check_unique(x));
    MN_TRY(check_rules(x));
    MN_TRY(keep_scores(x));
    MN_TRY(x->s->rules.pieces ? derive_merges(x) : look_up_merges(x));
    if (x->t->rules.bos == MN_TOK_NONE &&
        mn_tok_is_ours(x->t)) { /* a tokenizer.json does not say */
        x->t->rules.bos = MN_TOK_START;
        x->t->rules.eos = MN_TOK_END;
        x->t->rules.pad = MN_TOK_PAD;
    }
    return MN_OK;
}

mn_rc mn_tok__build(const mn_tok_source *s, mn_tokenizer **ret, mn_err *e)
{
    building x = {.s = s, .e = e};
    MN_TRY(mn_tok__new(s->n_ids, (uint32_t)s->n_merges, &x.t, e));
    mn_buf_init(&x.a, 0);
    mn_rc rc = fill(&x);
    mn_buf_release(&x.a);
    if (rc == MN_OK) *ret = x.t;
    else mn_tok_free(x.t);
    return rc;
}
