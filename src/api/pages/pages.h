/* The public pages: HTML that works without JavaScript; the web app enhances it.
 *
 * Every handler takes its request as src/net/http.h gives it, r->app being the mn_api. Pages carry no inline script and no
 * inline style (the content security policy forbids both). Structure that the web app relies on is in docs/design/pages.md.
 */
#ifndef MN_API_PAGES_PAGES_H
#define MN_API_PAGES_PAGES_H

#include "mind/ask.h"
#include "net/http.h"
#include "social/social.h"

typedef struct mn_api mn_api;

/* What pages need of the application; implemented beside mn_api. */
mn_store *mn_api_store(mn_api *a);
mn_search *mn_api_search(mn_api *a);        /* NULL until the index is open */
const char *mn_api_domain(const mn_api *a); /* the server's name, for titles */
/* mn_ask with this server's index and, when there is one, its model. */
mn_rc mn_api_ask(mn_api *a, mn_str question, uint64_t before, mn_arena *ar, mn_answer *ret,
                 mn_err *e);
/* The document of GET /api/mynah/model, built for this request:
 *   {"state":"idle|importing|building|training|done|failed","message":"one line for people",
 *    "progress":{"done":N,"total":N,"unit":"steps"} or null,
 *    "training":models/NAME/training.json as it is, or null,   "corpus":corpus/NAME/manifest.json as it is, or null}
 * of the model in training, else of models/current. */
mn_rc mn_api_model_json(mn_api *a, mn_buf *ret, mn_err *e);
/* Path of a built-in file under its hashed name ("app.css" → "/assets/app-1a2b3c4d.css"); MN_STR_NONE when the
 * program was built without it. */
mn_str mn_asset_url(const char *logical_name);

void mn_page_timeline(mn_req *r, mn_resp *w); /* GET /            ?before=ID           */
void mn_page_account(mn_req *r, mn_resp *w);  /* GET /@:name      ?before=ID           */
void mn_page_post(mn_req *r, mn_resp *w);     /* GET /@:name/:id                       */
void mn_page_ask(mn_req *r, mn_resp *w);      /* GET /ask         ?q=QUESTION          */
void mn_page_search(mn_req *r, mn_resp *w);   /* GET /search      ?q=QUERY             */
void mn_page_tag(mn_req *r, mn_resp *w);      /* GET /tags/:tag                        */
void mn_page_model(mn_req *r, mn_resp *w);    /* GET /model                            */
void mn_page_about(mn_req *r, mn_resp *w);    /* GET /about                            */
/* A page that only the web app fills: signed-in members get the frame, others are sent to sign in. Without scripts it says
 * what needs them, with links to what does not. */
void mn_page_app(mn_req *r, mn_resp *w);
void mn_page_worker(mn_req *r, mn_resp *w); /* GET /sw.js: the service worker */
/* A whole page for an error: "404 — no such post". Used by mn_resp_error through the application. */
void mn_page_error(mn_req *r, mn_resp *w, int status, const char *message);

#endif
