#!/usr/bin/python3
"""Every operation that docs/mastodon-api.md says is offered is called against a running server, in a state where there is something
to answer, and what comes back must be what the description of the Mastodon API says. Names what was not called.

Operations are called in the order of the story below; what is written as (method, path of the description, …) is both the call and
the entry in the list of what was called."""

import datetime
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

from lib import OOB, PROGRAM, Browser, Server, check, done, multipart, picture, request, sign_up, skip, token_for, wait_for
from schema import Schemas, load

PAGE = "docs/mastodon-api.md"
DESCRIPTION = load()
if not DESCRIPTION:
    skip("every operation answers as the API's description says", "the description is not beside the checkout")
    sys.exit(0)
SCHEMAS = Schemas(DESCRIPTION)
# Where the description is wrong about Mastodon, which answers otherwise (and so do we).
NOT_SO = {("GET", "/api/v1/filters"): "a list of filters, as the text of the description says",
          ("DELETE", "/api/v2/filters/statuses/{id}"): "an empty object"}
METHODS = ("get", "post", "put", "patch", "delete")


def offered():
    """{(method, path)} of the description's operations that the page offers."""
    found = set()
    with open(PAGE, encoding="utf-8") as f:
        for method, path, answer in re.findall(r"^\| `([A-Z]+) (\S+)` \| (\w+)", f.read(), re.M):
            if answer == "yes" and method.lower() in DESCRIPTION["paths"].get(path, {}):
                found.add((method, path))
    return found


OFFERED = offered()
called, filled, faults = set(), set(), []
server = Server("show_domain_blocks = everybody\n")
U = server.url


def fill(path, values):
    """The path with {names} replaced in order."""
    for value in values:
        path = re.sub(r"\{\w+\}", urllib.parse.quote(str(value), safe=""), path, count=1)
    return path


class Person:
    def __init__(self, token):
        self.bearer = {"Authorization": "Bearer " + token} if token else {}

    def call(self, method, path, *ids, body=None, form=None, files=None, status=200, **query):
        """Calls the operation, notes it, checks its answer; the answer as JSON, where it is JSON."""
        assert (method, path) in OFFERED, f"{method} {path} is not on the page"
        called.add((method, path))
        headers, data = dict(self.bearer), None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        elif files is not None:
            headers["Content-Type"], data = multipart(form or {}, files)
        elif form is not None:
            data = form
        url = U + fill(path, ids) + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
        answer = request(url, method, data, headers)
        kind = answer.headers.get("Content-Type", "")
        wrong = [] if answer.status == status else [f"answered {answer.status} {answer.body[:200]!r}, not {status}"]
        if (method, path) not in NOT_SO:
            wrong = wrong or SCHEMAS.answer_faults(method, path, answer.status, kind, answer.body)
        faults.extend(f"{method} {path}: {x}" for x in wrong[:4])
        try:
            value = answer.json
        except ValueError:
            value = None
        if value != []:
            filled.add((method, path))
        return value

    def get(self, path, *ids, **more):
        return self.call("GET", path, *ids, **more)

    def post(self, path, *ids, **more):
        return self.call("POST", path, *ids, **more)

    def put(self, path, *ids, **more):
        return self.call("PUT", path, *ids, **more)

    def patch(self, path, *ids, **more):
        return self.call("PATCH", path, *ids, **more)

    def delete(self, path, *ids, **more):
        return self.call("DELETE", path, *ids, **more)


def story(name):
    """A part of the story: a check of its own, that fails with everything its answers had wrong."""
    def run(body):
        def told():
            before = len(faults)
            body()
            assert len(faults) == before, "\n".join(faults[before:])
        check(f"answers are as described: {name}", told)
    return run


def in_hours(n):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=n)).isoformat()


def write(who, text, **more):
    return who.post("/api/v1/statuses", body=dict({"status": text}, **more))


