/* Inside probe: adding a corpus' own tokens. */
#ifndef MN_MODEL_PROBE_INT_H
#define MN_MODEL_PROBE_INT_H

#include "model/probe.h"
#include "text/shard.h"

/* A post of the document at hand, then its tokens as they are (conditions are free), then the document's end. */
mn_rc mn_probe__post(mn_probe *p, const mn_probe_text *t, mn_err *e);
mn_rc mn_probe__tokens(mn_probe *p, const mn_shard *s, uint64_t from, uint64_t to,
                       uint32_t owner, mn_err *e);
/* The token of the language that a text is in. */
uint32_t mn_probe__lang(mn_str text);
mn_rc mn_probe__end(mn_probe *p, mn_err *e);

#endif
