/* Mail to members: a job in the queue, so that it is sent once the transaction that caused it is committed, and again when the
 * mail server does not answer. Sent by api/mail.c. */
#ifndef MN_SOCIAL_MAIL_H
#define MN_SOCIAL_MAIL_H

#include "store/store.h"

#define MN_MAIL_JOB "mail"

/* about: a word for threading, [A-Za-z0-9-]. Whether a mail server is configured is the caller's to know. */
mn_rc mn_social_mail_add(mn_tx *tx, mn_str to, mn_str subject, mn_str text, mn_str about,
                         mn_err *e);

#endif
