/* The job that sends mail. */
#include "net/mail.h"

#include "api/api_int.h"
#include "api/jobs.h"
#include "base/conf.h"
#include "base/log.h"

mn_rc mn_api__mail_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e)
{
    const mn_conf *c = a->home->conf;
    mn_mail_server s = {.url = mn_conf_get(c, "smtp_url"),
                        .user = mn_conf_get(c, "smtp_user"),
                        .password = mn_conf_get(c, "smtp_password"),
                        .from = mn_conf_get(c, "mail_from")};
    mn_mail m = {.to = mn_json_str(mn_json_get(payload, "to")),
                 .subject = mn_json_str(mn_json_get(payload, "subject")),
                 .text = mn_json_str(mn_json_get(payload, "text")),
                 .about = mn_json_str(mn_json_get(payload, "about"))};
    (void)ar;
    if (!*s.url) {
        mn_warn("mail", "a mail was not sent: no mail server is configured (smtp_url)");
        return MN_OK;
    }
    return mn_mail_send(&s, &m, e);
}
