/* JSON Schema as rules of a grammar.
 *
 * A value often has to suit several schemas at once (allOf, $ref beside other words, a property that two parts name), so a rule stands for a *set* of schemas. It is
 * first opened: $ref and allOf add schemas, anyOf and oneOf make alternatives, until each alternative is a set in which nothing is left to open. Then
 * the words of the set are put together: types meet, bounds tighten, properties are the sets of what each schema says of them. Those are
 * rules again, made when their turn comes; a set that was seen is the same rule, which is how recursion ends. */
#include "infer/grammar_int.h"

enum { SCHEMA_BYTES_MAX = 256 << 10, OPEN_DEPTH_MAX = 256, OPEN_STEPS_MAX = 1 << 18 };

struct mn_grule {
    mn_grule *next, *later; /* all of them; those to be made */
    mn_gset of;
    uint16_t pc;
};

uint16_t mn_grammar__no_memory(mn_gbuild *b)
{
    return mn_grammar__fail(b, MN_E_NOMEM, "out of memory for a grammar");
}

/* ---- sets ------------------------------------------------------------------------------------------------------ */

static bool says_nothing(const mn_json *s)
{
    return s->type == MN_JSON_BOOL ? s->boolean : s->type == MN_JSON_OBJECT && s->n == 0;
}

bool mn_grammar__set_add(mn_gbuild *b, mn_gset *to, const mn_json *s)
{
    if (says_nothing(s)) return true;
    for (size_t i = 0; i < to->n; i++) {
        if (to->s[i] == s) return true;
    }
    if (to->n == MN_G_SET_MAX) {
        mn_grammar__fail(b, MN_E_LIMIT, "more than %u schemas that must hold together",
                         MN_G_SET_MAX);
        return false;
    }
    to->s[to->n++] = s;
    return true;
}

