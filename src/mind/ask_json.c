/* The answer as JSON, the same for the command line and for HTTP. */
#include "mind/ask.h"

static void line_write(mn_json_writer *w, const mn_answer_line *l)
{
    mn_jw_object(w);
    mn_jw_kstr(w, "text", l->text);
    mn_jw_key(w, "citations");
    mn_jw_array(w);
    for (size_t i = 0; i < l->n_citations; i++) mn_jw_id(w, l->citations[i]);
    mn_jw_array_end(w);
    mn_jw_ku64(w, "n_posts", l->n_posts);
    mn_jw_ku64(w, "n_accounts", l->n_accounts);
    mn_jw_ki64(w, "first_ms", l->first_ms);
    mn_jw_kbool(w, "unconfirmed", l->unconfirmed);
    mn_jw_kbool(w, "generated", l->generated);
    mn_jw_object_end(w);
}

void mn_answer_write(const mn_answer *a, mn_json_writer *w,
                     void (*post)(mn_json_writer *w, const mn_post *p))
{
    mn_jw_object(w);
    mn_jw_kbool(w, "found", a->found);
    mn_jw_key(w, "answer");
    mn_jw_array(w);
    for (size_t i = 0; i < a->n_lines; i++) line_write(w, &a->lines[i]);
    mn_jw_array_end(w);
    mn_jw_key(w, "posts");
    mn_jw_array(w);
    for (size_t i = 0; i < a->posts.n; i++) post(w, &a->posts.items[i]);
    mn_jw_array_end(w);
    mn_jw_ku64(w, "withheld", a->withheld);
    mn_jw_kf64(w, "took_ms", a->took_ms);
    mn_jw_object_end(w);
}
