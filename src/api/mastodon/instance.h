/* What this instance says of itself: numbers that take a query are kept for a while. Private to src/api. */
#ifndef MN_API_INSTANCE_H
#define MN_API_INSTANCE_H

#include "api/mastodon/mastodon.h"
#include "store/moderation.h"

/* "4.5.0 (compatible; mynah 0.1.0)": clients look for a Mastodon version at the beginning and compare its number. */
#define MN_MASTODON_VERSION     "4.5.0"
#define MN_MASTODON_API_VERSION 7 /* that of 4.5: grouped notifications (2), quotes (7) */
const char *mn_instance_version(void);

/* Hints for clients that nothing else here has a name for. */
#define MN_INSTANCE_ALT_MAX       1500     /* characters of a description */
#define MN_INSTANCE_PIXELS_MAX    67108864 /* of a decoded picture: media/media_int.h */
#define MN_INSTANCE_FRAMES_MAX    120      /* a second; videos are taken as they are */
#define MN_INSTANCE_FEATURED_TAGS 10

typedef struct mn_instance_numbers {
    uint64_t accounts, posts, domains, active_month;
} mn_instance_numbers;
/* At most a minute old. */
mn_rc mn_instance_numbers_get(mn_api *a, mn_arena *ar, mn_instance_numbers *ret, mn_err *e);

/* A text that the operator keeps as a file of the data folder, pages/NAME.txt: blank lines part paragraphs, addresses become
 * links. MN_E_NOT_FOUND (no message) when there is none. */
mn_rc mn_instance_text(const mn_api *a, const char *name, mn_arena *ar, mn_buf *ret_html,
                       int64_t *ret_changed_ms, mn_err *e);
bool mn_instance_has_text(const mn_api *a, const char *name);
/* The rules as an array of Rule. */
void mn_entity_rules(const mn_rule *rules, size_t n, mn_json_writer *j);
/* The account that stands for the community: the one named in the settings, else the first operator; 0: none. */
mn_rc mn_instance_contact(mn_api *a, mn_arena *ar, uint64_t *ret, mn_err *e);
/* A local account by "name", "@name", "name@DOMAIN", or the address of its page. */
mn_rc mn_instance_account(const mn_api *a, mn_str who, mn_arena *ar, mn_account *ret,
                          mn_err *e);

#endif
