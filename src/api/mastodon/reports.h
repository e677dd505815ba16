/* Reports and warnings as their people see them: for handlers, notifications, streams. */
#ifndef MN_API_MASTODON_REPORTS_H
#define MN_API_MASTODON_REPORTS_H

#include "api/mastodon/mastodon.h"
#include "store/moderation.h"

/* Report: to the one who made it, and in notifications to moderators. */
mn_rc mn_entity_report(const mn_view *v, const mn_report *r, mn_json_writer *j, mn_err *e);
mn_rc mn_entity_report_by_id(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e);
/* AccountWarning, with its appeal. MN_E_NOT_FOUND (no message) when there is no such strike. */
mn_rc mn_entity_warning(const mn_view *v, const mn_strike *k, mn_json_writer *j, mn_err *e);
mn_rc mn_entity_warning_by_id(const mn_view *v, uint64_t strike_id, mn_json_writer *j,
                              mn_err *e);
/* Announcement, for v->me; reactions are those of mn_store_reactions, this one's are picked. */
mn_rc mn_entity_announcement(const mn_view *v, const mn_announcement *a,
                             const mn_reaction *reactions, size_t n, mn_json_writer *j,
                             mn_err *e);
/* "key": time, or null for 0 */
void mn_jw__time_or_null(mn_json_writer *j, const char *key, int64_t ms);
/* "key": ["1", "2"] */
void mn_jw__ids(mn_json_writer *j, const char *key, const uint64_t *ids, size_t n);

#endif
