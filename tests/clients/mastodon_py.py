#!/usr/bin/python3
"""Debian's Mastodon.py against a running server: signs in by the code flow, posts with a picture, boosts, searches, follows,
reads notifications, streams, and is signed out with its stream."""

import datetime
import io
import sys
import time

from lib import PASSWORD, OOB, Browser, Server, check, done, picture, sign_up, skip, wait_for

try:
    import mastodon
    from mastodon import Mastodon, StreamListener
except ImportError:
    skip("Mastodon.py", "python3-mastodon is not here")
    sys.exit(0)

SCOPES = ["read", "write", "follow", "push"]
server = Server()
U = server.url


class Listener(StreamListener):
    """Collects what a stream tells."""

    def __init__(self):
        self.got = []

    def saw(self, kind, match=lambda x: True):
        return lambda: any(k == kind and match(x) for k, x in self.got)

    def on_update(self, status):
        self.got.append(("update", status))

    def on_notification(self, notification):
        self.got.append(("notification", notification))

    def on_delete(self, status_id):
        self.got.append(("delete", status_id))

    def on_status_update(self, status):
        self.got.append(("status.update", status))

    def on_conversation(self, conversation):
        self.got.append(("conversation", conversation))

    def on_filters_changed(self):
        self.got.append(("filters_changed", None))


def signed_in(name):
    """As a program of Mastodon.py signs somebody in: registers, shows the address, takes the code."""
    secret = Mastodon.create_app("bird watch", api_base_url=U, scopes=SCOPES, website="https://example.org/")
    client = Mastodon(client_id=secret[0], client_secret=secret[1], api_base_url=U)
    address = client.auth_request_url(scopes=SCOPES, redirect_uris=OOB, state="seven")
    client.log_in(code=Browser(U).allow(address, name), redirect_uri=OOB, scopes=SCOPES)
    return client


def refused(kind, body):
    try:
        body()
    except kind:
        return
    raise AssertionError(f"nothing was refused with {kind.__name__}")


def signs_in():
    for name in ("ada", "ben"):
        clients[name] = signed_in(name)
        assert clients[name].account_verify_credentials().username == name
        assert clients[name].app_verify_credentials().name == "bird watch"


def version():
    instance = ada.instance()
    found = ada.retrieve_mastodon_version()
    assert tuple(int(n) for n in found.split(".")[:2]) >= (4, 3), found
    assert ada.verify_minimum_version("4.0.0") and instance.urls.streaming_api, instance
    assert ada.instance_activity() and ada.instance_rules() == []


def password_grant():
    """The password grant, which Mastodon dropped in 4.4, is refused as the library expects."""
    id_, secret = Mastodon.create_app("old", api_base_url=U, scopes=SCOPES)
    old = Mastodon(client_id=id_, client_secret=secret, api_base_url=U)
    refused(mastodon.MastodonIllegalArgumentError, lambda: old.log_in("ada", PASSWORD, scopes=SCOPES))


def opens_streams():
    streams["ada"] = ada.stream_user(heard_ada, run_async=True)
    streams["ben"] = ben.stream_user(heard_ben, run_async=True)
    streams["talks"] = ada.stream_direct(heard_ada, run_async=True)
    streams["tag"] = ben.stream_hashtag("birds", heard_tag, run_async=True)
    time.sleep(1.5)  # the library does not say when a stream is open
    assert all(s.is_receiving() for s in streams.values()) and ada.stream_healthy()


def follows():
    relation = ben.account_follow(ada.me().id)
    assert relation.following and not relation.requested
    assert [a.username for a in ada.account_followers(ada.me().id)] == ["ben"]
    assert ada.account_relationships([ben.me().id])[0].followed_by
    wait_for("the follow", heard_ada.saw("notification", lambda n: n.type == "follow"))


