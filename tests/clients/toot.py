#!/usr/bin/python3
"""Debian's toot, a client for the terminal, against a running server: what its user types and what it prints."""

import os
import re
import shutil
import subprocess
import sys
import threading

from lib import Browser, Server, check, done, picture, sign_up, skip

TOOT = shutil.which("toot")
if not TOOT:
    skip("toot", "toot is not here")
    sys.exit(0)

server = Server()
HOST = server.url.removeprefix("http://")


def environment(name):
    """Each person has a folder of settings of their own."""
    return dict(os.environ, XDG_CONFIG_HOME=os.path.join(server.data, name), BROWSER="true", TERM="dumb")


def toot(name, *args, fails=False):
    """Runs toot as this person; what it printed."""
    ran = subprocess.run([TOOT, *args, "--no-color"], env=environment(name), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60, text=True, check=False)
    assert (ran.returncode != 0) == fails, f"toot {args} ended with {ran.returncode}: {ran.stdout}"
    return ran.stdout


def id_of(said):
    return re.search(r"(\d+)\s*$", said.strip()).group(1)


def signs_in(name):
    """toot shows an address and asks for the code that the browser shows there."""
    command = [TOOT, "login", "--instance", HOST, "--disable-https", "--no-color"]
    p = subprocess.Popen(command, env=environment(name), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    timer = threading.Timer(60, p.kill)
    timer.start()
    said = ""
    try:
        while not (address := re.search(r"^(http\S+/oauth/authorize/?\?\S+)$", said, re.M)):
            line = p.stdout.readline()
            assert line, said
            said += line
        code = Browser(server.url).allow(address.group(1), name)
        rest, _ = p.communicate(f"n\n{code}\n")
    finally:
        timer.cancel()
    assert p.returncode == 0 and "Successfully logged in" in rest, said + rest
    assert f"{name}@{HOST}" in toot(name, "auth")
    assert name in toot(name, "whoami")


def posts_with_picture():
    path = os.path.join(server.data, "stripes.png")
    with open(path, "wb") as f:
        f.write(picture())
    assert "image" in toot("ada", "upload", path)
    said = toot("ada", "post", "A heron over the weir. #birds", "--media", path, "--description", "stripes", "--spoiler-text", "heron",
                "--sensitive", "--language", "en")
    assert "Toot posted" in said, said
    shown = toot("ben", "timeline", "--public", "--local", "--once")
    assert "A heron over the weir" in shown and "stripes" in shown or "/media/" in shown, shown
    return id_of(said)


def follows():
    assert "now following" in toot("ben", "follow", "ada")
    assert "ada" in toot("ben", "following", "ben") and "ben" in toot("ada", "followers", "ada")
    assert "A heron over the weir" in toot("ben", "timeline", "--once")


def interacts():
    for command, words in (("reblog", "reblogged"), ("favourite", "favourited"), ("bookmark", "bookmarked")):
        assert words in toot("ben", command, post)
    toot("ben", "post", "@ada I saw it, too.", "--reply-to", post)
    assert "I saw it, too" in toot("ada", "thread", post)
    assert "ben" in toot("ada", "reblogged_by", post)
    assert "A heron over the weir" in toot("ben", "bookmarks", "--once")
    assert "pinned" in toot("ada", "pin", post)
    assert "unpinned" in toot("ada", "unpin", post)


def reads_notifications():
    said = toot("ada", "notifications")
    for words in ("now follows you", "reblogged your status", "favourited your status", "mentioned you"):
        assert words in said, said
    assert "I saw it, too" in toot("ada", "notifications", "--mentions")
    toot("ada", "notifications", "--clear")
    assert "mentioned" not in toot("ada", "notifications")
    for command, words in (("unreblog", "unreblogged"), ("unfavourite", "unfavourited"), ("unbookmark", "unbookmarked")):
        assert words in toot("ben", command, post)


def searches():
    said = toot("ada", "search", "ben")
    assert "@ben" in said, said
    assert "birds" in toot("ada", "search", "#birds")
    assert "@ada" in toot("ben", "whois", "ada")


def tags():
    toot("ben", "tags_follow", "birds")
    assert "birds" in toot("ben", "tags_followed")
    toot("ben", "tags_unfollow", "birds")
    assert "birds" not in toot("ben", "tags_followed")
    assert "A heron over the weir" in toot("ben", "timeline", "--tag", "birds", "--once")


def shuts_out():
    for command, words in (("mute", "You have muted"), ("unmute", "no longer muted"), ("block", "now blocking"), ("unblock", "no longer blocked")):
        said = toot("ada", command, "ben")
        assert words in said, said
    assert "ada" not in toot("ben", "following", "ben"), "who was blocked follows no more"
    toot("ben", "follow", "ada")
    assert "no longer following" in toot("ben", "unfollow", "ada")


def the_rest():
    assert "compatible; mynah" in toot("ada", "instance", "--disable-https")
    assert "scheduled for" in toot("ada", "post", "Later", "--scheduled-in", "1 hour")
    assert "Record not found" in toot("ada", "favourite", "1", fails=True)
    toot("ada", "delete", post)
    assert "Record not found" in toot("ben", "thread", post, fails=True)


def signs_out():
    toot("ben", "logout", f"ben@{HOST}")
    assert "requires that you are logged in" in toot("ben", "whoami")


try:
    sign_up(server.url, "ada", "ben")
    check("toot logs in with the code that the browser shows", lambda: [signs_in(n) for n in ("ada", "ben")])
    post = check("toot posts with a picture and a warning", posts_with_picture)
    if post:
        check("toot follows, and the home timeline has what was posted", follows)
        check("toot boosts, favourites, bookmarks, pins and replies", interacts)
        check("toot reads notifications, clears them, and takes back what made them", reads_notifications)
        check("toot searches", searches)
        check("toot follows tags and reads them", tags)
        check("toot mutes, blocks and unfollows", shuts_out)
        check("toot reads the instance, schedules, deletes, and is told what is not there", the_rest)
    check("toot logs out", signs_out)
finally:
    server.stop()
done()
