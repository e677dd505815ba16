"""What the tests of clients share: a server on a free port of the loopback, a browser that fills in forms, checks by name.

Only the standard library. Test programs print `ok NAME`, `not ok NAME` and `skipped NAME: WHY`, as tools/run-clients.sh counts
them; MYNAH names the program.
"""

import atexit
import html.parser
import http.cookiejar
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
import zlib

OOB = "urn:ietf:wg:oauth:2.0:oob"
PASSWORD = "seven herons over the weir"
PROGRAM = os.environ.get("MYNAH", "./mynah")
failures = 0


def check(name, body):
    """Runs body; what it returns, or None after a failure, which is told."""
    global failures
    try:
        result = body()
        print("ok", name, flush=True)
        return result
    except Exception:
        failures += 1
        print("not ok", name)
        print(re.sub("^", "    ", traceback.format_exc(), flags=re.M), flush=True)
        return None


def skip(name, why):
    print(f"skipped {name}: {why}", flush=True)


def done():
    """Ends the program: 1 when a check failed."""
    sys.exit(1 if failures else 0)


def wait_for(what, there, seconds=15):
    """Until there() is true; fails with `what` after so many seconds."""
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def picture(width=64, height=48):
    """A PNG of stripes."""
    rows = b"".join(b"\0" + bytes([y * 5 % 256, 100, 200]) * width for y in range(height))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Server:
    """`mynah serve` with a data folder of its own (or the one that is given) and no rate limits; `conf` adds lines to mynah.conf."""

    def __init__(self, conf="", data=None):
        self.data = data or tempfile.mkdtemp(prefix="mynah-clients-")
        with open(os.path.join(self.data, "mynah.conf"), "w") as f:
            f.write("rate_limits = off\n" + conf)
        self.log = open(os.path.join(self.data, "log"), "w+")
        command = [PROGRAM, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--no-sample", "--no-train"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.url = None
        atexit.register(self.stop)
        wait_for("the server", self._told)

    def words(self):
        with open(os.path.join(self.data, "log")) as f:
            return f.read()

    def _told(self):
        assert self.process.poll() is None, self.words()
        found = re.search(r"http://127\.0\.0\.1:([1-9]\d*)", self.words())
        self.url = found and found.group(0)
        return found and "one-time password" in self.words()

    def operator_password(self):
        return re.search(r"one-time password (\S+)", self.words()).group(1)

    def stop(self):
        """Also at the end of the program, however it comes."""
        atexit.unregister(self.stop)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *rest):
        return None


def multipart(fields, files):
    """(content type, body) of fields {name: text} and files {name: (file name, type, bytes)}."""
    edge = "mynah-clients-edge"
    parts = []
    for name, value in fields.items():
        parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, (filename, kind, data) in files.items():
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return f"multipart/form-data; boundary={edge}", b"".join(parts) + f"--{edge}--\r\n".encode()


def request(url, method="GET", data=None, headers=None, opener=None, timeout=30):
    """One request; the answer of any status. `data` is bytes, or a dict sent as a form."""
    if isinstance(data, dict):
        data = urllib.parse.urlencode(data, doseq=True).encode()
    asked = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with (opener or urllib.request.build_opener(_Stay)).open(asked, timeout=timeout) as r:
            return Answer(r.status, r.headers, r.read())
    except urllib.error.HTTPError as e:
        with e:
            return Answer(e.code, e.headers, e.read())


class _Forms(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.forms = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action"), "fields": {}, "buttons": []})
        elif tag == "input" and self.forms and a.get("name") and a.get("type") not in ("submit", "checkbox", "radio"):
            self.forms[-1]["fields"][a["name"]] = a.get("value") or ""
        elif tag == "button" and self.forms and a.get("name"):
            self.forms[-1]["buttons"].append((a["name"], a.get("value") or ""))


class Browser:
    """Keeps cookies, follows redirects of its own server, fills in forms as a person would."""

    def __init__(self, base):
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), _Stay)
        self.at, self.page = None, ""

    def go(self, url, data=None):
        """To this address and on through redirects; the first address elsewhere ends the way. Gives where it ended."""
        for _ in range(10):
            self.at = urllib.parse.urljoin(self.at or self.base + "/", url)
            if not self.at.startswith(self.base + "/"):
                return self.at
            answer = request(self.at, "POST" if data is not None else "GET", data, {"Accept": "text/html"}, self.opener)
            self.page = answer.text
            if answer.status not in (302, 303):
                assert answer.status == 200, f"{self.at} answered {answer.status}: {self.page[-600:]}"
                return self.at
            url, data = answer.headers["Location"], None
        raise AssertionError(f"{self.at} goes round in circles")

    def submit(self, action, button=None, **filled):
        """Sends the form of this page whose action is `action`, with these fields filled in and this button pressed."""
        for form in _Forms(self.page).forms:
            if urllib.parse.urlsplit(form["action"]).path == action:
                fields = dict(form["fields"], **filled)
                if button:
                    assert button in form["buttons"], f"the form has the buttons {form['buttons']}"
                    fields[button[0]] = button[1]
                return self.go(form["action"], fields)
        raise AssertionError(f"{self.at} has no form for {action}: {self.page[-600:]}")

    def sign_in(self, name, password=PASSWORD):
        self.go("/auth/sign_in")
        self.submit("/auth/sign_in", name=name, password=password)
        if 'action="/auth/setup"' in self.page:
            self.submit("/auth/setup", password=PASSWORD)

    def allow(self, url, name=None, password=PASSWORD):
        """What somebody does with an authorize address: signs in where asked (as `name`), allows; the code, shown or in the redirect."""
        self.go(url)
        if 'action="/auth/sign_in"' in self.page:
            self.submit("/auth/sign_in", name=name, password=password)
        if 'action="/oauth/authorize"' in self.page:
            self.submit("/oauth/authorize", button=("decision", "allow"))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.at).query)
        assert "code" in query, f"no code: {self.at} {self.page[-600:]}"
        return query["code"][0]


def sign_up(url, *names):
    """Members made through the API, as an app does; their tokens {name: token}."""
    form = {"client_name": "sign-up", "redirect_uris": OOB, "scopes": "read write follow push"}
    app = request(url + "/api/v1/apps", "POST", form).json
    form = {"grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": app["client_secret"],
            "scope": "read write follow push"}
    bearer = {"Authorization": "Bearer " + request(url + "/oauth/token", "POST", form).json["access_token"]}
    tokens = {}
    for name in names:
        form = {"username": name, "password": PASSWORD, "email": f"{name}@example.com", "agreement": "true", "locale": "en"}
        answer = request(url + "/api/v1/accounts", "POST", form, bearer)
        assert answer.status == 200, answer.text
        tokens[name] = answer.json["access_token"]
    return tokens


def token_for(url, browser, scopes, name=None, password=PASSWORD):
    """A token by the code flow, for whoever `browser` is signed in as."""
    form = {"client_name": "by hand", "redirect_uris": OOB, "scopes": scopes}
    app = request(url + "/api/v1/apps", "POST", form).json
    query = {"response_type": "code", "client_id": app["client_id"], "redirect_uri": OOB, "scope": scopes}
    code = browser.allow("/oauth/authorize?" + urllib.parse.urlencode(query), name, password)
    form = {"grant_type": "authorization_code", "code": code, "client_id": app["client_id"],
            "client_secret": app["client_secret"], "redirect_uri": OOB}
    return request(url + "/oauth/token", "POST", form).json["access_token"]
