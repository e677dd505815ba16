/* Filters on sequences, and the methods of dicts, lists and loops. */
#include "text/jinja_int.h"

#include <string.h>

static bool given(jval v)
{
    return v.type != J_MISSING;
}

static bool yes(jval v)
{
    return given(v) && mn_jinja__truth(v);
}

/* ---- attributes by path ------------------------------------------------------------------------------------------- */

/* item.a.0.b for "a.0.b"; by: J_STR, an integer, or none for the item itself. fallback, where given, stands for what is undefined. */
static mn_rc path(jx *x, jval item, jval by, jval fallback, jval *ret)
{
    jval key;
    *ret = item;
    if (!given(by) || by.type == J_NONE) return MN_OK;
    if (by.type != J_STR) return mn_jinja__item(x, item, by, ret);
    size_t from = 0;
    for (bool more = true; more;) {
        size_t dot = mn_str_find(mn_jinja__bytes(by), MN_STR("."), from);
        more = dot != SIZE_MAX;
        if (!more) dot = by.len;
        key = mn_jinja__sub(by, from, dot - from);
        int64_t i;
        if (key.len && key.len < 18 && mn_str_to_i64(mn_jinja__bytes(key), &i) == MN_OK &&
            i >= 0)
            key = mn_jinja__int(i);
        MN_TRY(mn_jinja__item(x, *ret, key, ret));
        if (ret->type == J_UNDEF && given(fallback) && fallback.type != J_NONE) *ret = fallback;
        from = dot + 1;
    }
    return MN_OK;
}

/* What is sorted and compared by: strings without their case unless case matters. */
static mn_rc key_of(jx *x, jval item, jval by, bool with_case, jval *ret)
{
    MN_TRY(path(x, item, by, (jval){.type = J_MISSING}, ret));
    return ret->type == J_STR && !with_case ? mn_jinja__lower(x, *ret, ret) : MN_OK;
}

/* ---- sorting ------------------------------------------------------------------------------------------------------ */

typedef struct sorting {
    jx *x;
    jval *v, *spare;
    const jval *keys; /* by index; v holds indices then */
} sorting;

static mn_rc merge(sorting *s, size_t from, size_t mid, size_t to, bool reverse)
{
    size_t a = from, b = mid;
    for (size_t at = from; at < to; at++) {
        int c = 0;
        if (a < mid && b < to) {
            bool same; /* what is equal needs no order: two undefined keys, two dicts */
            MN_TRY(mn_jinja__equal(s->x, s->keys[s->v[b].i], s->keys[s->v[a].i], &same));
            if (!same)
                MN_TRY(mn_jinja__order(s->x, s->keys[s->v[b].i], s->keys[s->v[a].i], &c));
            if (reverse) c = -c;
        }
        s->spare[at] = a == mid || (b < to && c < 0) ? s->v[b++] : s->v[a++];
    }
    memcpy(s->v + from, s->spare + from, (to - from) * sizeof *s->v);
    return MN_OK;
}

/* Stable, also in reverse, as Python's. v: indices into keys. */
mn_rc mn_jinja__sort(jx *x, jval *v, const jval *keys, size_t n, bool reverse)
{
    sorting s = {.x = x, .v = v, .keys = keys};
    if (n < 2) return MN_OK;
    s.spare = mn_jinja__alloc(x, n, sizeof *s.spare);
    if (!s.spare) return x->e->rc;
    for (size_t width = 1; width < n; width *= 2)
        for (size_t from = 0; from + width < n; from += 2 * width)
            MN_TRY(merge(&s, from, from + width, from + 2 * width < n ? from + 2 * width : n,
                         reverse));
    return MN_OK;
}

/* l in the order of its keys. */
static mn_rc sorted(jx *x, const jlist *l, const jval *keys, bool reverse, jval *ret)
{
    MN_TRY(mn_jinja__list_new(x, J_LIST, l->n, ret));
    jval *at = ret->list->items;
    for (size_t i = 0; i < l->n; i++) at[i] = mn_jinja__int((int64_t)i);
    MN_TRY(mn_jinja__sort(x, at, keys, l->n, reverse));
    for (size_t i = 0; i < l->n; i++) at[i] = l->items[at[i].i];
    ret->list->n = l->n;
    return MN_OK;
}

