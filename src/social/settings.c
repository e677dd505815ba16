#include "social/settings.h"

const mn_conf_key mn_settings[] = {
    {"domain", "localhost",
     "The name people reach this instance by, as in @someone@DOMAIN.\n"
     "It becomes part of every address: choose it before the first member joins."},
    {"listen", "127.0.0.1:8420",
     "Address and port that `mynah serve` answers on. On the open internet put nginx\n"
     "in front, which speaks TLS, and leave this on the loopback address."},
    {"trusted_proxy", "",
     "Address of the proxy in front, such as 127.0.0.1: only from there is X-Forwarded-For\n"
     "believed, so that limits count its clients and not the proxy itself."},
    {"database", "mynah.db", "The database file; a relative name is below the data folder."},
    {"durability", "normal",
     "normal: what was acknowledged survives a crash of the program.\n"
     "full: it survives a power failure too; each write then waits for the disk."},
    {"log_format", "text", "text or json: how `mynah serve` writes its log to stderr."},
    {0},
};