A, S = "/api/v1/accounts", "/api/v1/statuses"
tokens = sign_up(U, "ada", "ben", "cleo", "dora")
ada, ben, cleo, dora = (Person(tokens[n]) for n in ("ada", "ben", "cleo", "dora"))
nobody = Person(None)
staff_browser = Browser(U)
staff_browser.sign_in("operator", server.operator_password())
boss = Person(token_for(U, staff_browser, "read write follow push profile admin:read admin:write"))
ids = {n: request(U + A + "/verify_credentials", headers=p.bearer).json["id"]
       for n, p in (("ada", ada), ("ben", ben), ("cleo", cleo), ("dora", dora), ("boss", boss))}
made = {}


@story("the instance")
def instance():
    os.makedirs(os.path.join(server.data, "pages"), exist_ok=True)
    for name in ("about", "privacy", "terms"):
        with open(os.path.join(server.data, "pages", name + ".txt"), "w", encoding="utf-8") as f:
            f.write("We watch herons.\n\nNothing else.\n")
    for path in ("/health", "/api/v1/instance", "/api/v2/instance", "/api/v1/instance/activity", "/api/v1/instance/peers",
                 "/api/v1/instance/rules", "/api/v1/instance/extended_description", "/api/v1/instance/privacy_policy",
                 "/api/v1/instance/translation_languages", "/api/v1/custom_emojis", "/api/v1/directory", "/api/v1/trends/tags",
                 "/.well-known/oauth-authorization-server", "/api/v1/streaming/health"):
        nobody.get(path)
    terms = nobody.get("/api/v1/instance/terms_of_service")
    nobody.get("/api/v1/instance/terms_of_service/{date}", terms["effective_date"])


@story("signing in")
def signing_in():
    app = nobody.post("/api/v1/apps", body={"client_name": "x", "redirect_uris": [OOB], "scopes": "read write profile", "website": "https://example.com/"})
    keys = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    token = nobody.post("/oauth/token", form=dict(keys, grant_type="client_credentials", scope="read write", redirect_uri=OOB))["access_token"]
    machine = Person(token)
    machine.get("/api/v1/apps/verify_credentials")
    machine.post(A, body={"username": "eve", "email": "eve@example.com", "password": "seven more herons", "agreement": True, "locale": "en"})
    nobody.post(A, body={}, status=401)
    machine.post(A, body={"username": "ada", "email": "no", "password": "x", "agreement": False, "locale": "en"}, status=422)
    query = dict(keys, response_type="code", redirect_uri=OOB, scope="read write profile")
    del query["client_secret"]
    called.add(("GET", "/oauth/authorize"))
    code = Browser(U).allow("/oauth/authorize?" + urllib.parse.urlencode(query), "ada")
    token = nobody.post("/oauth/token", form=dict(keys, grant_type="authorization_code", code=code, redirect_uri=OOB))["access_token"]
    Person(token).get("/oauth/userinfo")
    nobody.post("/oauth/revoke", form=dict(keys, token=token))
    boss.post("/api/v1/emails/confirmations", status=403)


