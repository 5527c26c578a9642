"""HTTP/1.1: the built-in page, files, methods, errors, connections that stay or end, requests cut anywhere."""
import hashlib
import os
import random
import re
import time

from clients import Http, get
from lab import STACK, check, check_equal


def case_page(context):
    """The page at `/` as curl gets it; its title contains Project Aether."""
    context.need("curl")
    with context.lab() as lab:
        lab.start()
        page = lab.run(["curl", "-sS", "--max-time", 5, f"http://{STACK}/"]).stdout
        check(re.search(r"<title>[^<]*Project Aether[^<]*</title>", page), page[:300])
        head = lab.run(["curl", "-sS", "--max-time", 5, "-I", f"http://{STACK}/"]).stdout
        check(head.startswith("HTTP/1.1 200"), head)
        length = re.search(r"(?im)^content-length: (\d+)", head)
        check(length and int(length.group(1)) == len(page.encode()), f"HEAD tells another length: {head}")
        codes = lab.run(["curl", "-sS", "--max-time", 5, "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\\n",
                         f"http://{STACK}/", "-o", "/dev/null", f"http://{STACK}/nothing"]).stdout.split()
        check_equal(codes, ["200", "1", "404", "0"], "curl: codes, and connections made (keep-alive)")


def case_methods(context):
    with context.lab() as lab:
        lab.start()
        with Http() as connection:
            check_equal(connection.get("/").status, 200, "GET /")
            head = connection.get("/", method="HEAD")
            check_equal((head.status, head.body), (200, b""), "HEAD /")
            check_equal(connection.get("/nothing").status, 404, "GET /nothing")
            check_equal(connection.get("/nothing", method="HEAD").status, 404, "HEAD /nothing")
            check_equal(connection.get("/").status, 200, "GET / after them, on the same connection")
        for method in ("POST", "PUT", "DELETE"):
            refused = get(method=method, extra="Content-Length: 0\r\n")
            check_equal(refused.status, 405, f"{method} /")
            check("GET" in refused.headers.get("allow", ""), f"405 without a useful Allow: {refused.headers}")


def case_keep_alive(context):
    with context.lab() as lab:
        server = lab.start()
        with Http() as connection:
            first = connection.get()
            for _ in range(200):
                check_equal(connection.get().raw, first.raw, "a later response on the same connection")
            last = connection.get(extra="Connection: close\r\n")
            check_equal(last.body, first.body, "the body of the last response")
            check_equal(last.headers.get("connection", "").lower(), "close", "Connection of the last response")
            check(connection.at_end(), "Connection: close, and it stays open")
        done = server.stop()
        check_equal(done.counters.get("tcp_accepted"), 1, "connections accepted")


def case_http_1_0(context):
    with context.lab() as lab:
        lab.start()
        with Http() as connection:
            connection.send(b"GET / HTTP/1.0\r\n\r\n")
            page = connection.response()
            check(page.status == 200 and b"Project Aether" in page.body, f"status {page.status}")
            check(connection.at_end(), "HTTP/1.0 without keep-alive stays open")
        with Http() as connection:
            for _ in range(3):
                connection.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                check_equal(connection.response().status, 200, "HTTP/1.0 with keep-alive")


def case_pipelining(context):
    """Requests sent before the first answer are answered in order."""
    with context.lab() as lab:
        lab.start()
        with Http() as connection:
            paths = ["/", "/none", "/", "/none"] * 25
            connection.send("".join(f"GET {p} HTTP/1.1\r\nHost: a\r\n\r\n" for p in paths).encode())
            got = [connection.response().status for _ in paths]
            check_equal(got, [200 if p == "/" else 404 for p in paths], "status codes in order")


def case_byte_by_byte(context):
    with context.lab() as lab:
        lab.start()
        with Http() as connection:
            whole = connection.get().raw
        with Http() as connection:
            for byte in f"GET / HTTP/1.1\r\nHost: {STACK}\r\nX-Filler: abc\r\n\r\n".encode():
                connection.send(bytes([byte]))
                time.sleep(0.001)
            check_equal(connection.response().raw, whole, "the response to a request sent byte by byte")


def case_cut_anywhere(context):
    """The same request in two segments, cut at every position, on one connection."""
    with context.lab() as lab:
        lab.start()
        request = f"GET / HTTP/1.1\r\nHost: {STACK}\r\n\r\n".encode()
        with Http() as connection:
            connection.send(request)
            whole = connection.response().raw
            for cut in range(1, len(request)):
                connection.send(request[:cut])
                time.sleep(0.002)
                connection.send(request[cut:])
                check_equal(connection.response().raw, whole, f"the response to a request cut at {cut}")


