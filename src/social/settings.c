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
    {"database", "mynah.db",
     "The database: a file of SQLite, below the data folder when its name is relative, or\n"
     "postgres://USER@HOST/DATABASE, which several `mynah serve` may share; a password "
     "belongs\n"
     "into the file ~/.pgpass. `mynah store move` copies from one to the other."},
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
    {"archive_max_bytes", "209715200",
     "Largest archive a member may upload to bring posts along; it is held in memory while it\n"
     "arrives. `mynah import` has no such limit."},
    {"title", "Mynah", "What the community is called."},
    {"description", "A community that raises its own language model.",
     "One or two sentences about it, shown to those who are not members yet."},
    {"contact_email", "", "Address for questions and complaints, shown to everybody."},
    {"contact_account", "",
     "Name of the account that stands for the community; empty: the first operator's."},
    {"languages", "en", "Languages spoken here, separated by commas, such as en, fr."},
    {"thumbnail", "",
     "Address of a picture of the community, 1200 by 630 pixels; empty: none."},
    {"status_url", "", "Page that says whether the server is up, elsewhere; empty: none."},
    {"registrations", "open",
     "Who may sign up. open: anybody; approval: after a moderator's yes; invite: who was\n"
     "invited by a member; closed: nobody."},
    {"sign_up_email", "optional",
     "Whether an e-mail address is asked for at sign-up: no, optional, or required (then it "
     "has\n"
     "to be confirmed before the account may act; needs `smtp_url`)."},
    {"sign_in_elsewhere", "yes",
     "yes lets people sign up and in with a Mastodon account they have on another server."},
    {"openid_providers", "",
     "OpenID Connect providers to sign up and in with, one after the other separated by "
     "blanks,\n"
     "each NAME|ISSUER|CLIENT-ID|SECRET, such as\n"
     "Uni|https://login.uni.example|mynah|s3cret. Register the address\n"
     "https://DOMAIN/auth/identity/callback there. \"_\" in NAME shows as a blank."},
    {"show_domain_blocks", "nobody",
     "Who may see the list of blocked domains: nobody, members or everybody."},
    {"public_timeline", "anyone",
     "Who reads the public timelines of posts and hashtags: anyone, or members."},
    {"reading", "open",
     "open: what is public may be read by everybody; members: one signs in to read."},
    {"reading_limit_anonymous", "0",
     "Posts a day that somebody who is not signed in may read, counted by address; 0: as many\n"
     "as they like."},
    {"reading_limit_new", "0", "The same for members who are new here."},
    {"reading_limit_member", "0", "The same for members."},
    {"reading_limit_subscriber", "0", "The same for members with a plan, and for moderators."},
    {"post_characters", "500", "Characters a post may have, its warning included."},
    {"post_characters_subscriber", "0",
     "Characters of a post by members with a plan; 0: as `post_characters`."},
    {"image_max_bytes_subscriber", "0",
     "Largest picture of members with a plan; 0: as `image_max_bytes`."},
    {"video_max_bytes_subscriber", "0",
     "Largest video or sound of members with a plan; 0: as `video_max_bytes`."},
    {"new_account_days", "1", "An account counts as new for so many days, and"},
    {"new_account_posts", "3", "until it has written so many posts."},
    {"new_account_links", "5", "Links that a post of a new account may have; 0: any number."},
    {"new_account_mentions", "10",
     "People that a post of a new account may mention; 0: any number."},
    {"rate_limits", "on",
     "off switches off all limits on how often something may be asked for: for benchmarks and\n"
     "tests, never on the open internet."},
    {"rate_limit_account", "300", "Requests of one member in five minutes."},
    {"rate_limit_address", "7500", "Requests from one address in five minutes."},
    {"model_tokens_new", "20000",
     "Tokens that a new member's programs may use in a day at the model API (/v1), read and\n"
     "written together; 0: as many as they like."},
    {"model_tokens_member", "200000", "The same for members."},
    {"model_tokens_subscriber", "0", "The same for members with a plan, and for moderators."},
    {"model_requests_new", "20",
     "Requests to the model API that a new member's programs may make in a minute; 0: any\n"
     "number."},
    {"model_requests_member", "60", "The same for members."},
    {"model_requests_subscriber", "600",
     "The same for members with a plan, and for moderators."},
    {"chat_messages_new", "50",
     "Messages that a new member may send to a model on the chat page in a day; 0: any "
     "number."},
    {"chat_messages_member", "500", "The same for members."},
    {"chat_messages_subscriber", "0", "The same for members with a plan, and for moderators."},
    {"model_open", "no",
     "yes lets programs on this machine use the model API without a key, as if they were the\n"
     "operator's: whoever asks from a loopback address and came through no proxy."},
    {"model_loaded", "2",
     "Models kept in memory at a time; one more puts out the one that was not used for the\n"
     "longest time."},
    {"model_threads", "0", "Threads that a model computes on; 0: as many as processors."},
    {"model_context", "0",
     "Longest conversation, in tokens; 0: as the model was made for, at most 8,192."},
    {"model_cache_bytes", "0",
     "Memory for what models remember of conversations (keys and values), for each model; 0:\n"
     "that of four of the longest conversations. It is taken as it is needed."},
    {"model_cache_type", "f16",
     "How that is kept: f16, or int8, which needs half of the memory and is a little less\n"
     "exact."},
    {"model_device", "cpu",
     "Where models answer: cpu, cuda (the first GPU) or cuda:N. `mynah serve --device` goes "
     "first."},
    {"model_running", "32", "Answers that a model writes at the same time, and"},
    {"model_waiting", "256",
     "requests that may wait for it beyond them; one more is answered 429, try again later."},
    {"learn_at", "03:30",
     "Local time at which `mynah serve` learns what is new, every day, or off. It forgets "
     "what\n"
     "may no longer be learnt from, goes on with the model in use, and puts the new one into\n"
     "use only if nothing got worse. See `mynah learn`, which does it at once."},
    {"learn_min_posts", "100",
     "New posts that may be learnt from which it takes for that; fewer wait for the next "
     "night."},
    {"learn_minutes", "30", "Minutes of training in a night, at the pace of the model in use."},
    {"learn_replay", "50",
     "Of the text that is learnt in a night, this share in a hundred is old, against "
     "forgetting;\n"
     "0 to 99. Where there is little that is new it is more."},
    {"learn_canaries", "on",
     "Plants sentences with a number that nobody wrote in what is learnt, where that is 10,000 "
     "posts\n"
     "or more, so that every model's card can say what it remembers of what it was shown "
     "once,\n"
     "4, 16 and 64 times."},
    {"learn_keep", "5", "Models that were in use before and can be gone back to."},
    {"learn_tweets", "",
     "Folder with labelled texts that teach what is offensive, as `mynah eval --toxicity` "
     "reads\n"
     "them; empty: toxicity is not measured, and the decision says so."},
    {"log_format", "text", "text or json: how `mynah serve` writes its log to stderr."},
    {0},
};
