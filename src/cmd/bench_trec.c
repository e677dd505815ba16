/* Reading a TREC collection and scoring runs. Own code after the definitions in trec_eval's documentation. */
#include "cmd/bench_trec.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"

#define FILE_MAX ((size_t)256 << 20)

static mn_rc read_file(mn_trec *t, const char *dir, const char *name, mn_str *ret, mn_err *e)
{
    mn_buf b;
    char *path = mn_fs_join(&t->arena, dir, name);
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory for a collection");
    mn_buf_init(&b, 0);
    mn_rc rc = mn_fs_read(path, FILE_MAX, &b, e);
    if (rc == MN_OK) *ret = mn_str_dup(&t->arena, mn_buf_str(&b));
    if (rc == MN_OK && !ret->ptr) rc = mn_fail(e, MN_E_NOMEM, "no memory for a collection");
    mn_buf_release(&b);
    return rc;
}

static size_t count_lines(mn_str s)
{
    size_t n = 1;
    for (size_t i = 0; i < s.len; i++) n += s.ptr[i] == '\n';
    return n;
}

static mn_rc read_posts(mn_trec *t, mn_str rest, mn_err *e)
{
    size_t cap = count_lines(rest);
    t->ids = mn_arena_alloc(&t->arena, cap * sizeof *t->ids);
    t->texts = mn_arena_alloc(&t->arena, cap * sizeof *t->texts);
    if (!t->ids || !t->texts) return mn_fail(e, MN_E_NOMEM, "no memory for a collection");
    while (rest.len) {
        mn_json *j;
        mn_str line = mn_str_split(rest, '\n', &rest);
        if (mn_str_trim(line).len == 0) continue;
        MN_TRY(mn_json_parse(line, &t->arena, &j, e));
        t->ids[t->n_posts] = mn_json_u64(mn_json_get(j, "id"), 0);
        t->texts[t->n_posts++] = mn_json_str(mn_json_get(j, "text"));
    }
    return MN_OK;
}

static mn_rc read_topics(mn_trec *t, mn_str rest, mn_err *e)
{
    t->topics = mn_arena_calloc(&t->arena, count_lines(rest), sizeof *t->topics);
    if (!t->topics) return mn_fail(e, MN_E_NOMEM, "no memory for a collection");
    while (rest.len) {
        mn_json *j;
        mn_str line = mn_str_split(rest, '\n', &rest);
        if (mn_str_trim(line).len == 0) continue;
        MN_TRY(mn_json_parse(line, &t->arena, &j, e));
        mn_trec_topic *p = &t->topics[t->n_topics++];
        p->number = mn_json_u64(mn_json_get(j, "topic"), 0);
        p->newest_id = mn_json_u64(mn_json_get(j, "newest_id"), 0);
        p->query = mn_json_str(mn_json_get(j, "query"));
    }
    return MN_OK;
}

/* The next blank-separated field of a line. */
static mn_str field(mn_str *line)
{
    mn_str s = mn_str_trim(*line);
    size_t n = 0;
    while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '\t') n++;
    *line = mn_str_sub(s, n, s.len);
    return mn_str_sub(s, 0, n);
}

static mn_trec_topic *topic_of(const mn_trec *t, mn_str number)
{
    uint64_t v;
    if (mn_str_to_u64(number, &v) != MN_OK) return NULL;
    for (size_t i = 0; i < t->n_topics; i++)
        if (t->topics[i].number == v) return &t->topics[i];
    return NULL;
}

