/* Private to src/api/chats. */
#ifndef MN_API_CHATS_INT_H
#define MN_API_CHATS_INT_H

#include <stdatomic.h>

#include "api/chats/chats.h"
#include "api/mastodon/mastodon.h"
#include "api/served.h"
#include "store/chats.h"

#define MN_CHATS_TEXT    (32u << 10) /* bytes of a message */
#define MN_CHATS_SYSTEM  4000u
#define MN_CHATS_ANSWER  1024u /* tokens */
#define MN_CHATS_AT_ONCE 2u    /* answers of a member */

/* An answer under way. Freed by the thread of run.c when it is stored and its stream is closed. */
typedef struct mn_answering {
    mn_chats *all;
    struct mn_answering *next;
    uint64_t account_id;
    mn_chat_turn turn; /* that it becomes; content and model are set at the end */
    char title[MN_CHATS_TITLE + 1];
    mn_serving *model;
    mn_http *http;
    char topic[32];
    uint64_t gen; /* the batcher's */
    mn_str begin; /* the first event's JSON, in the arena */
    mn_arena arena;

    pthread_mutex_t lock; /* of what the batcher adds and the stream sends */
    mn_buf text;
    size_t sent;
    bool begun;
    mn_gen_end end;
    char error[200];
    uint32_t prompt_tokens, tokens;

    atomic_bool stored; /* the stream may say the last word */
    bool kept;          /* there is a turn of it */
    /* Under the lock of `all`: */
    bool ended, gone, cancelled, closed;
} mn_answering;

struct mn_chats {
    mn_api *api;
    pthread_t thread;
    bool started, stop, dirty;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    mn_answering *list;
};

/* ---- run.c ---------------------------------------------------------------------------------------------------------- */

mn_answering *mn_chats__new(mn_api *a); /* NULL: out of memory */
void mn_chats__free(mn_answering *x);   /* it is in no list */
/* Takes its place among the answers. MN_E_BUSY: the conversation is being answered already, or the member has enough of them. */
mn_rc mn_chats__enter(mn_answering *x, mn_err *e);
void mn_chats__leave(mn_answering *x); /* it was not started; the caller frees it */
/* Starts the generation, and the stream on w; from here on the thread tends it. On failure it has left, and is the caller's. */
mn_rc mn_chats__start(mn_answering *x, mn_gen_request *g, mn_resp *w, uint32_t *ret_retry_s,
                      mn_err *e);
bool mn_chats__answering(mn_chats *c, uint64_t account, uint64_t chat);
/* false: nothing was under way */
bool mn_chats__stop(mn_chats *c, uint64_t account, uint64_t chat);

/* ---- what is written -------------------------------------------------------------------------------------------------- */

void mn_chats__turn_json(mn_json_writer *j, const mn_chat_turn *t);
void mn_chats__chat_json(mn_json_writer *j,
                         const mn_chat *c); /* members of the object under way */
/* The conversation in the route; false: answered. */
bool mn_chats__of(mn_req *r, mn_resp *w, mn_chat *ret);

/* handlers */
void mn_chats__message(mn_req *r, mn_resp *w);
void mn_chats__retry(mn_req *r, mn_resp *w);
void mn_chats__models(mn_req *r, mn_resp *w);
void mn_chats__card(mn_req *r, mn_resp *w);

#endif