static mn_rc sort(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    jval by = c->arg[2];
    if (by.type == J_STR && memchr(mn_jinja__bytes(by).ptr, ',', by.len))
        return mn_jinja__fail(x, MN_E_UNSUPPORTED,
                              "sorting by several attributes is not supported");
    jval *keys = mn_jinja__alloc(x, l.n, sizeof *keys);
    if (!keys) return x->e->rc;
    for (size_t i = 0; i < l.n; i++)
        MN_TRY(key_of(x, l.items[i], by, yes(c->arg[1]), &keys[i]));
    return sorted(x, &l, keys, yes(c->arg[0]), ret);
}

static mn_rc dictsort(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    mn_str by = MN_STR("key");
    jval v = c->self;
    if (v.type == J_UNDEF) return mn_jinja__undefined(x, v);
    if (v.type != J_DICT)
        return mn_jinja__fail(x, MN_E_PARSE, "dictsort needs a dict, not a %s",
                              mn_jinja__type_name(v));
    if (given(c->arg[1])) {
        MN_TRY(mn_jinja__want_str(x, c->arg[1], "what dictsort sorts by"));
        by = mn_jinja__bytes(c->arg[1]);
    }
    if (!mn_str_eqz(by, "key") && !mn_str_eqz(by, "value"))
        return mn_jinja__fail(x, MN_E_PARSE, "dictsort sorts by key or by value");
    v.type = J_VIEW;
    v.op = 'i';
    MN_TRY(mn_jinja__items(x, v, &l));
    jval *keys = mn_jinja__alloc(x, l.n, sizeof *keys);
    if (!keys) return x->e->rc;
    for (size_t i = 0; i < l.n; i++)
        MN_TRY(key_of(x, l.items[i].list->items[mn_str_eqz(by, "value")],
                      (jval){.type = J_MISSING}, yes(c->arg[0]), &keys[i]));
    return sorted(x, &l, keys, yes(c->arg[2]), ret);
}

/* ---- picking ------------------------------------------------------------------------------------------------------- */

static mn_rc first(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    *ret =
        l.n ? l.items[0]
            : mn_jinja__undef(JU_HINT, J_LIST, MN_STR("no first item, the sequence is empty"));
    if (c->self.type == J_ITER && l.n) c->self.list->at -= l.n - 1;
    return MN_OK;
}

static mn_rc last(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    if (c->self.type == J_ITER)
        return mn_jinja__fail(x, MN_E_PARSE, "a generator cannot be walked from its end");
    MN_TRY(mn_jinja__items(x, c->self, &l));
    *ret =
        l.n ? l.items[l.n - 1]
            : mn_jinja__undef(JU_HINT, J_LIST, MN_STR("no last item, the sequence is empty"));
    return MN_OK;
}

static mn_rc length(jx *x, const jcall *c, jval *ret)
{
    size_t n;
    bool has;
    MN_TRY(mn_jinja__length(x, c->self, &n, &has));
    if (!has)
        return mn_jinja__fail(x, MN_E_PARSE, "a %s has no length",
                              mn_jinja__type_name(c->self));
    *ret = mn_jinja__int((int64_t)n);
    return MN_OK;
}

static mn_rc copy(jx *x, const jlist *l, jtype type, jval *ret)
{
    MN_TRY(mn_jinja__list_new(x, type, l->n, ret));
    for (size_t i = 0; i < l->n; i++) MN_TRY(mn_jinja__list_add(x, ret->list, l->items[i]));
    return MN_OK;
}

static mn_rc list(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    return copy(x, &l, J_LIST, ret);
}

