/* The rules that texts, addresses and newcomers meet, in memory. They are read again, whole, with the first question after
 * somebody has changed them (MN_EV_RULES); those who ask meanwhile wait. A filter that does not compile any more (a newer PCRE2)
 * is left out and named in the log. */
#include "social/moderation_int.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "text/unicode.h"

#define PAGE 1000

typedef struct ip_rule {
    mn_net net;
    mn_ip_severity severity;
    int64_t expires_ms;
} ip_rule;
typedef struct word_rule {
    mn_word *word;
    mn_word_action action;
    uint64_t id;
} word_rule;

struct mn_moderation {
    mn_store *store;
    atomic_bool stale;
    pthread_rwlock_t lock; /* guards what follows */
    mn_arena arena;        /* of it all */
    word_rule *words;
    ip_rule *ips;
    mn_domain_block *domains; /* by domain, bytewise */
    mn_block_line *allows, *email_domains, *email_hashes;
    size_t n_words, n_ips, n_domains, n_allows, n_email_domains, n_email_hashes;
};

/* ---- reading them ------------------------------------------------------------------------------------------------------ */

static void drop(mn_moderation *m)
{
    for (size_t i = 0; i < m->n_words; i++) mn_moderation__word_free(m->words[i].word);
    m->n_words = m->n_ips = m->n_domains = 0;
    m->n_allows = m->n_email_domains = m->n_email_hashes = 0;
    mn_arena_reset(&m->arena);
}

static mn_rc read_words(mn_moderation *m, mn_err *e)
{
    mn_word_filter *f;
    size_t n = 0;
    MN_TRY(mn_store_word_filters(m->store, &m->arena, &f, &n, e));
    m->words = mn_arena_calloc(&m->arena, n + 1, sizeof *m->words);
    if (!m->words) return mn_fail(e, MN_E_NOMEM, "out of memory for word filters");
    for (size_t i = 0; i < n; i++) {
        mn_err why = {0};
        word_rule *r = &m->words[m->n_words];
        mn_rc rc = mn_moderation__word_new(&f[i], &r->word, &why);
        if (rc == MN_E_NOMEM) return mn_fail(e, rc, "%s", why.msg);
        if (rc != MN_OK) {
            mn_warn("moderation", "word filter %llu is left out: %s",
                    (unsigned long long)f[i].id, why.msg);
            continue;
        }
        r->action = f[i].action;
        r->id = f[i].id;
        m->n_words++;
    }
    return MN_OK;
}

/* All rows of a table, page by page, as one array. */
typedef mn_rc page_fn(mn_moderation *m, int what, const mn_page_ids *p, void **ret,
                      size_t *ret_n, mn_err *e);
static mn_rc read_all(mn_moderation *m, page_fn *page, int what, size_t bytes, void **ret,
                      size_t *ret_n, mn_err *e)
{
    char *all = NULL;
    size_t n = 0, got = PAGE;
    mn_page_ids p = {.limit = PAGE};
    while (got == PAGE) {
        void *rows = NULL;
        MN_TRY(page(m, what, &p, &rows, &got, e));
        char *more = mn_arena_alloc(&m->arena, (n + got) * bytes + 1);
        if (!more) return mn_fail(e, MN_E_NOMEM, "out of memory for blocks");
        if (n) memcpy(more, all, n * bytes);
        if (got) memcpy(more + n * bytes, rows, got * bytes);
        all = more;
        n += got;
        if (got)
            memcpy(&p.max_id, more + (n - 1) * bytes, sizeof p.max_id); /* id comes first */
    }
    *ret = all;
    *ret_n = n;
    return MN_OK;
}

static mn_rc ip_page(mn_moderation *m, int what, const mn_page_ids *p, void **ret,
                     size_t *ret_n, mn_err *e)
{
    (void)what;
    return mn_store_ip_blocks(m->store, p, &m->arena, (mn_ip_block **)ret, ret_n, e);
}

static mn_rc domain_page(mn_moderation *m, int what, const mn_page_ids *p, void **ret,
                         size_t *ret_n, mn_err *e)
{
    (void)what;
    return mn_store_domain_blocks(m->store, p, &m->arena, (mn_domain_block **)ret, ret_n, e);
}

static mn_rc line_page(mn_moderation *m, int what, const mn_page_ids *p, void **ret,
                       size_t *ret_n, mn_err *e)
{
    return mn_store_block_lines(m->store, (mn_block_list)what, p, &m->arena,
                                (mn_block_line **)ret, ret_n, e);
}

static mn_rc read_ips(mn_moderation *m, mn_err *e)
{
    mn_ip_block *b;
    size_t n = 0;
    MN_TRY(read_all(m, ip_page, 0, sizeof *b, (void **)&b, &n, e));
    m->ips = mn_arena_calloc(&m->arena, n + 1, sizeof *m->ips);
    if (!m->ips) return mn_fail(e, MN_E_NOMEM, "out of memory for blocks");
    for (size_t i = 0; i < n; i++) {
        mn_err why = {0};
        ip_rule *r = &m->ips[m->n_ips];
        if (mn_moderation__net_parse(b[i].ip, &r->net, &why) != MN_OK) continue;
        r->severity = b[i].severity;
        r->expires_ms = b[i].expires_ms;
        m->n_ips++;
    }
    return MN_OK;
}

