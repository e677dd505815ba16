/* Web Push: a message for one subscription, encrypted for its browser alone and signed by this server.
 *
 * Payloads in aes128gcm (RFC 8291) and, for subscriptions of old clients, aesgcm (draft-ietf-webpush-encryption-04, which
 * Mastodon calls not standard). The server names itself by a P-256 key (VAPID, RFC 8292): ES256 tokens of twelve hours.
 * Nothing is sent here: the result is what mn_client_do takes.
 */
#ifndef MN_NET_WEBPUSH_H
#define MN_NET_WEBPUSH_H

#include "net/client.h"

#define MN_WEBPUSH_PLAIN_MAX                                                                   \
    3992 /* so that no body is over 4,096 bytes, which every push service takes */
#define MN_WEBPUSH_KEY 65 /* bytes of a public key: uncompressed point */

/* The server's key. Immutable: shared by threads. */
typedef struct mn_vapid mn_vapid;
/* A fresh private key, 43 characters of base64url and a NUL: to be kept secret, and kept for good. */
mn_rc mn_vapid_generate(char ret_private[44], mn_err *e);
/* errors MN_E_PARSE no such key */
mn_rc mn_vapid_new(mn_str private_key, mn_vapid **ret, mn_err *e);
void mn_vapid_free(mn_vapid *v);
/* The public key in base64url with padding, as clients get it: 88 characters. */
const char *mn_vapid_public(const mn_vapid *v);

/* Are these the keys of a subscription? MN_E_PARSE: p256dh is no point of the curve, or auth not 16 bytes. */
mn_rc mn_webpush_keys_check(mn_str p256dh, mn_str auth, mn_err *e);

typedef struct mn_webpush {
    mn_str endpoint, p256dh, auth; /* of the subscription; keys in base64url */
    bool standard;                 /* aes128gcm */
    mn_str subject;      /* "mailto:…" or "https://…": whom the push service may write to */
    int ttl_s;           /* how long the service keeps it for a browser that is away */
    const char *urgency; /* "very-low", "low", "normal", "high" */
    mn_str plain;        /* at most MN_WEBPUSH_PLAIN_MAX bytes */
    int64_t now_ms;
    const uint8_t
        *fixed; /* for tests: private key (32 bytes) and salt (16) to use; NULL: random */
} mn_webpush;
typedef struct mn_webpush_message {
    mn_client_header headers[8];
    size_t n_headers;
    mn_str body;
} mn_webpush_message;
/* Strings live in the arena. errors MN_E_PARSE keys or endpoint; MN_E_LIMIT too long */
mn_rc mn_webpush_make(const mn_vapid *v, const mn_webpush *p, mn_arena *ar,
                      mn_webpush_message *ret, mn_err *e);

#endif
