/* Filters' entities. Private to this folder. */
#ifndef MN_API_MASTODON_FILTERS_H
#define MN_API_MASTODON_FILTERS_H

#include "api/mastodon/mastodon.h"
#include "social/filters.h"

#define MN_MASTO_CONTEXTS 5
extern const char *const mn_masto__contexts[]; /* by bit of mn_filter.context */
void mn_masto__context_write(unsigned context, mn_json_writer *j);   /* the member "context" */
void mn_masto__expires_write(int64_t expires_ms, mn_json_writer *j); /* "expires_at" */
bool mn_masto__action_parse(mn_str s, mn_filter_action *ret); /* "warn", "hide", "blur" */
void mn_masto__keyword_write(const mn_filter_keyword *k, mn_json_writer *j);
void mn_masto__filter_post_write(const mn_filter_post *p, mn_json_writer *j);
/* whole: with keywords and statuses. */
void mn_masto__filter_write(const mn_filter *f, bool whole, mn_json_writer *j);

#endif
