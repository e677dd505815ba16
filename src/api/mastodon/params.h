/* What a request says, as one flat list: query and body in Rails' spelling. Private to src/api/mastodon.
 *
 * Parsers here are total and linear; the limits are MN_PARAMS_MAX values and MN_PARAMS_DEPTH levels of JSON. */
#ifndef MN_API_PARAMS_H
#define MN_API_PARAMS_H

#include "api/mastodon/mastodon.h"

#define MN_PARAMS_MAX   1024
#define MN_PARAMS_DEPTH 8

typedef struct mn_param_item {
    mn_str name;  /* without a trailing "[]" */
    mn_str value; /* MN_STR_NONE: an empty list, or null: given, but nothing */
} mn_param_item;
typedef struct mn_param_part {
    mn_str name;
    mn_upload file;
} mn_param_part;
typedef struct mn_params {
    mn_param_item *items;
    size_t n, cap;
    mn_param_part *files;
    size_t n_files, cap_files;
} mn_params;

mn_rc mn_params__add(mn_params *p, mn_str name, mn_str value, mn_arena *ar, mn_err *e);
/* Each appends to *p; strings borrow the input or live in the arena. errors MN_E_PARSE, MN_E_LIMIT, MN_E_NOMEM */
mn_rc mn_params__form(mn_str text, mn_arena *ar, mn_params *p, mn_err *e);
mn_rc mn_params__json(mn_str text, mn_arena *ar, mn_params *p, mn_err *e);
mn_rc mn_params__multipart(mn_str body, mn_str content_type, mn_arena *ar, mn_params *p,
                           mn_err *e);

/* What `before` leaves to the handlers of a request (mn_req.priv). */
typedef struct mn_masto_state {
    mn_params params;
    mn_grant grant;
    bool asked;         /* the grant is known */
    bool denied;        /* a token was given and is not valid */
    mn_str form_secret; /* of the cookie that this answer sets for its forms (pages/sign.c) */
    size_t n_read;      /* posts delivered */
} mn_masto_state;

#endif
