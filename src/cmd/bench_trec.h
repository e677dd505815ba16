/* A TREC microblog collection in memory (posts.jsonl, topics.jsonl, qrels.txt) and the two
 * measures reported: mean average precision, and precision among the first 30. Relevant = grade
 * ≥ 1; topics without a relevant post are left out, as trec_eval does. */
#ifndef MN_CMD_BENCH_TREC_H
#define MN_CMD_BENCH_TREC_H

#include "mind/search.h"

typedef struct mn_trec_topic {
    uint64_t number, newest_id; /* only posts up to newest_id may be retrieved */
    mn_str query;
    uint64_t *relevant; /* rising */
    size_t n_relevant;
} mn_trec_topic;

typedef struct mn_trec {
    mn_arena arena;
    uint64_t *ids; /* of posts, with texts */
    mn_str *texts;
    size_t n_posts;
    mn_trec_topic *topics;
    size_t n_topics;
} mn_trec;

/* MN_E_NOT_FOUND when the folder lacks a file. Free with mn_trec_release, also after a failure. */
mn_rc mn_trec_load(mn_trec *t, const char *dir, mn_err *e);
void mn_trec_release(mn_trec *t);
mn_str mn_trec_text(const mn_trec *t, uint64_t id); /* absent: MN_STR_NONE */

typedef struct mn_trec_score {
    double map, p30; /* sums until mn_trec_mean */
    size_t topics;
} mn_trec_score;
void mn_trec_add(mn_trec_score *s, const mn_trec_topic *t, const uint64_t *ids, size_t n);
void mn_trec_mean(mn_trec_score *s);
/* A run in TREC's format ("topic Q0 id rank score name"), taken in the order of its lines. */
mn_rc mn_trec_score_file(const mn_trec *t, const char *path, mn_trec_score *ret, mn_err *e);

#endif
