/* Inside chat_data: what reading lines and masking turns share. */
#ifndef MN_MODEL_CHAT_INT_H
#define MN_MODEL_CHAT_INT_H

#include "model/chat_data.h"

struct mn_chat_coder {
    const mn_model *m;
    const mn_tokenizer *tok;
    mn_jinja *jinja; /* NULL: a model of ours, which reads threads */
    bool ours;
    bool
        lines; /* no template: "role: text" lines, each answer an example of its own so that it ends */
    uint32_t end;            /* put after what has no end token of its own */
    mn_arena arena, scratch; /* of the line at hand; of one rendering */
    mn_buf whole, part;
    mn_ids ids;
    uint8_t *learn; /* [cap_learn], beside ids */
    size_t cap_learn, *start;
};

/* A stretch of a text, in bytes. */
typedef struct mn_chat__answer {
    size_t from, to;
} mn_chat__answer;

/* Skips the line: gives MN_E_PARSE. */
#define MN_CHAT__SKIP(at, why, e, ...) (*(at) = (why), mn_fail(e, MN_E_PARSE, __VA_ARGS__))

static inline bool mn_chat__is_end(const mn_chat_coder *c, uint32_t id)
{
    for (size_t i = 0; i < c->m->n_end_ids; i++)
        if (c->m->end_ids[i] == id) return true;
    return false;
}
/* Room for marks beside c->ids; zeroed. */
mn_rc mn_chat__marks(mn_chat_coder *c, mn_err *e);
/* c->start[k]: the byte of text at which token k begins. MN_E_PARSE when the tokens do not spell it. */
mn_rc mn_chat__map(mn_chat_coder *c, mn_str text, mn_err *e);
/* Messages (an array, checked) through the template into examples of at most `most` tokens. */
mn_rc mn_chat__turns(mn_chat_coder *c, const mn_json *messages, const mn_json *tools,
                     size_t most, mn_examples *io, bool *ret_cut, mn_chat_skip *ret_skip,
                     mn_err *e);
/* The same as a thread of posts, for models of ours. */
mn_rc mn_chat__thread(mn_chat_coder *c, const mn_json *messages, size_t most, mn_examples *io,
                      bool *ret_cut, mn_chat_skip *ret_skip, mn_err *e);
/* What a post of a model of ours begins with. */
mn_rc mn_chat__conditions(mn_chat_coder *c, mn_str text);

#endif
