#include "corpus/helper.h"

#include "base/hash.h"
#include "base/mem.h"
#include "corpus/vocab.h"

#define BATCH                                                                                  \
    1024 /* posts: several to a stretch, so that reading overlaps with work where there are threads */
#define PART  128 /* documents that one thread encodes at once */
#define PARTS (MN_HELP_DOCUMENTS / PART)

_Static_assert(MN_HELP_SAMPLE <= BATCH, "a sample is looked at at once");

struct mn_helper {
    mn_pool *pool;
    mn_scanner *scanner;
    mn_scan scan; /* of the stretch at hand */
    mn_buf text;
    uint64_t posts;
    mn_counter *counter; /* NULL: nothing counted */
    mn_tokenizer *tok;
    mn_docform form;
    mn_tok_cache **caches; /* one a thread, with tok */
    int n_caches;
    mn_parcel parcel;
    mn_encoded parts[PARTS];
    mn_rc part_rc[PARTS];
};

mn_rc mn_helper_new(mn_store *store, mn_pool *pool, mn_helper **ret, mn_err *e)
{
    mn_helper *h = mn_calloc(1, sizeof *h);
    if (!h) return mn_fail(e, MN_E_NOMEM, "out of memory");
    h->pool = pool;
    mn_buf_init(&h->text, 0);
    mn_rc rc = mn_scanner_new(store, pool, BATCH, &h->scanner, e);
    if (rc == MN_OK) *ret = h;
    else mn_helper_free(h);
    return rc;
}

static void drop_tokenizer(mn_helper *h)
{
    for (int i = 0; i < h->n_caches; i++) mn_tok_cache_free(h->caches[i]);
    mn_free(h->caches);
    mn_tok_free(h->tok);
    h->caches = NULL;
    h->n_caches = 0;
    h->tok = NULL;
}

void mn_helper_free(mn_helper *h)
{
    if (!h) return;
    drop_tokenizer(h);
    for (size_t k = 0; k < PARTS; k++) mn_encoded_release(&h->parts[k]);
    mn_parcel_release(&h->parcel);
    mn_counter_free(h->counter);
    mn_scan_release(&h->scan);
    mn_buf_release(&h->text);
    mn_scanner_free(h->scanner);
    mn_free(h);
}

static mn_rc unreadable(mn_rc rc, mn_err *e)
{
    if (rc == MN_E_NOMEM) return mn_fail(e, rc, "out of memory");
    return mn_fail(e, MN_E_CORRUPT, "what the ranks tell each other does not fit together");
}

/* ---- a stretch of the store ------------------------------------------------------------------------------------------ */

static mn_rc add_batch(void *arg, const mn_scan *is, mn_str text, size_t posts, mn_err *e)
{
    mn_helper *h = arg;
    mn_rc rc = mn_scan_append(&h->scan, is);
    if (rc == MN_OK) rc = mn_buf_adds(&h->text, text);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory while cleaning posts");
    h->posts += posts;
    return MN_OK;
}

static void clear_scan(mn_helper *h)
{
    mn_scan_clear(&h->scan);
    mn_buf_clear(&h->text);
    h->posts = 0;
}

static mn_rc scan(mn_helper *h, mn_str request, mn_buf *ret, mn_err *e)
{
    mn_scan_rules rules;
    uint64_t after, until;
    mn_rc rc = mn_wire_take_stretch(request, &rules, &after, &until);
    if (rc != MN_OK) return unreadable(rc, e);
    clear_scan(h);
    MN_TRY(mn_scanner_run(h->scanner, &rules, after, until, add_batch, h, e));
    rc = mn_wire_put_scan(&h->scan, mn_buf_str(&h->text), h->posts, ret);
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory");
}

/* ---- words and tokens ------------------------------------------------------------------------------------------------ */

static mn_rc count(mn_helper *h, mn_str request, mn_err *e)
{
    mn_rc rc = mn_wire_take_texts(request, &h->parcel);
    if (rc != MN_OK) return unreadable(rc, e);
    if (!h->counter) MN_TRY(mn_counter_new(h->pool, &h->counter, e));
    return mn_counter_add(h->counter, &h->parcel.is, e);
}

static mn_rc words(mn_helper *h, mn_buf *ret, mn_err *e)
{
    mn_tok_trainer *t;
    uint64_t bytes;
    if (!h->counter) return MN_OK;
    MN_TRY(mn_counter_words(h->counter, &t, &bytes, e));
    mn_rc rc = mn_tok_trainer_put(t, ret);
    mn_counter_free(h->counter);
    h->counter = NULL;
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory");
}