@story("accounts and who follows whom")
def accounts():
    ada.patch(A + "/update_credentials", form={"display_name": "Ada :heron:", "note": "Counts #herons", "fields_attributes[0][name]": "Weir",
              "fields_attributes[0][value]": "https://example.com/", "discoverable": "true", "indexable": "true"},
              files={"avatar": ("a.png", "image/png", picture()), "header": ("h.png", "image/png", picture(300, 100))})
    ben.post(A + "/{id}/follow", ids["ada"], body={"notify": True, "languages": ["en"]})
    ada.post(A + "/{id}/follow", ids["ben"])
    cleo.post(A + "/{id}/follow", ids["ben"])
    for path in ("", "/endorsements", "/featured_tags", "/followers", "/following", "/identity_proofs", "/lists", "/statuses"):
        ben.get(A + "/{id}" + path, ids["ada"])
    nobody.get(A + "/{id}", "1", status=404)
    ada.get(A, **{"id[]": [ids["ben"], ids["cleo"]]})
    ada.get(A + "/verify_credentials")
    ada.get(A + "/relationships", **{"id[]": [ids["ben"], ids["cleo"]]})
    ada.get(A + "/familiar_followers", **{"id[]": [ids["ben"], ids["cleo"]]})
    ada.get(A + "/lookup", acct="ben")
    ada.get(A + "/search", q="be")
    for verb in ("endorse", "unendorse", "pin", "unpin", "mute", "unmute", "note"):
        ada.post(A + "/{id}/" + verb, ids["ben"], body={"comment": "a friend"} if verb == "note" else None)
    ada.post(A + "/{id}/endorse", ids["ben"])
    ada.get("/api/v1/endorsements")
    nobody.get(A + "/{id}/endorsements", ids["ada"])
    ada.post(A + "/{id}/remove_from_followers", ids["ben"])
    ben.post(A + "/{id}/follow", ids["ada"])
    for verb, lists in (("mute", "mutes"), ("block", "blocks")):
        ada.post(A + "/{id}/" + verb, ids["dora"], body={"duration": 3600} if verb == "mute" else None)
        ada.get("/api/v1/" + lists)
        ada.post(A + "/{id}/un" + verb, ids["dora"])
    cleo.post(A + "/{id}/unfollow", ids["ben"])
    cleo.post(A + "/{id}/follow", ids["ben"])
    ada.get("/api/v1/preferences")
    ada.get("/api/v1/profile")
    ada.patch("/api/v1/profile", body={"note": "Counts herons and ducks"})
    dora.patch(A + "/update_credentials", body={"locked": True})
    ada.post(A + "/{id}/follow", ids["dora"])
    ben.post(A + "/{id}/follow", ids["dora"])
    dora.get("/api/v1/follow_requests")
    dora.post("/api/v1/follow_requests/{account_id}/authorize", ids["ada"])
    dora.post("/api/v1/follow_requests/{account_id}/reject", ids["ben"])
    ada.post("/api/v1/domain_blocks", body={"domain": "egrets.example"})
    ada.get("/api/v1/domain_blocks")
    ada.delete("/api/v1/domain_blocks", body={"domain": "egrets.example"})
    ada.get("/api/v1/suggestions")
    ada.get("/api/v2/suggestions")
    ada.delete("/api/v1/suggestions/{account_id}", ids["cleo"])


@story("posts")
def posts():
    with open(os.path.join(server.data, "heron.png"), "wb") as f:
        f.write(picture(32, 32))
    subprocess.run([PROGRAM, "emoji", "import", f.name, "--data", server.data, "--category", "Birds"], check=True, capture_output=True)
    wait_for("the emoji", lambda: nobody.get("/api/v1/custom_emojis"))
    media = ada.post("/api/v2/media", form={"description": "stripes"}, files={"file": ("a.png", "image/png", picture())})["id"]
    ada.put("/api/v1/media/{id}", media, body={"description": "grey stripes", "focus": "0.5,0"})
    ada.get("/api/v1/media/{id}", media)
    gone = ada.post("/api/v1/media", files={"file": ("a.png", "image/png", picture(20, 20))})["id"]
    ada.delete("/api/v1/media/{id}", gone)
    post = made["post"] = write(ada, "A heron, @ben. #birds https://example.com/", media_ids=[media], sensitive=True, spoiler_text="heron", language="en")["id"]
    made["poll"] = write(ada, "Which?", poll={"options": ["reed", "weir"], "expires_in": 3600})["poll"]["id"]
    reply = made["reply"] = write(ben, "@ada I saw it, too.", in_reply_to_id=post)["id"]
    for verb in ("reblog", "favourite", "bookmark"):
        ben.post(S + "/{id}/" + verb, post)
    for path in ("", "/context", "/history", "/source", "/favourited_by", "/reblogged_by", "/quotes"):
        ada.get(S + "/{id}" + path, post)
    nobody.get(S + "/{id}", "1", status=404)
    ada.get(S, **{"id[]": [post, reply]})
    ben.get("/api/v1/bookmarks"), ben.get("/api/v1/favourites")
    ben.get("/api/v1/polls/{id}", made["poll"])
    ben.post("/api/v1/polls/{id}/votes", made["poll"], body={"choices": [1]})
    ada.put(S + "/{id}", post, body={"status": "A heron, thrice, @ben. #birds", "media_ids": [media], "language": "en"})
    ada.get(S + "/{id}/history", post)
    for verb in ("mute", "unmute", "pin", "unpin"):
        ada.post(S + "/{id}/" + verb, post)
    ada.put(S + "/{id}/interaction_policy", post, body={"quote_approval_policy": "public"})
    quote = write(ben, "As Ada said", quoted_status_id=post)["id"]
    ada.get(S + "/{id}/quotes", post)
    ada.post(S + "/{id}/quotes/{quoting_status_id}/revoke", post, quote)
    ben.get(S + "/{id}", quote)
    ada.post(S + "/{id}/translate", post, body={"lang": "fr"}, status=404)
    nobody.get("/api/oembed", url=f"{U}/@ada/{post}")
    later = ada.post(S, body={"status": "Later", "scheduled_at": in_hours(1), "in_reply_to_id": post})["id"]
    ada.get("/api/v1/scheduled_statuses")
    ada.get("/api/v1/scheduled_statuses/{id}", later)
    ada.put("/api/v1/scheduled_statuses/{id}", later, body={"scheduled_at": in_hours(2)})
    ada.delete("/api/v1/scheduled_statuses/{id}", later)
    write(ben, "@ada see you at the weir", visibility="direct")


