#!/usr/bin/env python3
"""Hostile requests against a running server: bad_http.py PORT PID. Prints "ok NAME" and "not ok NAME: why"."""
import json
import socket
import sys
import time

port, pid = int(sys.argv[1]), int(sys.argv[2])
failed = 0


def say(good, name, why=""):
    global failed
    failed += not good
    print(f"ok http: {name}" if good else f"not ok http: {name}: {why}", flush=True)


def connect(timeout=5):
    return socket.create_connection(("127.0.0.1", port), timeout)


def raw(data, timeout=5, half_close=False):
    """Sends bytes; gives the status (None: no answer), head and body. half_close: and says that no more will come."""
    s = connect(timeout)
    got = b""
    try:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the server may answer and close before it has read everything
    try:
        while chunk := s.recv(65536):
            got += chunk
    except OSError:
        pass
    s.close()
    head, _, body = got.partition(b"\r\n\r\n")
    parts = head.split(b" ", 2)
    return (int(parts[1]) if len(parts) > 1 and parts[0].startswith(b"HTTP/") else None), head, body


def get(target, extra=b"", host=b"localhost"):
    return b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + extra + b"Connection: close\r\n\r\n"


def post(body, target=b"/api/mynah/ask", extra=b"", length=None):
    n = len(body) if length is None else length
    return (b"POST " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n" + extra +
            b"Content-Length: %d\r\n\r\n" % n + body)


def expect(name, data, statuses, closed_is_fine=False):
    status, head, body = raw(data, half_close=closed_is_fine)
    good = status in statuses or (closed_is_fine and status is None)
    why = f"answered {status}, not {statuses}"
    if good and b"application/json" in head:
        try:
            if b"chunked" not in head and b"content-encoding" not in head.lower():
                json.loads(body)
        except ValueError:
            good, why = False, "the body is not JSON"
    say(good, name, why)


def memory_kb():
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