uint16_t mn_grammar__rule_of(mn_gbuild *b, mn_gset of)
{
    if (b->rc != MN_OK) return MN_G_NONE;
    for (mn_grule *r = b->rules; r; r = r->next) {
        if (r->of.n == of.n && (!of.n || !memcmp(r->of.s, of.s, of.n * sizeof *of.s)))
            return r->pc;
    }
    mn_grule *r = mn_arena_calloc(b->a, 1, sizeof *r);
    if (!r) return mn_grammar__no_memory(b);
    r->of.s = mn_arena_alloc(b->a, (of.n + 1) * sizeof *r->of.s);
    if (!r->of.s) return mn_grammar__no_memory(b);
    if (of.n) memcpy(r->of.s, of.s, of.n * sizeof *of.s);
    r->of.n = of.n;
    r->pc = mn_grammar__hole(b);
    r->next = b->rules;
    r->later = b->todo;
    b->rules = b->todo = r;
    return r->pc;
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

/* A schema that is still to be opened, or an array of alternatives; and the schema it was found in. */
typedef struct pending {
    const mn_json *s;
    const struct opened *in;
    const struct pending *rest;
    bool choice;
} pending;

typedef struct opened {
    const mn_json *s;
    const struct opened *in;
} opened;

typedef struct opening {
    mn_gbuild *b;
    const mn_json *now[MN_G_SET_MAX]; /* the alternative that is being made */
    size_t n;
    mn_gset *alts; /* [MN_G_ALTS_MAX] */
    size_t n_alts;
    uint32_t steps; /* for the whole schema */
    int depth;
} opening;

static const pending *also(opening *o, const mn_json *s, const opened *in, const pending *rest,
                           bool choice)
{
    pending *p = mn_arena_alloc(o->b->a, sizeof *p);
    if (!p) {
        mn_grammar__no_memory(o->b);
        return rest;
    }
    *p = (pending){s, in, rest, choice};
    return p;
}

static void alternative_done(opening *o)
{
    if (o->n_alts == MN_G_ALTS_MAX) {
        mn_grammar__fail(o->b, MN_E_LIMIT,
                         "a schema with more than %u alternatives; use fewer in anyOf",
                         MN_G_ALTS_MAX);
        return;
    }
    mn_gset *a = &o->alts[o->n_alts];
    a->s = mn_arena_alloc(o->b->a, (o->n + 1) * sizeof *a->s);
    if (!a->s) {
        mn_grammar__no_memory(o->b);
        return;
    }
    memcpy(a->s, o->now, o->n * sizeof *a->s);
    a->n = o->n;
    o->n_alts++;
}

static const mn_json *array_of(opening *o, const mn_json *s, const char *key)
{
    const mn_json *a = mn_json_get(s, key);
    if (!a) return NULL;
    if (a->type == MN_JSON_ARRAY && a->n) return a;
    mn_grammar__fail(o->b, MN_E_PARSE, "'%s' is not an array of schemas", key);
    return NULL;
}

/* What one schema adds to what is pending. */
static const pending *open_parts(opening *o, const mn_json *s, const opened *in,
                                 const pending *rest)
{
    static const char *const choices[] = {"oneOf", "anyOf"};
    opened *here = mn_arena_alloc(o->b->a, sizeof *here);
    if (!here) {
        mn_grammar__no_memory(o->b);
        return rest;
    }
    *here = (opened){s, in};
    for (size_t i = 0; i < 2; i++) {
        const mn_json *a = array_of(o, s, choices[i]);
        if (a) rest = also(o, a, here, rest, true);
    }
    const mn_json *all = array_of(o, s, "allOf"), *ref = mn_json_get(s, "$ref");
    for (size_t i = all ? all->n : 0; i-- > 0;)
        rest = also(o, all->items[i], here, rest, false);
    if (!ref) return rest;
    const mn_json *to = ref->type == MN_JSON_STRING ? mn_grammar__deref(o->b, ref->text) : NULL;
    if (!to) {
        mn_grammar__fail(o->b, MN_E_PARSE, "'$ref' is not a string");
        return rest;
    }
    return also(o, to, here, rest, false);
}

static bool in_circle(opening *o, const mn_json *s, const opened *in)
{
    for (; in; in = in->in) {
        if (in->s != s) continue;
        mn_grammar__fail(o->b, MN_E_UNSUPPORTED,
                         "a '$ref' leads back to its own schema with nothing in between");
        return true;
    }
    return false;
}

static void open_all(opening *o, const pending *p)
{
    size_t n = o->n;
    if (++o->depth > OPEN_DEPTH_MAX)
        mn_grammar__fail(o->b, MN_E_LIMIT, "anyOf, allOf and $ref nest too deep");
    while (p && o->b->rc == MN_OK) {
        const mn_json *s = p->s;
        if (++o->steps > OPEN_STEPS_MAX)
            mn_grammar__fail(o->b, MN_E_LIMIT,
                             "anyOf, allOf and $ref lead to too many combinations");
        if (p->choice) {
            for (size_t i = 0; i < s->n && o->b->rc == MN_OK; i++)
                open_all(o, also(o, s->items[i], p->in, p->rest, false));
            goto out;
        }
        if (s->type == MN_JSON_BOOL && !s->boolean) goto out; /* nothing suits it */
        if (s->type != MN_JSON_BOOL && s->type != MN_JSON_OBJECT)
            mn_grammar__fail(o->b, MN_E_PARSE, "a schema is an object, true or false");
        if (in_circle(o, s, p->in)) goto out;
        size_t before = o->n;
        mn_gset now = {o->now, o->n};
        if (!mn_grammar__set_add(o->b, &now, s)) goto out;
        o->n = now.n;
        p = o->n > before ? open_parts(o, s, p->in, p->rest) : p->rest;
    }
    if (o->b->rc == MN_OK) alternative_done(o);
out:
    o->n = n;
    o->depth--;
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

/* Words and the types they speak of; 0: of none in particular. */
static const struct word {
    const char *name;
    unsigned types;
} words[] = {
    {"type", 0},
    {"enum", 0},
    {"const", 0},
    {"anyOf", 0},
    {"oneOf", 0},
    {"allOf", 0},
    {"$ref", 0},
    {"$defs", 0},
    {"definitions", 0},
    {"nullable", 0},
    {"title", 0},
    {"description", 0},
    {"default", 0},
    {"examples", 0},
    {"example", 0},
    {"$schema", 0},
    {"$id", 0},
    {"$comment", 0},
    {"deprecated", 0},
    {"readOnly", 0},
    {"writeOnly", 0},
    {"contentEncoding", 0},
    {"contentMediaType", 0},
    {"discriminator", 0},
    {"properties", MN_GT_OBJECT},
    {"required", MN_GT_OBJECT},
    {"additionalProperties", MN_GT_OBJECT},
    {"minProperties", MN_GT_OBJECT},
    {"maxProperties", MN_GT_OBJECT},
    {"items", MN_GT_ARRAY},
    {"prefixItems", MN_GT_ARRAY},
    {"additionalItems", MN_GT_ARRAY},
    {"minItems", MN_GT_ARRAY},
    {"maxItems", MN_GT_ARRAY},
    {"uniqueItems", MN_GT_ARRAY},
    {"minLength", MN_GT_STRING},
    {"maxLength", MN_GT_STRING},
    {"pattern", MN_GT_STRING},
    {"format", MN_GT_STRING},
    {"minimum", MN_GT_INTEGER | MN_GT_FRACTION},
    {"maximum", MN_GT_INTEGER | MN_GT_FRACTION},
    {"exclusiveMinimum", MN_GT_INTEGER | MN_GT_FRACTION},
    {"exclusiveMaximum", MN_GT_INTEGER | MN_GT_FRACTION},
};

/* The types that the words of a schema speak of; a word that we don't know is a failure. */
static unsigned spoken_of(mn_gbuild *b, const mn_json *s)
{
    unsigned types = 0;
    for (size_t i = 0; i < s->n; i++) {
        size_t k = 0, n = sizeof words / sizeof *words;
        while (k < n && !mn_str_eqz(s->keys[i], words[k].name)) k++;
        if (k < n) types |= words[k].types;
        else if (!mn_str_starts(s->keys[i], "x-"))
            mn_grammar__fail(b, MN_E_UNSUPPORTED, "the schema's '%.*s' is not supported",
                             (int)(s->keys[i].len < 60 ? s->keys[i].len : 60), s->keys[i].ptr);
    }
    return types;
}

/* What all of the set allow. A set that names no type is of those that its words speak of. */
static unsigned types_of(mn_gbuild *b, const mn_gset *a)
{
    unsigned types = MN_GT_ANY, spoken = 0;
    bool named = false;
    for (size_t i = 0; i < a->n; i++) {
        spoken |= spoken_of(b, a->s[i]);
        types &= mn_grammar__types(b, a->s[i]);
        named = named || mn_json_get(a->s[i], "type");
    }
    return named || !spoken ? types : types & spoken;
}

uint32_t mn_grammar__count_of(mn_gbuild *b, const mn_gset *a, const char *key, bool largest,
                              uint32_t fallback)
{
    uint32_t all_of = fallback, v;
    for (size_t i = 0; i < a->n; i++) {
        if (mn_grammar__count(b, a->s[i], key, fallback, &v) != MN_OK) return fallback;
        if (largest ? v > all_of : v < all_of) all_of = v;
    }
    return all_of;
}

/* ---- one of a list --------------------------------------------------------------------------------------------- */

static bool suits_all(mn_gbuild *b, const mn_json *v, const mn_gset *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!mn_grammar__suits(b, v, a->s[i], 0)) return false;
    }
    return true;
}