static mn_rc items(jx *x, const jcall *c, jval *ret)
{
    jlist l = {0};
    jval v = c->self;
    if (v.type != J_DICT && v.type != J_UNDEF)
        return mn_jinja__fail(x, MN_E_PARSE, "items needs a mapping, not a %s",
                              mn_jinja__type_name(v));
    if (v.type == J_DICT) {
        v.type = J_VIEW;
        v.op = 'i';
        MN_TRY(mn_jinja__items(x, v, &l));
    }
    return copy(x, &l, J_ITER, ret);
}

static mn_rc reverse(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    jval v = c->self;
    if (v.type == J_STR) {
        jval part[3] = {{.type = J_MISSING}, {.type = J_MISSING}, mn_jinja__int(-1)};
        return mn_jinja__slice(x, v, part, ret);
    }
    MN_TRY(mn_jinja__items(x, v, &l));
    MN_TRY(mn_jinja__list_new(x, v.type == J_ITER ? J_LIST : J_ITER, l.n, ret));
    for (size_t i = l.n; i > 0; i--) MN_TRY(mn_jinja__list_add(x, ret->list, l.items[i - 1]));
    return MN_OK;
}

static mn_rc join(jx *x, const jcall *c, jval *ret)
{
    jlist l, out = {0};
    jval by;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    MN_TRY(mn_jinja__str(x, MN_STR(""), &by));
    if (given(c->arg[0])) MN_TRY(mn_jinja__to_str(x, c->arg[0], &by));
    for (size_t i = 0; i < l.n; i++) {
        jval v;
        MN_TRY(path(x, l.items[i], c->arg[1], (jval){.type = J_MISSING}, &v));
        MN_TRY(mn_jinja__list_add(x, &out, v));
    }
    return mn_jinja__join(x, by, &out, ret);
}

static mn_rc unique(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    jval seen, key;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    MN_TRY(mn_jinja__list_new(x, J_ITER, 0, ret));
    MN_TRY(mn_jinja__dict_new(x, 0, &seen));
    for (size_t i = 0; i < l.n; i++) {
        const jval *had;
        MN_TRY(key_of(x, l.items[i], c->arg[1], yes(c->arg[0]), &key));
        MN_TRY(mn_jinja__dict_get(x, seen.dict, key, &had));
        if (had) continue;
        MN_TRY(mn_jinja__dict_set(x, seen.dict, key, mn_jinja__none()));
        MN_TRY(mn_jinja__list_add(x, ret->list, l.items[i]));
    }
    return MN_OK;
}

static mn_rc extreme(jx *x, const jcall *c, int sign, jval *ret)
{
    jlist l;
    jval best, key;
    int order;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    *ret =
        mn_jinja__undef(JU_HINT, J_LIST, MN_STR("no aggregated item, the sequence is empty"));
    for (size_t i = 0; i < l.n; i++) {
        MN_TRY(key_of(x, l.items[i], c->arg[1], yes(c->arg[0]), &key));
        if (i) {
            MN_TRY(mn_jinja__order(x, key, best, &order));
            if (order * sign <= 0) continue;
        }
        best = key;
        *ret = l.items[i];
    }
    return MN_OK;
}

static mn_rc min_(jx *x, const jcall *c, jval *ret)
{
    return extreme(x, c, -1, ret);
}

static mn_rc max_(jx *x, const jcall *c, jval *ret)
{
    return extreme(x, c, 1, ret);
}

static mn_rc sum(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    *ret = given(c->arg[1]) ? c->arg[1] : mn_jinja__int(0);
    for (size_t i = 0; i < l.n; i++) {
        jval v;
        MN_TRY(path(x, l.items[i], c->arg[0], (jval){.type = J_MISSING}, &v));
        if (v.type == J_STR)
            return mn_jinja__fail(x, MN_E_PARSE, "strings cannot be summed, only joined");
        MN_TRY(mn_jinja__math(x, '+', *ret, v, ret));
    }
    return MN_OK;
}

/* ---- by filters and tests ------------------------------------------------------------------------------------------ */