before = memory_kb()
refused = {400}
expect("a header of 64 KiB", get(b"/", b"X-Long: " + b"a" * 65536 + b"\r\n"), {400, 431}, True)
expect("10,000 headers", get(b"/", b"X: y\r\n" * 10000), {400, 431}, True)
expect("an address of 64 KiB", get(b"/" + b"a" * 65536), {400, 414, 431}, True)
expect("a body larger than the limit", post(b"x" * 100000), {413})
expect("a Content-Length of a terabyte", post(b"{", length=1 << 40), {413})
expect("a Content-Length that overflows", post(b"{", length=1 << 70), refused | {413}, True)
expect("a negative Content-Length", post(b"{", length=-1), refused, True)
expect("a body where none is taken", b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", {200, 400, 413})
expect("two Content-Lengths", post(b"{}", extra=b"Content-Length: 40\r\n"), refused, True)
expect("Content-Length and Transfer-Encoding", post(b"0\r\n\r\n", extra=b"Transfer-Encoding: chunked\r\n"), refused, True)
expect("Transfer-Encoding of nonsense", post(b"", extra=b"Transfer-Encoding: nonsense\r\n"), refused | {501}, True)
expect("two Hosts", get(b"/", b"Host: evil.example\r\n"), refused)
expect("no Host", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", refused)
expect("a Host of control bytes", get(b"/", host=b"a\x01b"), refused, True)
expect("a line folded", get(b"/", b"X: a\r\n b\r\n"), {200, 400}, True)
expect("a space before the colon", get(b"/", b"Content-Length : 0\r\n"), refused, True)
expect("bare line feeds in a header", get(b"/", b"X: a\nY: b\n"), {200, 400}, True)
expect("noise", bytes(range(256)) * 64, refused, True)
expect("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, refused, True)
expect("a method that does not exist", b"BREW / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {405, 501})
expect("a method that is not taken here", b"DELETE /ask HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {405})
for t in (b"/%zz", b"/%", b"/@%c0%af", b"/@%ff", b"/%00", b"/tags/%00"):
    expect(f"address {t.decode()}", get(t), {400, 404})
# Queries are forms, and forms are read as browsers write and servers read them: what is no UTF-8 becomes U+FFFD.
for t in (b"/search?q=%ff%fe", b"/search?q=%", b"/api/mynah/search?q=%zz", b"/api/mynah/search?q=%00"):
    expect(f"address {t.decode()}", get(t), {200, 400})
for t in (b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/assets/../mynah.db", b"/assets/..%2fmynah.db", b"/assets/%2e%2e%2fmynah.conf",
          b"/assets/..\\mynah.db", b"//etc/passwd", b"/assets//etc/passwd"):
    status, head, body = raw(get(t))
    say(status in (400, 404) and b"root:" not in body and b"SQLite" not in body, f"address {t.decode()}", f"answered {status}")
for t in (b"/api/mynah/posts/99999999999999999999999", b"/api/mynah/posts/-1", b"/api/mynah/posts/1;drop", b"/api/mynah/accounts/'or'1'='1", b"/@ada/abc",
          b"/api/mynah/posts/1"):
    expect(f"address {t.decode()}", get(t), {400, 404})
for t in (b"/api/mynah/timeline?max_id=abc", b"/api/mynah/timeline?limit=-1", b"/api/mynah/search?q=ferry&limit=99999999999", b"/api/mynah/search"):
    expect(f"address {t.decode()}", get(t), {200, 400, 422})
bodies = {"not JSON": b"{nonsense", "nothing": b"", "a list": b"[]", "a number for a question": b'{"question":7}', "no question": b"{}",
          "invalid UTF-8": b'{"question":"\xff\xfe"}', "a NUL": b'{"question":"a\x00b"}', "deep": b"[" * 8000, "an empty question": b'{"question":""}',
          "half a surrogate pair": b'{"question":"\\ud800"}'}
for name, body in bodies.items():
    expect(f"asked with {name}", post(body), {400, 422})
expect("asked with a bad --before", post(b'{"question":"ferry","before":"yesterday"}'), {200, 400, 422})

s = connect()
s.sendall(post(b'{"question":', length=500))
s.close()
for _ in range(20):
    s = connect()
    s.sendall(get(b"/api/mynah/events"))
    s.close()
status, _, _ = raw(get(b"/healthz"))
say(status == 200, "clients that leave in the middle", f"healthz answered {status}")

slow = []
for i in range(50):
    s = connect()
    s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    slow.append(s)
worst, bad = 0.0, 0
for i in range(40):
    for s in slow[i % 50:: 10]:
        try:
            s.sendall(b"a")
        except OSError:
            pass
    t = time.monotonic()
    status, _, _ = raw(get(b"/" if i % 2 else b"/search?q=ferry"))
    worst = max(worst, time.monotonic() - t)
    bad += status != 200
say(bad == 0 and worst < 1.0, "answered while 50 trickle their headers", f"{bad} refused, slowest {worst:.2f} s")
# They are let go at the deadline for headers (10 s), however steadily they trickle.
deadline = time.monotonic() + 16
open_ones = list(slow)
while open_ones and time.monotonic() < deadline:
    time.sleep(0.5)
    for s in list(open_ones):
        try:
            s.sendall(b"a")
            s.setblocking(False)
            try:
                if s.recv(4096) == b"":
                    open_ones.remove(s)
            except BlockingIOError:
                pass
            s.setblocking(True)
        except OSError:
            open_ones.remove(s)
say(not open_ones, "those who trickle are let go", f"{len(open_ones)} of 50 are still connected")
for s in slow:
    s.close()
status, _, body = raw(get(b"/healthz"))
say(status == 200, "well after all that", f"healthz answered {status}")
grown = memory_kb() - before
say(grown < 65536, "memory stays small", f"grew by {grown} kB")
sys.exit(failed > 0)
