/* Notifications as JSON. Private to src/api/mastodon; for one notification: mn_entity_notification in mastodon.h. */
#ifndef MN_API_MASTODON_NOTIFICATIONS_H
#define MN_API_MASTODON_NOTIFICATIONS_H

#include "api/mastodon/accounts.h"
#include "store/notifications.h"

/* Posts as the viewer may see them in notifications, by id: written once, whatever names them. */
typedef struct mn_status_text {
    uint64_t id;
    mn_str json;
} mn_status_text;
typedef struct mn_status_texts {
    mn_status_text *items;
    size_t n;
} mn_status_texts;
/* ids may repeat and be 0; at most 1,000 different ones. On the view's arena. */
mn_rc mn_masto__status_texts(const mn_view *v, const uint64_t *ids, size_t n,
                             mn_status_texts *ret, mn_err *e);
/* MN_STR_NONE: not there, or not for the viewer. */
mn_str mn_masto__status_text(const mn_status_texts *t, uint64_t id);

/* Notification entities as array elements; one whose sender or post is not there to be shown is left out. */
mn_rc mn_masto__notifications(const mn_view *v, const mn_notification *list, size_t n,
                              mn_json_writer *j, mn_err *e);
/* GroupedNotificationsResults. paged: with the members that say which page it was. partial: of several people of a group
 * only the newest comes whole. */
mn_rc mn_masto__groups(const mn_view *v, const mn_notification_group *g, size_t n, bool paged,
                       bool partial, mn_json_writer *j, mn_err *e);
/* NotificationRequest entities as array elements. */
mn_rc mn_masto__requests(const mn_view *v, const mn_notification_request *list, size_t n,
                         mn_json_writer *j, mn_err *e);

#endif