mn_str mn_grammar__text_of(mn_gbuild *b, const mn_json *v)
{
    mn_buf buf;
    mn_json_writer w;
    mn_buf_init(&buf, 0);
    mn_json_writer_init(&w, &buf, 0);
    mn_jw_tree(&w, v);
    mn_str s = buf.failed ? MN_STR_NONE : mn_str_dup(b->a, mn_buf_str(&buf));
    mn_buf_release(&buf);
    if (!s.ptr) mn_grammar__no_memory(b);
    return s;
}

/* The values that `one` lists (enum or const), as far as they suit the whole set. */
static uint16_t listed(mn_gbuild *b, const mn_gset *a, const mn_json *one)
{
    const mn_json *k = mn_json_get(one, "const"), *list = mn_json_get(one, "enum");
    size_t n = k ? 1 : list->n, kept = 0;
    if (!k && (list->type != MN_JSON_ARRAY || !list->n))
        return mn_grammar__fail(b, MN_E_PARSE, "'enum' is not an array of values");
    if (n > MN_G_NODES_MAX)
        return mn_grammar__fail(b, MN_E_LIMIT, "an 'enum' of more than %u values",
                                MN_G_NODES_MAX);
    mn_str *s = mn_arena_alloc(b->a, n * sizeof *s);
    if (!s) return mn_grammar__no_memory(b);
    for (size_t i = 0; i < n && b->rc == MN_OK; i++) {
        const mn_json *v = k ? k : list->items[i];
        if (suits_all(b, v, a)) s[kept++] = mn_grammar__text_of(b, v);
    }
    if (b->rc != MN_OK || !kept) return MN_G_NONE;
    return mn_grammar__choice(b, s, kept, b->ret);
}