static const jval *keyword(const jargs *a, const char *name)
{
    for (size_t i = 0; i < a->n_kw; i++)
        if (mn_str_eqz(a->kw[i].name, name)) return &a->kw[i].v;
    return NULL;
}

static mn_rc map(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    const jval *by = keyword(c->args, "attribute"), *fallback = keyword(c->args, "default");
    const jval none = {.type = J_MISSING};
    jargs rest = *c->args;
    if (!rest.n && !by)
        return mn_jinja__fail(x, MN_E_PARSE, "map needs a filter or an attribute");
    if (rest.n) {
        by = NULL;
        MN_TRY(mn_jinja__want_str(x, rest.pos[0], "the name of a filter"));
        rest.pos++;
        rest.n--;
    } else if (rest.n_kw != 1u + (fallback != NULL)) {
        return mn_jinja__fail(x, MN_E_PARSE, "map takes attribute and default, nothing else");
    }
    MN_TRY(mn_jinja__list_new(x, J_ITER, 0, ret));
    if (!mn_jinja__truth(c->self)) return MN_OK;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    for (size_t i = 0; i < l.n; i++) {
        jval v;
        if (by) MN_TRY(path(x, l.items[i], *by, fallback ? *fallback : none, &v));
        else
            MN_TRY(
                mn_jinja__filter(x, mn_jinja__bytes(c->args->pos[0]), l.items[i], &rest, &v));
        MN_TRY(mn_jinja__list_add(x, ret->list, v));
    }
    return MN_OK;
}

/* Those for which a test holds (or not); with_attr: of their attribute named first. Without a test: those that are true. */
static mn_rc pick(jx *x, const jcall *c, bool want, bool with_attr, jval *ret)
{
    jlist l;
    jval by = {.type = J_MISSING}, test = by;
    jargs rest = *c->args;
    if (with_attr && !rest.n)
        return mn_jinja__fail(x, MN_E_PARSE, "an attribute's name is missing");
    if (with_attr) by = *rest.pos++, rest.n--;
    if (rest.n) {
        test = *rest.pos++, rest.n--;
        MN_TRY(mn_jinja__want_str(x, test, "the name of a test"));
    }
    MN_TRY(mn_jinja__list_new(x, J_ITER, 0, ret));
    if (!mn_jinja__truth(c->self)) return MN_OK;
    MN_TRY(mn_jinja__items(x, c->self, &l));
    for (size_t i = 0; i < l.n; i++) {
        jval v;
        MN_TRY(path(x, l.items[i], by, (jval){.type = J_MISSING}, &v));
        bool is = mn_jinja__truth(v);
        if (given(test)) MN_TRY(mn_jinja__test(x, mn_jinja__bytes(test), v, &rest, &is));
        if (is == want) MN_TRY(mn_jinja__list_add(x, ret->list, l.items[i]));
    }
    return MN_OK;
}

static mn_rc select_(jx *x, const jcall *c, jval *ret)
{
    return pick(x, c, true, false, ret);
}

static mn_rc reject(jx *x, const jcall *c, jval *ret)
{
    return pick(x, c, false, false, ret);
}

static mn_rc selectattr(jx *x, const jcall *c, jval *ret)
{
    return pick(x, c, true, true, ret);
}

static mn_rc rejectattr(jx *x, const jcall *c, jval *ret)
{
    return pick(x, c, false, true, ret);
}

const jfunc mn_jinja__filters_seq[] = {
    {"first", first, "", 0},
    {"last", last, "", 0},
    {"length", length, "", 0},
    {"count", length, "", 0},
    {"list", list, "", 0},
    {"items", items, "", 0},
    {"reverse", reverse, "", 0},
    {"join", join, "d,attribute", 0},
    {"sort", sort, "reverse,case_sensitive,attribute", 0},
    {"dictsort", dictsort, "case_sensitive,by,reverse", 0},
    {"unique", unique, "case_sensitive,attribute", 0},
    {"min", min_, "case_sensitive,attribute", 0},
    {"max", max_, "case_sensitive,attribute", 0},
    {"sum", sum, "attribute,start", 0},
    {"map", map, NULL, 0},
    {"select", select_, NULL, 0},
    {"reject", reject, NULL, 0},
    {"selectattr", selectattr, NULL, 0},
    {"rejectattr", rejectattr, NULL, 0},
    {0},
};