static int by_domain(const void *a, const void *b)
{
    return mn_str_cmp(((const mn_domain_block *)a)->domain,
                      ((const mn_domain_block *)b)->domain);
}

static int by_text(const void *a, const void *b)
{
    return mn_str_cmp(((const mn_block_line *)a)->text, ((const mn_block_line *)b)->text);
}

static mn_rc read_lines(mn_moderation *m, mn_block_list l, mn_block_line **ret, size_t *ret_n,
                        mn_err *e)
{
    MN_TRY(read_all(m, line_page, (int)l, sizeof **ret, (void **)ret, ret_n, e));
    if (*ret_n) qsort(*ret, *ret_n, sizeof **ret, by_text);
    return MN_OK;
}

static mn_rc read_rules(mn_moderation *m, mn_err *e)
{
    drop(m);
    MN_TRY(read_words(m, e));
    MN_TRY(read_ips(m, e));
    MN_TRY(read_all(m, domain_page, 0, sizeof *m->domains, (void **)&m->domains, &m->n_domains,
                    e));
    if (m->n_domains) qsort(m->domains, m->n_domains, sizeof *m->domains, by_domain);
    MN_TRY(read_lines(m, MN_LIST_DOMAIN_ALLOWS, &m->allows, &m->n_allows, e));
    MN_TRY(read_lines(m, MN_LIST_EMAIL_DOMAINS, &m->email_domains, &m->n_email_domains, e));
    return read_lines(m, MN_LIST_EMAIL_HASHES, &m->email_hashes, &m->n_email_hashes, e);
}

/* Holds the rules for reading, as fresh as they can be had. When they cannot be read, those there are go on. */
static void hold(mn_moderation *m)
{
    if (atomic_exchange(&m->stale, false)) {
        mn_err e = {0};
        pthread_rwlock_wrlock(&m->lock);
        if (read_rules(m, &e) != MN_OK) {
            mn_error("moderation", "blocks and filters cannot be read: %s", e.msg);
            atomic_store(&m->stale, true);
        }
        pthread_rwlock_unlock(&m->lock);
    }
    pthread_rwlock_rdlock(&m->lock);
}

static void let_go(mn_moderation *m)
{
    pthread_rwlock_unlock(&m->lock);
}

static void heard(void *arg, const mn_event *ev, size_t n)
{
    mn_moderation *m = arg;
    for (size_t i = 0; i < n; i++)
        if (ev[i].kind == MN_EV_RULES || ev[i].kind == MN_EV_ALL) atomic_store(&m->stale, true);
}

mn_rc mn_moderation_new(mn_store *s, mn_moderation **ret, mn_err *e)
{
    mn_moderation *m = mn_calloc(1, sizeof *m);
    if (!m) return mn_fail(e, MN_E_NOMEM, "out of memory for moderation");
    m->store = s;
    mn_arena_init(&m->arena, 0);
    pthread_rwlock_init(&m->lock, NULL);
    mn_rc rc = mn_store_listen(s, heard, m, e);
    if (rc == MN_OK) {
        rc = read_rules(m, e);
        if (rc != MN_OK) mn_store_unlisten(s, heard, m);
    }
    if (rc == MN_OK) {
        *ret = m;
        return MN_OK;
    }
    drop(m);
    mn_arena_release(&m->arena);
    pthread_rwlock_destroy(&m->lock);
    mn_free(m);
    return rc;
}