/* ---- scalars --------------------------------------------------------------------------------------------------- */

static void tighter(mn_gbuild *b, mn_str *io, bool *io_open, mn_str v, bool open, bool lower)
{
    int c = 0;
    if (io->ptr && mn_grammar__number_cmp(v, *io, &c) != MN_OK) {
        mn_grammar__fail(b, MN_E_LIMIT, "a minimum or maximum has too many digits");
        return;
    }
    if (io->ptr && c == 0) *io_open = *io_open || open;
    if (io->ptr && (lower ? c <= 0 : c >= 0)) return;
    *io = v;
    *io_open = open;
}

/* A bound and its exclusive form, which is a number, or `true` (of old: the other one is meant exclusively). */
static void bound(mn_gbuild *b, const mn_json *s, bool lower, mn_str *io, bool *io_open)
{
    const mn_json *v = mn_json_get(s, lower ? "minimum" : "maximum"),
                  *x = mn_json_get(s, lower ? "exclusiveMinimum" : "exclusiveMaximum");
    bool of_old = x && x->type == MN_JSON_BOOL;
    if ((v && v->type != MN_JSON_NUMBER) || (x && !of_old && x->type != MN_JSON_NUMBER)) {
        mn_grammar__fail(b, MN_E_PARSE, "a minimum or maximum is not a number");
        return;
    }
    if (v) tighter(b, io, io_open, v->text, of_old && x->boolean, lower);
    if (x && !of_old) tighter(b, io, io_open, x->text, true, lower);
}

static uint16_t number(mn_gbuild *b, const mn_gset *a, bool integer)
{
    mn_gbounds in = {MN_STR_NONE, MN_STR_NONE, false, false};
    for (size_t i = 0; i < a->n; i++) {
        bound(b, a->s[i], true, &in.lo, &in.lo_open);
        bound(b, a->s[i], false, &in.hi, &in.hi_open);
    }
    return b->rc == MN_OK ? mn_grammar__number(b, &in, integer) : MN_G_NONE;
}

/* Adds what a pattern or format asks for to d. */
static void narrow(mn_gbuild *b, mn_gdfa *d, const mn_json *word, bool format)
{
    mn_gdfa more, both;
    if (word->type != MN_JSON_STRING) {
        mn_grammar__fail(b, MN_E_PARSE, "a pattern or format is not a string");
        return;
    }
    mn_rc rc = format ? mn_grammar__format(b, word->text, &more)
                      : mn_grammar__pattern(b, word->text, &more);
    if (rc != MN_OK) return;
    if (!d->n) *d = more;
    else if (mn_grammar__dfa_both(b, d, &more, &both) == MN_OK) *d = both;
}

static uint16_t string(mn_gbuild *b, const mn_gset *a)
{
    uint32_t min = mn_grammar__count_of(b, a, "minLength", true, 0),
             max = mn_grammar__count_of(b, a, "maxLength", false, MN_G_INF);
    mn_gdfa d = {0}, length, both;
    for (size_t i = 0; i < a->n && b->rc == MN_OK; i++) {
        const mn_json *pattern = mn_json_get(a->s[i], "pattern"),
                      *format = mn_json_get(a->s[i], "format");
        if (pattern) narrow(b, &d, pattern, false);
        if (format && b->rc == MN_OK) narrow(b, &d, format, true);
    }
    if (b->rc != MN_OK || min > max) return MN_G_NONE;
    if (!d.n)
        return min || max != MN_G_INF ? mn_grammar__string_counted(b, min, max)
                                      : mn_grammar__string(b);
    if (mn_grammar__dfa_within(b, &d, min, max)) return mn_grammar__string_dfa(b, &d);
    if (mn_grammar__dfa_length(b, min, max, &length) != MN_OK) return MN_G_NONE;
    return mn_grammar__dfa_both(b, &d, &length, &both) == MN_OK
               ? mn_grammar__string_dfa(b, &both)
               : MN_G_NONE;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static uint16_t literals(mn_gbuild *b, unsigned types)
{
    mn_str s[3];
    size_t n = 0;
    if (types & MN_GT_BOOL) {
        s[n++] = MN_STR("true");
        s[n++] = MN_STR("false");
    }
    if (types & MN_GT_NULL) s[n++] = MN_STR("null");
    return n ? mn_grammar__choice(b, s, n, b->ret) : MN_G_NONE;
}

static void check_unique(mn_gbuild *b, const mn_gset *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (mn_json_bool(mn_json_get(a->s[i], "uniqueItems"), false) &&
            mn_grammar__count_of(b, a, "maxItems", false, MN_G_INF) > 1)
            mn_grammar__fail(b, MN_E_UNSUPPORTED,
                             "the schema's 'uniqueItems' is not supported");
    }
}

