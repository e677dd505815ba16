/* Conversations to tune on: JSON lines to tokens, with a mark on each token that is learnt.
 *
 * A line is one of
 *   {"messages":[{"role":"system"|"user"|"assistant"|"tool","content":…},…], "tools":[…]}   through the model's chat template
 *   {"prompt":"…","completion":"…"}    as they are, one after the other, then the end token
 *   {"text":"…"}                       all of it learnt, then the end token
 * Further keys are ignored. What a line says is text: control tokens spelled out in it are never read as such.
 *
 * Learnt are the assistant's turns alone, each from its first character to its end token. Where they lie is found by rendering: the text
 * before turn i with the generation prompt must begin the text up to turn i, which must begin the whole; that holds for templates
 * that write turns one after the other. Where the second does not hold (templates that drop earlier thoughts), each answer
 * becomes an example of its own, with what is before it as the template shows it then. Where the first does not, training would teach another
 * prompt than the one that is given later: such a line is skipped, and said so (with a template that is always so, all are). An
 * assistant's turn that begins a conversation answers nothing and is not learnt.
 *
 * Conversations longer than a row are cut after the last answer that fits. Docs: docs/design/tuning.md. */
#ifndef MN_MODEL_CHAT_DATA_H
#define MN_MODEL_CHAT_DATA_H

#include "model/open.h"
#include "text/jinja.h"

#define MN_CHAT_LINE_MAX  (4u << 20) /* bytes of a line */
#define MN_CHAT_TURNS_MAX 256u
/* What templates are told the day is (strftime_now), so that the same data gives the same tokens: 26 July 2024. */
#define MN_CHAT_DAY_MS INT64_C(1721952000000)

/* Examples as one run of tokens. */
typedef struct mn_examples {
    uint32_t *ids;
    uint8_t *learn; /* 1: this token is learnt when it is the one to predict */
    uint64_t n_ids, cap_ids;
    uint64_t *end; /* example i: ids[i ? end[i - 1] : 0 .. end[i]) */
    uint64_t n, cap;
} mn_examples;
void mn_examples_release(mn_examples *x);
/* Adds one; MN_E_NOMEM, MN_E_LIMIT (2^40 tokens). */
mn_rc mn_examples_add(mn_examples *x, const uint32_t *ids, const uint8_t *learn, size_t n,
                      mn_err *e);

/* Why a line gave nothing. */
typedef enum mn_chat_skip {
    MN_SKIP_NOT_JSON,  /* no JSON object, or a line above the limit */
    MN_SKIP_NO_FORM,   /* none of the three forms, or two of them */
    MN_SKIP_BAD_TURN,  /* a turn without role or content, or too many */
    MN_SKIP_NO_ANSWER, /* nothing to learn in it */
    MN_SKIP_TEMPLATE, /* the template refused it, or shows what is before an answer in two ways */
    MN_SKIP_TOO_LONG,   /* not even the first answer fits */
    MN_SKIP_NOT_MAPPED, /* the tokens do not spell the text: no mask can be made */
    MN_SKIPS
} mn_chat_skip;
const char *mn_chat_skip_name(mn_chat_skip s); /* "not_json" … for JSON and messages */

typedef struct mn_chat_counts {
    uint64_t lines; /* that are not blank */
    uint64_t kept;  /* gave at least one example */
    uint64_t cut;   /* of those, shortened */
    uint64_t skipped[MN_SKIPS];
    uint64_t tokens, learnt;
    char first[256]; /* about the first line that was skipped: "line 7: …"; "" when none was */
} mn_chat_counts;

/* Knows a model's template and tokens. Borrows the model; one thread at a time. */
typedef struct mn_chat_coder mn_chat_coder;
/* Models without template are asked as mn_chat_ids (infer/chat.h) asks them: ours with threads of posts, others with "role: text" lines.
 * errors MN_E_PARSE, MN_E_UNSUPPORTED (the template, with its line; a tokenizer without an end token), MN_E_NOMEM */
mn_rc mn_chat_coder_new(const mn_model *m, mn_chat_coder **ret, mn_err *e);
void mn_chat_coder_free(mn_chat_coder *c);

/* One line into examples of at most `most` tokens ({"text"} may be longer). MN_OK: *ret_cut says whether it was shortened. Skipped lines:
 * MN_E_PARSE, *ret_skip says why and e what exactly, and nothing was added. Others: MN_E_NOMEM, MN_E_LIMIT (2^40 tokens). Total over any bytes. */
mn_rc mn_chat_line(mn_chat_coder *c, mn_str line, size_t most, mn_examples *io, bool *ret_cut,
                   mn_chat_skip *ret_skip, mn_err *e);

/* A whole file's text. A share of the lines (by the hash of each line, so that equal ones are never on both sides; at least one of ten lines or
 * more) goes to *ret_held. errors MN_E_LIMIT: no line was of use (the first reason is in the message), and as above */
mn_rc mn_chat_read(mn_chat_coder *c, mn_str jsonl, size_t most, double held_share,
                   mn_examples *ret_train, mn_examples *ret_held, mn_chat_counts *ret,
                   mn_err *e);
/* Plain text as an example, all of it learnt: begin token, text, end token. */
mn_rc mn_chat_text(mn_chat_coder *c, mn_str text, mn_examples *io, mn_err *e);

#endif
