/* The admin API: /api/v1/admin and /api/v2/admin as Mastodon documents them, and /api/mynah/admin for what Mastodon has only as
 * pages. Private to src/api/admin.
 *
 * Every handler begins with mn_admin_actor: scope alone is not enough, the member must be a moderator now. What a moderator may
 * do to whom is decided in social/moderation.h. */
#ifndef MN_API_ADMIN_H
#define MN_API_ADMIN_H

#include "api/mastodon/reports.h"
#include "social/moderation.h"

#define MN_ADMIN_BODY_MAX (256u << 10)

/* Who acts. False: 403 was answered. */
bool mn_admin_actor(mn_req *r, mn_resp *w, mn_actor *ret);
/* By the code of rc, also where no message was worded. True when rc is not MN_OK and the answer was given. */
bool mn_admin_failed(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e);
mn_page_ids mn_admin_page(const mn_page *p);

/* AdminAccount; without somebody who can sign in, what concerns them is empty. */
mn_rc mn_entity_admin_account(const mn_view *v, const mn_moderated *m, mn_json_writer *j,
                              mn_err *e);
/* By id; null when there is none. */
mn_rc mn_entity_admin_account_by_id(const mn_view *v, uint64_t id, mn_json_writer *j,
                                    mn_err *e);
mn_rc mn_entity_admin_report(const mn_view *v, const mn_report *r, mn_json_writer *j,
                             mn_err *e);

#endif
