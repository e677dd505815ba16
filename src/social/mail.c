#include "social/mail.h"

#include "base/clock.h"
#include "base/json.h"

mn_rc mn_social_mail_add(mn_tx *tx, mn_str to, mn_str subject, mn_str text, mn_str about,
                         mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, 1u << 20);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "to", to);
    mn_jw_kstr(&j, "subject", subject);
    mn_jw_kstr(&j, "text", text);
    mn_jw_kstr(&j, "about", about);
    mn_jw_object_end(&j);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "a mail is too long")
                        : mn_store_job_add(tx, MN_STR(MN_MAIL_JOB), mn_buf_str(&b), mn_now_ms(),
                                           NULL, e);
    mn_buf_release(&b);
    return rc;
}