/* ---- methods ------------------------------------------------------------------------------------------------------- */

static mn_rc dict_get(jx *x, const jcall *c, jval *ret)
{
    const jval *v;
    MN_TRY(mn_jinja__dict_get(x, c->self.dict, c->arg[0], &v));
    *ret = v ? *v : given(c->arg[1]) ? c->arg[1] : mn_jinja__none();
    return MN_OK;
}

static mn_rc view(const jcall *c, char what, jval *ret)
{
    *ret = c->self;
    ret->type = J_VIEW;
    ret->op = (uint8_t)what;
    return MN_OK;
}

static mn_rc dict_keys(jx *x, const jcall *c, jval *ret)
{
    (void)x;
    return view(c, 'k', ret);
}

static mn_rc dict_values(jx *x, const jcall *c, jval *ret)
{
    (void)x;
    return view(c, 'v', ret);
}

static mn_rc dict_items(jx *x, const jcall *c, jval *ret)
{
    (void)x;
    return view(c, 'i', ret);
}

/* Nothing changes a dict or a list: a copy is as good as the thing itself. */
static mn_rc same(jx *x, const jcall *c, jval *ret)
{
    (void)x;
    *ret = c->self;
    return MN_OK;
}

const jfunc mn_jinja__dict_methods[] = {
    {"get", dict_get, "/,/", 1},  {"keys", dict_keys, "", 0}, {"values", dict_values, "", 0},
    {"items", dict_items, "", 0}, {"copy", same, "", 0},      {0},
};

static mn_rc list_count(jx *x, const jcall *c, jval *ret)
{
    int64_t n = 0;
    for (size_t i = 0; i < c->self.list->n; i++) {
        bool is;
        MN_TRY(mn_jinja__equal(x, c->self.list->items[i], c->arg[0], &is));
        n += is;
    }
    *ret = mn_jinja__int(n);
    return MN_OK;
}

static mn_rc list_index(jx *x, const jcall *c, jval *ret)
{
    for (size_t i = 0; i < c->self.list->n; i++) {
        bool is;
        MN_TRY(mn_jinja__equal(x, c->self.list->items[i], c->arg[0], &is));
        if (!is) continue;
        *ret = mn_jinja__int((int64_t)i);
        return MN_OK;
    }
    return mn_jinja__fail(x, MN_E_PARSE, "the list does not contain what index looks for");
}

const jfunc mn_jinja__list_methods[] = {
    {"count", list_count, "/", 1}, {"index", list_index, "/", 1}, {"copy", same, "", 0}, {0}};
const jfunc mn_jinja__tuple_methods[] = {
    {"count", list_count, "/", 1}, {"index", list_index, "/", 1}, {0}};

static mn_rc cycle(jx *x, const jcall *c, jval *ret)
{
    if (!c->args->n || c->args->n_kw)
        return mn_jinja__fail(x, MN_E_PARSE, "loop.cycle needs values to choose from");
    *ret = c->args->pos[c->self.loop->at % c->args->n];
    return MN_OK;
}

static mn_rc changed(jx *x, const jcall *c, jval *ret)
{
    jval now;
    bool same_ = false;
    jloop *l = c->self.loop;
    jlist given_ = {.items = c->args->pos, .n = c->args->n};
    MN_TRY(copy(x, &given_, J_TUPLE, &now));
    if (l->changed.type != J_MISSING) MN_TRY(mn_jinja__equal(x, l->changed, now, &same_));
    l->changed = now;
    *ret = mn_jinja__bool(!same_);
    return MN_OK;
}

const jfunc mn_jinja__loop_methods[] = {
    {"cycle", cycle, NULL, 0}, {"changed", changed, NULL, 0}, {0}};
