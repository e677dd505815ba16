/* Web Push in the Mastodon API: the server's key, subscriptions, and messages sent by a job for each. */
#ifndef MN_API_PUSH_H
#define MN_API_PUSH_H

#include "api/mastodon/mastodon.h"
#include "net/webpush.h"
#include "store/push.h"

extern const mn_route mn_masto__routes_push[];

typedef struct mn_pushing mn_pushing;
/* Reads the server's key from the store, or makes it; sets a->pushing. Needs a->client for sending. */
mn_rc mn_pushing_start(mn_api *a, mn_err *e);
void mn_pushing_free(mn_api *a);

/* The job "push": one notification to one subscription. What the push service answers decides: 404, 410 and other refusals
 * end the subscription; 429, 5xx and silence put the job back. A host that did not answer is left alone for a minute, so that
 * it takes no worker from others. */
mn_rc mn_pushing_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e);

/* What is shown for a notification, in the receiver's language where we speak it (en, fr, it, es). Strings on the arena. */
typedef struct mn_push_words {
    mn_str title, body;
} mn_push_words;
mn_push_words mn_push_words_of(mn_notice_kind kind, mn_str locale, mn_str from_name,
                               mn_str text, mn_arena *ar);

#endif