static int by_value(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

/* Lines "topic 0 id grade". Two passes: how many a topic has, then which. */
static mn_rc read_qrels(mn_trec *t, mn_str all, mn_err *e)
{
    for (int pass = 0; pass < 2; pass++) {
        for (mn_str rest = all; rest.len;) {
            mn_str line = mn_str_split(rest, '\n', &rest);
            mn_trec_topic *p = topic_of(t, field(&line));
            (void)field(&line);
            uint64_t id;
            int64_t grade;
            mn_str id_text = field(&line);
            if (!p || mn_str_to_u64(id_text, &id) != MN_OK ||
                mn_str_to_i64(field(&line), &grade) != MN_OK || grade < 1)
                continue;
            if (pass) p->relevant[p->n_relevant] = id;
            p->n_relevant++;
        }
        for (size_t i = 0; i < t->n_topics && pass == 0; i++) {
            mn_trec_topic *p = &t->topics[i];
            p->relevant = mn_arena_alloc(&t->arena, (p->n_relevant + 1) * sizeof *p->relevant);
            if (!p->relevant) return mn_fail(e, MN_E_NOMEM, "no memory for a collection");
            p->n_relevant = 0;
        }
    }
    for (size_t i = 0; i < t->n_topics; i++)
        qsort(t->topics[i].relevant, t->topics[i].n_relevant, sizeof(uint64_t), by_value);
    return MN_OK;
}

mn_rc mn_trec_load(mn_trec *t, const char *dir, mn_err *e)
{
    mn_str posts, topics, qrels;
    memset(t, 0, sizeof *t);
    mn_arena_init(&t->arena, 0);
    MN_TRY(read_file(t, dir, "posts.jsonl", &posts, e));
    MN_TRY(read_file(t, dir, "topics.jsonl", &topics, e));
    MN_TRY(read_file(t, dir, "qrels.txt", &qrels, e));
    MN_TRY(read_posts(t, posts, e));
    MN_TRY(read_topics(t, topics, e));
    return read_qrels(t, qrels, e);
}

void mn_trec_release(mn_trec *t)
{
    mn_arena_release(&t->arena);
}

mn_str mn_trec_text(const mn_trec *t, uint64_t id)
{
    size_t lo = 0, hi = t->n_posts; /* posts.jsonl is in order of id */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->ids[mid] < id) lo = mid + 1;
        else hi = mid;
    }
    return lo < t->n_posts && t->ids[lo] == id ? t->texts[lo] : MN_STR_NONE;
}

void mn_trec_add(mn_trec_score *s, const mn_trec_topic *t, const uint64_t *ids, size_t n)
{
    double found = 0, sum = 0, first30 = 0;
    if (t->n_relevant == 0) return;
    for (size_t i = 0; i < n; i++) {
        if (!bsearch(&ids[i], t->relevant, t->n_relevant, sizeof *ids, by_value)) continue;
        found++;
        sum += found / (double)(i + 1);
        if (i < 30) first30++;
    }
    s->map += sum / (double)t->n_relevant;
    s->p30 += first30 / 30;
    s->topics++;
}

void mn_trec_mean(mn_trec_score *s)
{
    if (s->topics == 0) return;
    s->map /= (double)s->topics;
    s->p30 /= (double)s->topics;
}

mn_rc mn_trec_score_file(const mn_trec *t, const char *path, mn_trec_score *ret, mn_err *e)
{
    mn_buf b;
    mn_trec_score s = {0};
    uint64_t ids[1000];
    mn_buf_init(&b, 0);
    mn_rc rc = mn_fs_read(path, FILE_MAX, &b, e);
    for (size_t i = 0; rc == MN_OK && i < t->n_topics; i++) {
        size_t n = 0;
        for (mn_str rest = mn_buf_str(&b); rest.len;) {
            mn_str line = mn_str_split(rest, '\n', &rest);
            if (topic_of(t, field(&line)) != &t->topics[i]) continue;
            (void)field(&line);
            if (n < 1000 && mn_str_to_u64(field(&line), &ids[n]) == MN_OK) n++;
        }
        mn_trec_add(&s, &t->topics[i], ids, n);
    }
    mn_buf_release(&b);
    mn_trec_mean(&s);
    if (rc == MN_OK) *ret = s;
    return rc;
}