@story("timelines, lists, tags and search")
def timelines():
    made["list"] = one = ada.post("/api/v1/lists", body={"title": "Watchers", "replies_policy": "list"})["id"]
    ada.put("/api/v1/lists/{id}", one, body={"title": "Seers", "exclusive": False})
    ada.get("/api/v1/lists"), ada.get("/api/v1/lists/{id}", one)
    ada.post("/api/v1/lists/{id}/accounts", one, body={"account_ids": [ids["ben"]]})
    ada.get("/api/v1/lists/{id}/accounts", one)
    ada.get(A + "/{id}/lists", ids["ben"])
    write(ben, "For those who watch #birds")
    for path, more in (("home", {}), ("public", {"local": "true"}), ("direct", {}), ("link", {"url": "https://example.com/"})):
        ada.get("/api/v1/timelines/" + path, **more)
    ada.get("/api/v1/timelines/tag/{hashtag}", "birds")
    ada.get("/api/v1/timelines/list/{list_id}", one)
    ada.delete("/api/v1/lists/{id}/accounts", one, body={"account_ids": [ids["ben"]]})
    ada.get("/api/v1/tags/{name}", "birds")
    ada.post("/api/v1/tags/{name}/follow", "birds")
    ada.get("/api/v1/followed_tags")
    ada.post("/api/v1/tags/{name}/unfollow", "birds")
    ada.post("/api/v1/tags/{id}/feature", "birds")
    ada.post("/api/v1/tags/{id}/unfeature", "birds")
    tag = ada.post("/api/v1/featured_tags", body={"name": "birds"})["id"]
    ada.get("/api/v1/featured_tags"), ada.get("/api/v1/featured_tags/suggestions"), nobody.get(A + "/{id}/featured_tags", ids["ada"])
    ada.delete("/api/v1/featured_tags/{id}", tag)
    for q in ("ben", "#birds", "heron"):
        ada.get("/api/v2/search", q=q)
    for path in ("statuses", "links", "tags"):
        ada.get("/api/v1/trends/" + path)
    ada.post("/api/v1/markers", body={"home": {"last_read_id": made["post"]}})
    ada.get("/api/v1/markers", **{"timeline[]": ["home", "notifications"]})
    talk = ada.get("/api/v1/conversations")[0]["id"]
    ada.post("/api/v1/conversations/{id}/read", talk)
    ada.delete("/api/v1/conversations/{id}", talk)


