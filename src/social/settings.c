#include "social/settings.h"

const mn_conf_key mn_settings[] = {
    {"domain", "localhost",
     "The name people reach this instance by, as in @someone@DOMAIN.\n"
     "It becomes part of every address: choose it before the first member joins."},
    {"url", "",
     "How people reach this instance, when that is not https://DOMAIN: for a community on a\n"
     "local network, such as http://mynah.home:8420."},
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
    {"outgoing_private", "no",
     "yes lets the server ask private addresses and any port for link previews, sign-in and\n"
     "push. Dangerous: a member can then make it call services of its own network. For tests\n"
     "and for communities that live wholly inside one network."},
    {"smtp_url", "",
     "Mail server for confirmations and notices, such as smtps://mail.example.org or\n"
     "smtp://mail.example.org:587; empty: no mail is sent. Beyond this machine TLS is a must."},
    {"smtp_user", "", "Name to sign in to the mail server with; empty: none."},
    {"smtp_password", "", "Its password."},
    {"mail_from", "", "Whom mail comes from, such as Mynah <notices@example.org>."},
    {"image_max_bytes", "16777216", "Largest picture a member may upload."},
    {"video_max_bytes", "41943040", "Largest video or sound a member may upload."},
    {"log_format", "text", "text or json: how `mynah serve` writes its log to stderr."},
    {0},
};