void mn_moderation_free(mn_moderation *m)
{
    if (!m) return;
    mn_store_unlisten(m->store, heard, m);
    drop(m);
    mn_arena_release(&m->arena);
    pthread_rwlock_destroy(&m->lock);
    mn_free(m);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------------ */

static mn_rc check_trust(const mn_text_ask *t, mn_err *e)
{
    if (t->most_links && t->links > t->most_links)
        return mn_fail(e, MN_E_DENIED, "new accounts may put %zu links into a post",
                       t->most_links);
    if (t->most_mentions && t->mentions > t->most_mentions)
        return mn_fail(e, MN_E_DENIED, "new accounts may mention %zu people in a post",
                       t->most_mentions);
    return MN_OK;
}

static mn_rc ask_words(const mn_moderation *m, mn_str text, mn_text_verdict *v, mn_err *e)
{
    for (size_t i = 0; i < m->n_words; i++) {
        const word_rule *r = &m->words[i];
        if (!mn_moderation__word_fits(r->word, text)) continue;
        v->filter_id = r->id;
        if (r->action == MN_WORD_REJECT)
            return mn_fail(e, MN_E_DENIED,
                           "the text contains something that this community does not allow");
        v->sensitive = v->sensitive || r->action == MN_WORD_SENSITIVE;
        v->report = v->report || r->action == MN_WORD_REPORT;
    }
    return MN_OK;
}

mn_rc mn_moderation_text(mn_moderation *m, const mn_text_ask *t, mn_text_verdict *ret,
                         mn_err *e)
{
    mn_text_verdict v = {0};
    mn_buf b;
    MN_TRY(check_trust(t, e));
    mn_rc rc = MN_OK;
    mn_buf_init(&b, 0);
    hold(m);
    for (size_t i = 0; rc == MN_OK && m->n_words && i < t->n_texts; i++) {
        if (t->texts[i].len == 0) continue;
        mn_buf_clear(&b);
        rc = mn_unfc(t->texts[i], &b);
        if (rc != MN_OK) rc = mn_fail(e, rc, "the text cannot be read as UTF-8");
        else rc = ask_words(m, mn_buf_str(&b), &v, e);
    }
    let_go(m);
    mn_buf_release(&b);
    if (rc == MN_OK) *ret = v;
    return rc;
}

/* ---- addresses ---------------------------------------------------------------------------------------------------------------- */

mn_ip_severity mn_moderation_address(mn_moderation *m, mn_str address)
{
    mn_err e = {0};
    mn_net one;
    mn_ip_severity worst = MN_IP_FREE;
    hold(m);
    if (m->n_ips && mn_moderation__net_parse(address, &one, &e) == MN_OK)
        for (size_t i = 0; i < m->n_ips; i++) {
            const ip_rule *r = &m->ips[i];
            if (r->expires_ms && r->expires_ms <= mn_now_ms()) continue;
            if (r->severity > worst && mn_moderation__net_has(&r->net, one.address))
                worst = r->severity;
        }
    let_go(m);
    return worst;
}

/* ---- domains and e-mail --------------------------------------------------------------------------------------------------------- */

static bool has_line(const mn_block_line *lines, size_t n, mn_str text)
{
    mn_block_line key = {.text = text};
    return n && bsearch(&key, lines, n, sizeof *lines, by_text);
}

/* The domain, then those above it: a.b.example → b.example → example. */
static bool line_above(const mn_block_line *lines, size_t n, mn_str domain)
{
    for (mn_str rest = domain; rest.ptr && rest.len; mn_str_split(rest, '.', &rest))
        if (has_line(lines, n, rest)) return true;
    return false;
}

void mn_email_hash(mn_str email, char ret[65])
{
    uint8_t hash[32];
    mn_buf b;
    mn_str domain, name = mn_str_split(mn_str_trim(email), '@', &domain);
    mn_buf_init(&b, 0);
    name = mn_str_split(name, '+', &(mn_str){0});
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] != '.') mn_buf_addc(&b, name.ptr[i]);
    mn_buf_addc(&b, '@');
    mn_buf_adds(&b, domain);
    for (size_t i = 0; i < b.len; i++)
        if (b.ptr[i] >= 'A' && b.ptr[i] <= 'Z') b.ptr[i] = (char)(b.ptr[i] + 32);
    mn_sha256_of(b.ptr ? b.ptr : "", b.len, hash);
    mn_hex(hash, 32, ret);
    mn_buf_release(&b);
}

bool mn_moderation_email_blocked(mn_moderation *m, mn_str email)
{
    char hash[65], domain[MN_DOMAIN_MAX + 1];
    mn_err e = {0};
    mn_str host;
    mn_str_split(email, '@', &host);
    if (mn_moderation__domain(host, domain, &e) != MN_OK) domain[0] = 0;
    mn_email_hash(email, hash);
    hold(m);
    bool blocked = line_above(m->email_domains, m->n_email_domains, mn_str_from(domain)) ||
                   has_line(m->email_hashes, m->n_email_hashes, mn_str_from(hash));
    let_go(m);
    return blocked;
}

bool mn_moderation_domain(mn_moderation *m, mn_str domain, mn_domain_block *ret)
{
    char z[MN_DOMAIN_MAX + 1];
    mn_err e = {0};
    const mn_domain_block *found = NULL;
    if (mn_moderation__domain(domain, z, &e) != MN_OK) return false;
    hold(m);
    for (mn_str rest = mn_str_from(z); !found && rest.ptr && rest.len && m->n_domains;
         mn_str_split(rest, '.', &rest)) {
        mn_domain_block key = {.domain = rest};
        found = bsearch(&key, m->domains, m->n_domains, sizeof key, by_domain);
    }
    if (found) {
        *ret = *found;
        ret->domain = ret->private_comment = ret->public_comment = MN_STR_NONE;
    }
    let_go(m);
    return found != NULL;
}

bool mn_moderation_domain_allowed(mn_moderation *m, mn_str domain)
{
    char z[MN_DOMAIN_MAX + 1];
    mn_err e = {0};
    if (mn_moderation__domain(domain, z, &e) != MN_OK) return false;
    hold(m);
    bool allowed = m->n_allows == 0 || has_line(m->allows, m->n_allows, mn_str_from(z));
    let_go(m);
    return allowed;
}