@story("notifications and Web Push")
def notifications():
    N = "/api/v1/notifications"
    one = ada.get(N)[0]["id"]
    ada.get(N + "/{id}", one), ada.get(N + "/unread_count"), ada.get("/api/v2/notifications/unread_count")
    group = ada.get("/api/v2/notifications")["notification_groups"][0]["group_key"]
    for path in ("", "/accounts"):
        ada.get("/api/v2/notifications/{group_key}" + path, group)
    ada.get("/api/v2/notifications/policy")
    ada.patch("/api/v2/notifications/policy", body={"for_not_following": "filter"})
    # From somebody whom ada does not follow: held back until she says so.
    for who in (cleo, Person(sign_up(U, "finn")["finn"])):
        write(who, "@ada who are you?")
    R = N + "/requests"
    asked = [r["id"] for r in ada.get(R)]
    assert len(asked) == 2, asked
    ada.get(R + "/{id}", asked[0]), ada.get(R + "/merged")
    ada.post(R + "/{id}/accept", asked[0]), ada.post(R + "/{id}/dismiss", asked[1])
    for verb in ("accept", "dismiss"):
        write(Person(sign_up(U, "gus" + verb)["gus" + verb]), "@ada hello?")
        ada.post(R + "/" + verb, body={"id": [r["id"] for r in ada.get(R)]})
    ada.post(N + "/{id}/dismiss", one), ada.post("/api/v2/notifications/{group_key}/dismiss", group), ada.post(N + "/clear")
    keys = {"p256dh": "BEl62iUYgUivxIkv69yViEuiBIa-Ib9-SkvMeAtA3LFgDzkrxZJjSgSnfckjBJuBkr3qBUYIHBQFLXYp5Nksh8U", "auth": "8eDyX_uCN0XRhSbY5hs7Hg"}
    P = "/api/v1/push/subscription"
    ada.post(P, body={"subscription": {"endpoint": "https://push.example.com/1", "keys": keys, "standard": True}, "data": {"alerts": {"mention": True}, "policy": "all"}})
    ada.get(P), ada.put(P, body={"data": {"alerts": {"follow": True}}}), ada.delete(P)


@story("filters")
def filters():
    F = "/api/v1/filters"
    old = ada.post(F, body={"phrase": "egret", "context": ["home"]})["id"]
    ada.get(F), ada.get(F + "/{id}", old), ada.put(F + "/{id}", old, body={"phrase": "egrets", "context": ["home", "public"]}), ada.delete(F + "/{id}", old)
    F = "/api/v2/filters"
    new = ada.post(F, body={"title": "Birds", "context": ["home", "public"], "filter_action": "warn", "keywords_attributes": [{"keyword": "duck", "whole_word": True}]})["id"]
    ada.put(F + "/{id}", new, body={"title": "Fowl", "filter_action": "hide", "expires_in": 3600})
    word = ada.post(F + "/{filter_id}/keywords", new, body={"keyword": "goose"})["id"]
    ada.get(F + "/{filter_id}/keywords", new), ada.get(F + "/keywords/{id}", word), ada.put(F + "/keywords/{id}", word, body={"keyword": "geese"})
    post = ada.post(F + "/{filter_id}/statuses", new, body={"status_id": made["reply"]})["id"]
    ada.get(F + "/{filter_id}/statuses", new), ada.get(F + "/statuses/{id}", post), ada.get(F), ada.get(F + "/{id}", new)
    ada.get(S + "/{id}", made["reply"])
    ada.delete(F + "/statuses/{id}", post), ada.delete(F + "/keywords/{id}", word), ada.delete(F + "/{id}", new)


