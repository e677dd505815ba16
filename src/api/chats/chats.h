/* A member's conversations with the models of this server: kept here (store/chats.h), answered by the models that are served (served.h).
 *
 *   GET    /api/mynah/chats?before=TIME        [Chat], last touched first, 40 at a time; before: "updated_ms" of the last one
 *   POST   /api/mynah/chats                    {"model","system","title"} → Chat
 *   GET    /api/mynah/chats/models             [{"name","title"}], what can be talked to, the promoted one ("mynah") first
 *   GET    /api/mynah/chats/models/:name       the model's card: licence, origin, what it was trained on
 *   GET    /api/mynah/chats/:id                Chat with "turns": [Turn] and "answering": is an answer under way?
 *   PUT    /api/mynah/chats/:id                {"title","model","system","head"}, those that are given → Chat
 *   DELETE /api/mynah/chats/:id
 *   POST   /api/mynah/chats/:id/messages       {"text","parent"} → an answer; parent "0": anew from the beginning; absent: after the head
 *   POST   /api/mynah/chats/:id/retry          {"turn"} → another answer to that turn of the member's (or in place of that answer)
 *   POST   /api/mynah/chats/:id/stop           what is there of the answer under way is kept
 *
 * Chat {"id","title","model","system","head","created_at","updated_at","updated_ms"}, Turn {"id","parent","role":"user"|"assistant","content",
 * "model","created_at","tokens","end":"whole"|"length"|"stopped"|"failed"}.
 *
 * An answer is a stream of events: `begin` {"user": Turn or null, "turn": id, "model": name, "forgotten": turns that did not fit},
 * `text` {"text"}, then `end` {"turn": Turn or null, "title"} or `fail` {"error"}. Whoever hangs up ends the generation; what was written is
 * kept as a turn that was stopped. One answer at a time in a conversation, two for a member.
 *
 * Whoever may read a member's direct posts (the scope read:statuses) may read these. Only one's own conversations are there (404 for others'). Messages a day and tokens a day are limited by the level (social/limits.h). */
#ifndef MN_API_CHATS_H
#define MN_API_CHATS_H

#include "api/api_int.h"

extern const mn_route mn_api__routes_chats[];

/* What runs. Started before the HTTP server, stopped after it, when every stream is closed. */
typedef struct mn_chats mn_chats;
mn_rc mn_chats_start(mn_api *a, mn_err *e); /* sets a->chats */
void mn_chats_stop(mn_api *a);

#endif
