/* Settings: mynah.conf, one `key = value` a line, `#` begins a comment, values may be "quoted". Keys come from a table
 * that also makes the default file and the manual; an unknown key is an error that names the line and the nearest key. */
#ifndef MN_BASE_CONF_H
#define MN_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mn_conf_key {
    const char *name;     /* table ends with {0} */
    const char *fallback; /* default, as text */
    const char *help;     /* a sentence or two, \n between lines */
} mn_conf_key;

typedef struct mn_conf mn_conf;

/* Reads path (absent file: all defaults). Borrows keys. */
mn_rc mn_conf_load(const char *path, const mn_conf_key *keys, mn_conf **ret, mn_err *e);
void mn_conf_free(mn_conf *c);
const char *mn_conf_get(const mn_conf *c,
                        const char *key); /* value or default; key must be in the table */
mn_rc mn_conf_u64(const mn_conf *c, const char *key, uint64_t least, uint64_t most,
                  uint64_t *ret, mn_err *e);
mn_rc mn_conf_bool(const mn_conf *c, const char *key, bool *ret,
                   mn_err *e); /* yes/no, true/false, on/off, 1/0 */
/* A commented file with every key at its default. */
void mn_conf_template(const mn_conf_key *keys, mn_buf *ret);

#endif
