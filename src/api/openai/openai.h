/* The OpenAI-compatible API at /v1: models, chat and text completions, embeddings. docs/openai-api.md says what clients may send,
 * docs/design/openai.md how it works.
 *
 * Routes name the scope that a key must have ("model:list", "model:generate", "model:embed"); mn_oai_before asks for the key and counts.
 * Every failure has OpenAI's shape, {"error":{"message","type","param","code"}}: also what the server says before any handler
 * (mn_oai_error_json). */
#ifndef MN_API_OPENAI_H
#define MN_API_OPENAI_H

#include "api/api_int.h"

extern const mn_route mn_oai__routes[];

/* Is it an address of this API? */
bool mn_oai_is(mn_str path);
/* Before a handler: headers for browsers, the key, its scope, the limits. True: answered. */
bool mn_oai_before(mn_req *r, mn_resp *w);
/* For mn_http_opts: writes the body of an error when the address is of this API. */
bool mn_oai_error_json(const mn_req *r, mn_resp *w, int status, mn_str message);

/* What runs: generations under way and the thread that completes their answers. Started before the HTTP server, stopped after it
 * (every answer is then complete). */
typedef struct mn_oai mn_oai;
mn_rc mn_oai_start(mn_api *a, mn_err *e); /* sets a->oai */
void mn_oai_stop(mn_api *a);
/* Requests whose answer is under way. */
size_t mn_oai_open(const mn_api *a);

#endif