def sse(path, **query):
    """Opens the stream and reads its first bytes; its type."""
    called.add(("GET", path))
    url = U + path + ("?" + urllib.parse.urlencode(query) if query else "")
    with urllib.request.urlopen(urllib.request.Request(url, headers=ada.bearer), timeout=10) as r:
        assert r.status == 200 and r.headers["Content-Type"].startswith("text/event-stream"), (path, r.status, r.headers["Content-Type"])
        stop = threading.Timer(0.2, write, (ben, "@ada for the streams #birds"))
        stop.start()
        if path in ("/api/v1/streaming/user", "/api/v1/streaming/public", "/api/v1/streaming/public/local", "/api/v1/streaming/hashtag"):
            line = b""
            while not line.startswith(b"data: "):
                line = r.readline()
            value = json.loads(line[6:])
            faults.extend(f"{path}: {x}" for x in SCHEMAS.faults({"$ref": "#/components/schemas/Status"}, value))
        stop.join()


@story("streams")
def streams():
    for path in ("user", "user/notification", "public", "public/local", "public/remote", "direct"):
        sse("/api/v1/streaming/" + path)
    sse("/api/v1/streaming/hashtag", tag="birds"), sse("/api/v1/streaming/hashtag/local", tag="birds")
    sse("/api/v1/streaming/list", list=made["list"])


@story("reports, announcements and rules")
def moderation():
    ben.post("/api/v1/reports", body={"account_id": ids["cleo"], "status_ids": [], "comment": "egret", "category": "spam", "forward": False})
    own = U + "/api/mynah/admin/"
    said = request(own + "announcements", "POST", {"text": "The weir is closed", "published": "true"}, boss.bearer)
    assert said.status == 200, said.text
    rule = request(own + "rules", "POST", {"text": "Be kind to herons", "hint": "And ducks"}, boss.bearer)
    assert rule.status == 200, rule.text
    nobody.get("/api/v1/instance/rules"), nobody.get("/api/v2/instance")
    blocked = request(U + "/api/v1/admin/domain_blocks", "POST", {"domain": "bad.example", "severity": "suspend", "public_comment": "spam"}, boss.bearer)
    assert blocked.status == 200, blocked.text
    assert nobody.get("/api/v1/instance/domain_blocks")[0]["severity"] == "suspend"
    one = ada.get("/api/v1/announcements")[0]["id"]
    ada.put("/api/v1/announcements/{id}/reactions/{name}", one, "\N{DUCK}")
    assert ada.get("/api/v1/announcements")[0]["reactions"][0]["me"]
    ada.delete("/api/v1/announcements/{id}/reactions/{name}", one, "\N{DUCK}")
    ada.post("/api/v1/announcements/{id}/dismiss", one)


@story("takes back and deletes")
def ends():
    assert ben.get(A + "/{id}/statuses", ids["ada"]) and nobody.get("/api/v1/directory") and ada.get("/api/v1/featured_tags/suggestions")
    for version in ("v1", "v2"):
        assert dora.get(f"/api/{version}/suggestions")
    for verb in ("unreblog", "unfavourite", "unbookmark"):
        ben.post(S + "/{id}/" + verb, made["post"])
    ada.delete(S + "/{id}", made["post"])
    ada.delete("/api/v1/profile/avatar"), ada.delete("/api/v1/profile/header"), ada.delete("/api/v1/lists/{id}", made["list"])


@story("every operation that is offered was called")
def all_called():
    faults.extend(f"not called: {m} {p}" for m, p in sorted(OFFERED - called))


@story("the checker sees what is wrong")
def checker():
    for schema, value in (("Status", {}), ("Account", dict(ada.get(A + "/verify_credentials"), id=7)), ("Rule", {"id": "1", "text": None, "hint": ""})):
        assert SCHEMAS.faults({"$ref": "#/components/schemas/" + schema}, value), schema
    assert SCHEMAS.answer_faults("GET", A + "/verify_credentials", 418, "application/json", b"{}")


print(f"# {len(called)} of {len(OFFERED)} operations that are offered and described were called")
for method, path in sorted(called - filled):
    if not path.startswith("/api/v1/streaming/") and path != "/oauth/authorize":
        print(f"# had nothing in the list it gave: {method} {path}")
server.stop()
done()
