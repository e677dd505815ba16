/* Ask: cited answers from posts, or the plain statement that nothing here speaks of it.
 *
 * retrieve → group near-duplicates → choose sentences → cite. Extractive: every sentence shown
 * is a post's own words and carries the ids it stands on. With a model, its sentence is shown
 * only if the support check passes, marked as generated.
 */
#ifndef MN_MIND_ASK_H
#define MN_MIND_ASK_H

#include "base/json.h"
#include "infer/infer.h"
#include "mind/search.h"

#define MN_ASK_CITATIONS_MAX 4

typedef struct mn_answer_line {
    mn_str text;         /* word for word out of the first citation's text, unless generated */
    uint64_t *citations; /* post ids, the one quoted first, then up to 3 that say the same */
    size_t n_citations;
    size_t n_posts, n_accounts; /* how many say the same (not only those cited) */
    int64_t first_ms;           /* when it was first said */
    bool
        unconfirmed; /* fewer than two accounts say it in words of their own: show it as unconfirmed */
    bool generated; /* by the model, and supported by the citations */
} mn_answer_line;

typedef struct mn_answer {
    bool found;
    mn_answer_line *lines;
    size_t n_lines;
    mn_posts posts;  /* every cited post once, in order of first citation */
    size_t withheld; /* matching posts whose authors have not allowed quoting */
    double took_ms;
} mn_answer;

typedef struct mn_ask_opts {
    uint64_t before; /* as in search */
    uint64_t
        viewer; /* 0: anonymous; answers quote only what everybody may see, so they are the same for all */
    mn_engine *engine; /* NULL: extractive only */
    size_t max_lines;  /* 0: 5 */
} mn_ask_opts;
/* Only posts that everybody may see and whose author allows `inference_input` (mn_social_allows)
 * are quoted. When posts match but none may be quoted, found is false and withheld says how
 * many. Everything lives in the arena. */
mn_rc mn_ask(mn_search *x, mn_store *s, mn_str question, const mn_ask_opts *o, mn_arena *a,
             mn_answer *ret, mn_err *e);

/* {"found","answer":[{"text","citations",…}],"posts":[…],"withheld","took_ms"}: the answer as every door gives it out;
 * `post` writes one cited post, in the form that the door has for posts. */
void mn_answer_write(const mn_answer *a, mn_json_writer *w,
                     void (*post)(mn_json_writer *w, const mn_post *p));

#endif
