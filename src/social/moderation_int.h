/* Private to src/social: what the files of moderation share. */
#ifndef MN_SOCIAL_MODERATION_INT_H
#define MN_SOCIAL_MODERATION_INT_H

#include "social/moderation.h"

/* ---- addresses: pure ----------------------------------------------------------------------------------------------- */

typedef struct mn_net {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;            /* of the 128 */
} mn_net;
/* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32"; bits below the prefix are cleared. MN_E_USAGE says what it should be. */
mn_rc mn_moderation__net_parse(mn_str text, mn_net *ret, mn_err *e);
/* The canonical text, always with a prefix. */
void mn_moderation__net_text(const mn_net *n, char ret[64]);
bool mn_moderation__net_has(const mn_net *n, const uint8_t address[16]);

/* ---- words --------------------------------------------------------------------------------------------------------------- */

typedef struct mn_word mn_word; /* a compiled filter */
/* errors MN_E_USAGE the pattern is none (with PCRE2's words and the place), too long, or the domain is none */
mn_rc mn_moderation__word_new(const mn_word_filter *f, mn_word **ret, mn_err *e);
void mn_moderation__word_free(mn_word *w); /* NULL is fine */
/* text is NFC. */
bool mn_moderation__word_fits(const mn_word *w, mn_str text);

/* ---- domains --------------------------------------------------------------------------------------------------------------- */

#define MN_DOMAIN_MAX 253
/* Lower case, no dot at the end; letters, digits, '-' and '.' only. ret[MN_DOMAIN_MAX + 1] */
mn_rc mn_moderation__domain(mn_str text, char *ret, mn_err *e);

/* ---- acts ------------------------------------------------------------------------------------------------------------------ */

/* One line in the audit log. */
mn_rc mn_moderation__audit(mn_tx *tx, mn_actor by, const char *action, const char *kind,
                           uint64_t id, mn_str detail, mn_err *e);
/* MN_E_DENIED unless a moderator or operator (or the command line). */
mn_rc mn_moderation__staff(mn_actor by, mn_err *e);
/* May `by` act on that account? Reads it (MN_E_NOT_FOUND, also when deleted). */
mn_rc mn_moderation__target(mn_store *s, mn_actor by, uint64_t target, mn_arena *ar,
                            mn_moderated *ret, mn_err *e);

#endif