def posts_with_picture():
    media = ada.media_post(io.BytesIO(picture()), mime_type="image/png", description="stripes", focus=(0.5, -0.5))
    assert media.type == "image" and media.meta.original.width == 64 and media.blurhash, media
    status = ada.status_post("A heron, seen twice. #birds", media_ids=[media], sensitive=True, spoiler_text="heron",
                             language="en", idempotency_key="heron")
    again = ada.status_post("A heron, seen twice. #birds", media_ids=[media], idempotency_key="heron")
    assert again.id == status.id
    shown = status.media_attachments[0]
    assert shown.description == "stripes" and status.spoiler_text == "heron" and status.sensitive
    assert abs(shown.meta.focus.x - 0.5) < 1e-6 and status.tags[0].name == "birds"
    wait_for("the post", heard_ben.saw("update", lambda s: s.id == status.id))
    wait_for("the post among those with its tag", heard_tag.saw("update", lambda s: s.id == status.id))
    assert ben.timeline_home()[0].id == status.id and ben.timeline_hashtag("birds")[0].id == status.id
    return status


def interacts():
    boost = ben.status_reblog(post.id)
    assert boost.reblog.id == post.id and boost.reblog.reblogged
    assert ben.status_favourite(post.id).favourited and ben.status_bookmark(post.id).bookmarked
    reply = ben.status_reply(ada.status(post.id), "I saw it, too.")
    assert reply.in_reply_to_id == post.id and reply.mentions[0].username == "ada"
    context = ada.status_context(post.id)
    assert [s.id for s in context.descendants] == [reply.id]
    assert [a.username for a in ada.status_reblogged_by(post.id)] == ["ben"]
    assert [a.username for a in ada.status_favourited_by(post.id)] == ["ben"]
    assert ben.bookmarks()[0].id == post.id and ben.favourites()[0].id == post.id
    seen = ada.status(post.id)
    assert (seen.reblogs_count, seen.favourites_count, seen.replies_count) == (1, 1, 1)
    for kind in ("reblog", "favourite", "mention"):
        wait_for(kind, heard_ada.saw("notification", lambda n, k=kind: n.type == k))


def reads_notifications():
    kinds = [n.type for n in ada.notifications()]
    assert sorted(kinds) == ["favourite", "follow", "mention", "reblog"], kinds
    assert [n.type for n in ada.notifications(types=["mention"])] == ["mention"]
    one = ada.notifications(limit=1)
    older = ada.fetch_next(one)
    assert len(one) == 1 and older[0].id != one[0].id
    ada.markers_set(["notifications"], [one[0].id])
    assert ada.markers_get(["notifications"]).notifications.last_read_id == one[0].id
    ada.notifications_dismiss(one[0].id)
    assert len(ada.notifications()) == 3


def searches():
    found = ada.search_v2("ben")
    assert [a.username for a in found.accounts] == ["ben"]
    assert [t.name for t in ada.search_v2("#birds", result_type="hashtags").hashtags] == ["birds"]
    assert [a.username for a in ada.account_search("be")] == ["ben"]
    assert ada.account_lookup("ben").id == ben.me().id


def edits():
    assert "thrice" in ada.status_update(post.id, "A heron, seen thrice. #birds", media_ids=[post.media_attachments[0].id]).content
    assert len(ada.status_history(post.id)) == 2 and ada.status_source(post.id).text.startswith("A heron")
    assert ada.status(post.id).edited_at
    wait_for("the edit", heard_ben.saw("status.update", lambda s: s.id == post.id))


def polls():
    asked = ada.status_post("Which?", poll=ada.make_poll(["reed", "weir"], 3600))
    ben.poll_vote(asked.poll.id, [1])  # gives nothing in 1.8
    voted = ben.poll(asked.poll.id)
    assert voted.voted and voted.own_votes == [1] and voted.votes_count == 1
    assert ada.poll(asked.poll.id).options[1].votes_count == 1


def direct():
    said = ben.status_post("@ada see you at the weir", visibility="direct")
    wait_for("the conversation", heard_ada.saw("conversation", lambda c: c.last_status.id == said.id))
    talk = ada.conversations()[0]
    assert talk.unread and talk.accounts[0].username == "ben"
    assert not ada.conversations_read(talk.id).unread
    assert said.id not in [s.id for s in ada.timeline_local()]


def profile():
    me = ada.account_update_credentials(display_name="Ada", note="Counts herons", avatar=picture(), avatar_mime_type="image/png",
                                        header=picture(), header_mime_type="image/png", fields=[("Weir", "the upper one")])
    assert me.display_name == "Ada" and me.fields[0].name == "Weir" and me.source.note == "Counts herons"
    assert "missing" not in me.avatar and ada.preferences()["posting:default:visibility"] == "public"
    assert ada.account_statuses(me.id, only_media=True)[0].id == post.id