def case_bad_requests(context):
    """Limits and syntax have their own status, and the server lives on."""
    cases = [
        (b"GET\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400), (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Long: " + b"b" * 60_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", 431),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
    ]
    with context.lab() as lab:
        lab.start()
        for request, wanted in cases:
            with Http() as connection:
                try:
                    connection.send(request)
                except OSError:
                    pass  # the server may have answered and closed before it was all sent
                got = connection.response().status
                check(got == wanted or (wanted == 505 and got in (400, 505)), f"{request[:60]!r}: {got}, not {wanted}")
        check_equal(get().status, 200, "GET / afterwards")


def case_files(context):
    """Files of 0 B to 10 MB arrive unchanged, by curl and by hand, and with another client at the same time."""
    context.need("curl")
    with context.lab() as lab:
        root = lab.folder("www")
        generator = random.Random(4)
        files = {"empty": b"", "one": b"x", "odd.txt": generator.randbytes(1461), "sub/page.html": b"<p>sub</p>",
                 "million.bin": generator.randbytes(1_000_000), "ten.bin": generator.randbytes(10_000_000),
                 "with space.txt": b"space"}
        for name, data in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(data)
        (root / "sub/index.html").write_bytes(b"the index of sub")
        lab.start(f"--http_root={root}")
        for name, data in files.items():
            path = name.replace(" ", "%20")
            got = lab.run(["curl", "-sS", "--max-time", 40, f"http://{STACK}/{path}"], seconds=45, text=False).stdout
            check(hashlib.sha256(got).digest() == hashlib.sha256(data).digest(),
                  f"/{name}: {len(got)} of {len(data)} bytes, or other ones")
        with Http() as connection:
            for name, data in files.items():
                response = connection.get("/" + name.replace(" ", "%20"))
                check(response.status == 200 and response.body == data, f"/{name} on a kept connection")
            check_equal(connection.get("/sub/").body, b"the index of sub", "/sub/")
            check_equal(connection.get("/one?query=1").body, b"x", "/one?query=1")
            check_equal(connection.get("/none").status, 404, "/none")
        # A client that stops reading for a while gets everything all the same, and does not hold up others.
        with Http() as slow:
            slow.send(b"GET /ten.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.5)
            check_equal(get("/one").body, b"x", "another client meanwhile")
            check(slow.response().body == files["ten.bin"], "a slow client's file")


def case_paths_stay_inside(context):
    """Nothing outside of the root is served: dots, encoded dots, doubled slashes, links."""
    with context.lab() as lab:
        root = lab.folder("www")
        secret = lab.folder("outside") / "secret"
        secret.write_text("the secret")
        (root / "inside").write_text("inside")
        (root / "sub").mkdir()
        os.symlink(secret, root / "link")
        os.symlink("/", root / "sub/root")
        lab.start(f"--http_root={root}")
        attempts = ["/../outside/secret", "/%2e%2e/outside/secret", "/..%2foutside%2fsecret", "/sub/../../outside/secret",
                    "/.%2e/outside/secret", "//../outside/secret", "/sub/%2e%2e/%2e%2e/outside/secret", "/link",
                    "/sub/root" + str(secret), str(secret), "/..\\outside\\secret", "/%252e%252e/outside/secret",
                    "/..%c0%af..%c0%afoutside/secret", "/../../../../../../../etc/passwd", "/sub/root/etc/passwd",
                    "/inside%00.html", "/..", "/../", "/..;/outside/secret"]
        for path in attempts:
            with Http() as connection:
                response = connection.get(path)
                check(b"secret" not in response.body.lower() or response.status >= 400, f"{path} is served")
                check(b"root:" not in response.body, f"{path} is served")
                check(response.status in (200, 301, 308, 400, 403, 404), f"{path}: status {response.status}")
                check(response.status != 200 or path.rstrip("/.") == "", f"{path}: status {response.status}")
        absolute = get(f"http://{STACK}/inside")
        check(absolute.body == b"inside", f"absolute form: {absolute.status}")
        check_equal(get("/sub/../inside").body, b"inside", "dots that stay inside")


def case_slow_client_times_out(context):
    """A client that sends half a request and nothing more is let go; others are not held up by it."""
    with context.lab() as lab:
        lab.start()
        with Http() as idle, Http() as half:
            half.send(b"GET / HTTP/1.1\r\nHost: a\r\nX")
            check_equal(get().status, 200, "another client meanwhile")
            half.socket.settimeout(50)
            got = b""
            while part := half.socket.recv(4096):
                got += part
            check(got == b"" or b" 408 " in got[:20], f"half a request is answered with {got[:80]!r}")
            del idle
