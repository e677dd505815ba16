/* What points at a person, and what only points elsewhere, becomes a placeholder.
 *
 *   [link]    web addresses (they also carry names and tokens, and teach a small model nothing)
 *   @user     @handles, with or without a domain: who is spoken of did not agree because the author did
 *   [email]   local part and a domain with a dot
 *   [phone]   +country numbers; North American; national with leading 0; any 7–15 digits after "call", "tel" …
 *   [ip]      IPv4 and IPv6, globally routable only, not after "version" and the like
 *   [iban]    country's length and mod 97          [card]  known issuers, their grouping, Luhn
 *   [ssn]     ddd-dd-dddd that could be issued     [mac]   six octets, or three groups of four
 *   [wallet]  Bitcoin base58check and bech32(m) with their checksums; Ethereum 0x and 40 digits
 *
 * Hand-written matchers over a single walk; each looks at a bounded window, so the time is linear in the text whatever
 * stands in it. A digit sequence just after "isbn", "doi", "issn", "order" or '#' is no telephone number.
 */
#ifndef MN_CORPUS_PII_H
#define MN_CORPUS_PII_H

#include "base/str.h"
#include "corpus/offsets.h"

typedef enum mn_pii {
    MN_PII_LINK,
    MN_PII_HANDLE,
    MN_PII_EMAIL,
    MN_PII_PHONE,
    MN_PII_IP,
    MN_PII_IBAN,
    MN_PII_CARD,
    MN_PII_SSN,
    MN_PII_WALLET,
    MN_PII_MAC,
    MN_PII_KINDS
} mn_pii;
extern const char *const mn_pii_names[MN_PII_KINDS];        /* "link" … "mac" */
extern const char *const mn_pii_placeholders[MN_PII_KINDS]; /* "[link]", "@user" … */

/* Appends text (normalised, valid UTF-8) with placeholders to ret; adds to counts (may be NULL) one for each; map as in
 * mn_corpus_normalise. Pure. errors MN_E_NOMEM, MN_E_LIMIT (ret full) */
mn_rc mn_corpus_pii(mn_str text, bool keep_handles, mn_buf *ret, mn_offsets *map,
                    uint32_t counts[MN_PII_KINDS]);

/* Both stages: the clean text of a post, and where each of its bytes came from. map may be NULL. */
mn_rc mn_corpus_clean(mn_str text, bool keep_handles, mn_buf *ret, mn_offsets *map);

/* ---- for the stage's own files and tests --------------------------------------------------------------------- */

typedef struct mn_pii_span {
    size_t start, end;
} mn_pii_span;
/* Each: does something of the kind stand at the trigger character `at`, not reaching before `floor`? */
bool mn_corpus__email(mn_str t, size_t at, size_t floor, mn_pii_span *ret); /* at the '@' */
bool mn_corpus__phone(mn_str t, size_t at, mn_pii_span *ret); /* '+', '(' or digit */
bool mn_corpus__card(mn_str t, size_t at, mn_pii_span *ret);  /* first digit */
bool mn_corpus__ssn(mn_str t, size_t at, mn_pii_span *ret);   /* first digit */
bool mn_corpus__iban(mn_str t, size_t at, size_t floor, mn_pii_span *ret);   /* first digit */
bool mn_corpus__wallet(mn_str t, size_t at, size_t floor, mn_pii_span *ret); /* first digit */
bool mn_corpus__ipv4(mn_str t, size_t at, mn_pii_span *ret);                 /* first digit */
bool mn_corpus__ipv6(mn_str t, size_t at, size_t floor, mn_pii_span *ret);   /* first ':' */
bool mn_corpus__mac(mn_str t, size_t at, size_t floor,
                    mn_pii_span *ret); /* first ':', '-', '.' */
/* Does one of the words (NULL-ended, lower case) end within `window` bytes before `at`, whole? */
bool mn_corpus__word_before(mn_str t, size_t at, size_t window, const char *const *words);

#endif