def lists_and_filters():
    made = ben.list_create("Watchers")
    ben.list_accounts_add(made.id, [ada.me().id])
    assert [a.username for a in ben.list_accounts(made.id)] == ["ada"]
    assert post.id in [s.id for s in ben.timeline_list(made.id)]
    old = ben.filter_create("weir", ["home"])
    assert ben.filters()[0].phrase == "weir"
    ben.filter_update(old.id, phrase="lock", context=["home", "public"], whole_word=True)
    assert ben.filter(old.id).phrase == "lock" and sorted(ben.filter(old.id).context) == ["home", "public"]
    ben.filter_delete(old.id)
    ben.list_update(made.id, "Seers")
    assert [x.title for x in ben.lists()] == ["Seers"] and ben.account_lists(ada.me().id)[0].id == made.id
    ben.list_delete(made.id)
    wait_for("filters_changed", heard_ben.saw("filters_changed"))


def the_rest():
    ada.trending_tags(), ada.trending_statuses(), ada.trending_links(), ada.suggestions(), ada.directory()
    ada.custom_emojis(), ada.announcements(), ada.blocks(), ada.mutes(), ada.follow_requests(), ada.endorsements()
    ada.featured_tag_create("birds")
    assert ada.featured_tags()[0].name == "birds"
    later = ada.status_post("Later", scheduled_at=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1))
    assert [s.id for s in ada.scheduled_statuses()] == [later.id]
    ada.scheduled_status_delete(later.id)
    assert ada.account_mute(ben.me().id).muting and not ada.account_unmute(ben.me().id).muting
    assert ada.status_pin(post.id).pinned and ada.account_statuses(ada.me().id, pinned=True)[0].id == post.id
    assert not ben.report(ada.me().id, [post.id], "It was an egret").action_taken
    refused(mastodon.MastodonNotFoundError, lambda: ada.status(1))


def deletes():
    ada.status_delete(post.id)
    wait_for("the delete", heard_ben.saw("delete", lambda i: str(i) == str(post.id)))
    refused(mastodon.MastodonNotFoundError, lambda: ben.status(post.id))


def revokes():
    """Who is signed out hears nothing more: the stream ends, the token is refused."""
    token = ben.access_token
    assert streams["ben"].is_alive(), "the stream had ended before"
    ben.revoke_access_token()
    wait_for("the stream of a revoked token to end", lambda: not streams["ben"].is_alive())
    assert streams["ada"].is_alive(), "somebody else's stream ended"
    refused(mastodon.MastodonUnauthorizedError, Mastodon(access_token=token, api_base_url=U).account_verify_credentials)


try:
    sign_up(U, "ada", "ben")
    clients = {}
    check("Mastodon.py signs in with a code", signs_in)
    if len(clients) == 2:
        ada, ben = clients["ada"], clients["ben"]
        heard_ada, heard_ben, heard_tag, streams = Listener(), Listener(), Listener(), {}
        check("Mastodon.py knows the version", version)
        check("Mastodon.py is refused a password grant", password_grant)
        check("Mastodon.py opens streams", opens_streams)
        check("Mastodon.py follows, and the stream tells", follows)
        post = check("Mastodon.py posts with a picture, once, and the stream tells", posts_with_picture)
        if post:
            check("Mastodon.py boosts, favourites, bookmarks and replies, and the stream tells", interacts)
            check("Mastodon.py reads notifications, pages and marks them", reads_notifications)
            check("Mastodon.py searches", searches)
            check("Mastodon.py edits, and the stream tells", edits)
            check("Mastodon.py asks and votes", polls)
            check("Mastodon.py talks directly, and the stream tells", direct)
            check("Mastodon.py changes a profile", profile)
            check("Mastodon.py keeps lists and filters", lists_and_filters)
            check("Mastodon.py reads everything else", the_rest)
            check("Mastodon.py deletes, and the stream tells", deletes)
        check("Mastodon.py signs out and its stream ends", revokes)
finally:
    server.stop()
done()