static mn_rc make_caches(mn_helper *h, mn_err *e)
{
    const int threads = mn_pool_threads(h->pool);
    h->caches = mn_calloc((size_t)threads, sizeof *h->caches);
    if (!h->caches) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (; h->n_caches < threads; h->n_caches++)
        MN_TRY(mn_tok_cache_new(&h->caches[h->n_caches], e));
    return MN_OK;
}

static mn_rc tokenizer(mn_helper *h, mn_str request, mn_buf *ret, mn_err *e)
{
    uint8_t hash[32];
    if (request.len < sizeof h->form) return unreadable(MN_E_PARSE, e);
    drop_tokenizer(h);
    memcpy(&h->form, request.ptr, sizeof h->form);
    MN_TRY(mn_tok_parse(mn_str_sub(request, sizeof h->form, SIZE_MAX), &h->tok, e));
    MN_TRY(make_caches(h, e));
    mn_tok_hash(h->tok, hash);
    return mn_buf_add(ret, hash, sizeof hash);
}

static void encode_part(void *arg, size_t k, int thread)
{
    mn_helper *h = arg;
    const mn_texts *t = &h->parcel.is;
    mn_encoded *p = &h->parts[k];
    p->from = k * PART;
    p->to = p->from + PART < t->n ? p->from + PART : t->n;
    h->part_rc[k] = mn_corpus_encode(t, h->tok, &h->form, h->caches[thread], p);
}

static mn_rc encode(mn_helper *h, mn_str request, mn_buf *ret, mn_err *e)
{
    mn_rc rc = mn_wire_take_texts(request, &h->parcel);
    const size_t n = rc == MN_OK ? (h->parcel.is.n + PART - 1) / PART : 0;
    if (rc != MN_OK || !h->tok || n > PARTS) return unreadable(rc, e);
    mn_pool_run(h->pool, n, encode_part, h);
    for (size_t k = 0; k < n && rc == MN_OK; k++) rc = h->part_rc[k];
    if (rc == MN_OK) rc = mn_wire_put_encoded(h->parts, n, ret);
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory while encoding the corpus");
}

mn_rc mn_helper_do(void *helper, uint32_t op, mn_str request, mn_buf *ret, mn_err *e)
{
    mn_helper *h = helper;
    switch (op) {
    case MN_HELP_SCAN:
        return scan(h, request, ret, e);
    case MN_HELP_COUNT:
        return count(h, request, e);
    case MN_HELP_WORDS:
        return words(h, ret, e);
    case MN_HELP_TOKENIZER:
        return tokenizer(h, request, ret, e);
    case MN_HELP_ENCODE:
        return encode(h, request, ret, e);
    default:
        return unreadable(MN_E_PARSE, e);
    }
}

/* ---- do we do the same? ---------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    return mn_hash64(p, n, h);
}

/* Fields one by one: what lies between them is nobody's. */
static uint64_t number_of(const mn_scan *s, mn_str text)
{
    uint64_t h = mix(s->cands.n, text.ptr, text.len);
    for (size_t i = 0; i < s->cands.n; i++) {
        const mn_cand *c = &s->cands.items[i];
        h = mix(h, &c->id, sizeof c->id);
        h = mix(h, &c->lang, sizeof c->lang);
        h = mix(h, c->form, sizeof c->form);
        h = mix(h, &c->opening, sizeof c->opening);
        if (c->form_n >= MN_MIN_FORM) h = mix(h, c->bands, sizeof c->bands);
    }
    for (size_t i = 0; i < s->n_dropped; i++) {
        const uint64_t d[] = {s->dropped[i].id, s->dropped[i].why};
        h = mix(h, d, sizeof d);
    }
    return h;
}

mn_rc mn_helper_try(mn_helper *h, const mn_posts *posts, bool keep_handles, uint64_t *ret,
                    mn_err *e)
{
    mn_post open[MN_HELP_SAMPLE];
    mn_scan_rules rules = {.keep_handles = keep_handles};
    MN_ASSERT(posts->n <= MN_HELP_SAMPLE);
    for (size_t i = 0; i < posts->n; i++) {
        open[i] = posts->items[i];
        open[i].deleted_ms = 0;
        open[i].boost_of = 0;
        open[i].visibility = MN_VIS_PUBLIC;
        open[i].account_state = MN_ACCOUNT_ACTIVE;
        open[i].consent =
            mn_consents_set(open[i].consent, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    }
    clear_scan(h);
    MN_TRY(mn_scanner_look(h->scanner, &rules, &(mn_posts){open, posts->n}, add_batch, h, e));
    *ret = number_of(&h->scan, mn_buf_str(&h->text));
    return MN_OK;
}
