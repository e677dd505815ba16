/* A conversation with a model, as `mynah chat` has it: its messages, and what the model's cache holds of them. No terminal here. */
#ifndef MN_CMD_CHAT_TALK_H
#define MN_CMD_CHAT_TALK_H

#include "infer/chat.h"

typedef struct mn_talk_message {
    bool assistant;
    char *text; /* UTF-8 */
} mn_talk_message;

typedef struct mn_talk {
    mn_engine *g;
    mn_seq *seq;
    mn_ids fed; /* what the sequence holds */
    mn_sampling sampling;
    uint32_t max_tokens; /* of an answer; 0: until the context is full */
    char *system;        /* NULL: none (the template may have one of its own) */
    mn_talk_message *messages;
    size_t n, cap;
    uint64_t answers; /* given so far: each has a seed of its own, sampling.seed + answers */
    bool told;        /* that the oldest messages were forgotten */
} mn_talk;

typedef enum mn_talk_end { MN_TALK_DONE, MN_TALK_LENGTH, MN_TALK_STOPPED } mn_talk_end;

typedef struct mn_talk_answer {
    mn_talk_end end;
    uint32_t prompt_tokens, cached_tokens; /* cached: of the prompt, were in the cache */
    uint32_t tokens;
    double seconds;   /* of all; */
    double first_s;   /* until the first token */
    size_t forgotten; /* messages dropped from the front for want of room */
} mn_talk_answer;

/* Takes the engine when it succeeds. */
mn_rc mn_talk_open(mn_engine *g, mn_talk *io, mn_err *e);
/* Another model (taken, and the one before freed when it succeeds); messages stay. */
mn_rc mn_talk_engine(mn_talk *t, mn_engine *g, mn_err *e);
void mn_talk_release(mn_talk *t);
/* Copies; bytes that are no UTF-8 become U+FFFD. */
mn_rc mn_talk_add(mn_talk *t, bool assistant, mn_str text, mn_err *e);
void mn_talk_drop_last(mn_talk *t);
/* MN_STR_NONE: none. */
mn_rc mn_talk_system(mn_talk *t, mn_str text, mn_err *e);
void mn_talk_reset(mn_talk *t); /* forgets the messages, keeps what the system says */

/* Answers the messages, the last of which is the person's, and adds the answer to them. Only what the cache lacks is run. on_text gets
 * whole UTF-8; *stop is looked at between tokens and pieces of the prompt. Messages that do not fit the context with
 * some room to answer are dropped from the front, for good.
 * errors  MN_E_LIMIT: the last message alone does not fit; as mn_chat_ids; nothing was added then */
mn_rc mn_talk_answer_last(mn_talk *t, const volatile int *stop,
                          void (*on_text)(void *arg, mn_str text), void *arg,
                          mn_talk_answer *ret, mn_err *e);
/* {"messages":[…]}, as `mynah tune` reads it. */
void mn_talk_json(const mn_talk *t, mn_json_writer *w);

#endif