static uint16_t value_of(mn_gbuild *b, const mn_gset *a)
{
    uint16_t at = MN_G_NONE;
    unsigned types = types_of(b, a);
    for (size_t i = 0; i < a->n && b->rc == MN_OK; i++) {
        if (mn_json_get(a->s[i], "const") || mn_json_get(a->s[i], "enum"))
            return listed(b, a, a->s[i]);
    }
    if (b->rc != MN_OK) return MN_G_NONE;
    at = literals(b, types);
    if (types & MN_GT_INTEGER)
        at = mn_grammar__split(b, number(b, a, !(types & MN_GT_FRACTION)), at);
    if (types & MN_GT_STRING) at = mn_grammar__split(b, string(b, a), at);
    if (types & MN_GT_ARRAY) check_unique(b, a);
    if (types & MN_GT_ARRAY)
        at = mn_grammar__split(b, mn_grammar__call(b, mn_grammar__array(b, a), true, b->ret),
                               at);
    if (types & MN_GT_OBJECT)
        at = mn_grammar__split(b, mn_grammar__call(b, mn_grammar__object(b, a), true, b->ret),
                               at);
    return at;
}

static void make_rule(opening *o, mn_grule *r)
{
    mn_gbuild *b = o->b;
    const pending *p = NULL;
    uint16_t at = MN_G_NONE;
    o->n = o->n_alts = 0;
    for (size_t i = r->of.n; i-- > 0;) p = also(o, r->of.s[i], NULL, p, false);
    open_all(o, p);
    for (size_t i = o->n_alts; i-- > 0 && b->rc == MN_OK;)
        at = mn_grammar__split(b, value_of(b, &o->alts[i]), at);
    mn_grammar__fill(b, r->pc, at);
}

static size_t size_of(const mn_json *v, int depth)
{
    size_t n = v->text.len + 2;
    if (depth > MN_JSON_DEPTH_MAX) return SCHEMA_BYTES_MAX + 1;
    for (size_t i = 0; i < v->n && n <= SCHEMA_BYTES_MAX; i++)
        n += size_of(v->items[i], depth + 1) +
             (v->type == MN_JSON_OBJECT ? v->keys[i].len + 3 : 0);
    return n;
}

uint16_t mn_grammar__schema(mn_gbuild *b, const mn_json *root)
{
    const mn_json *s[1] = {root};
    if (size_of(root, 0) > SCHEMA_BYTES_MAX)
        return mn_grammar__fail(b, MN_E_LIMIT, "a schema is at most %d KiB and %d deep",
                                SCHEMA_BYTES_MAX >> 10, MN_JSON_DEPTH_MAX);
    opening *o = mn_arena_calloc(b->a, 1, sizeof *o);
    mn_gset *alts = mn_arena_alloc(b->a, MN_G_ALTS_MAX * sizeof *alts);
    if (!o || !alts) return mn_grammar__no_memory(b);
    o->b = b;
    o->alts = alts;
    b->root = root;
    uint16_t rule = mn_grammar__rule_of(b, (mn_gset){s, !says_nothing(root)});
    while (b->todo && b->rc == MN_OK) {
        mn_grule *r = b->todo;
        b->todo = r->later;
        make_rule(o, r);
    }
    return mn_grammar__ws_then(b, mn_grammar__call(b, rule, false, b->ret));
}
