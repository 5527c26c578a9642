"""aether-fetch, our active side, against real servers: files, names, redirects, errors, bad links, many at once."""
import hashlib
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import http_servers
from http_servers import Script, chunked, target
from lab import HOST, STACK, TAP, Server, check, check_equal, wait_until

LOSSY = "--fault=drop=0.05,reorder=0.05,dup=0.02,corrupt=0.01"
URL = f"http://{HOST}"


def _start(context, lab, *args, address=STACK + "/24"):
    server = Server(lab, [f"--tap={TAP}", f"--address={address}", *map(str, args)], binary=context.bin / "aether-fetch")
    lab._processes.append(server)
    return server


def _fetch(context, lab, *args, code=0, seconds=40, **how):
    """Runs aether-fetch to its end and returns how that was."""
    done = _start(context, lab, *args, **how).wait(seconds * lab.slow)
    check_equal(done.code, code, f"exit code of {' '.join(map(str, args))} ({done.err[-1000:]})")
    return done


def _sentence(done, *patterns):
    """One line on the standard error, for a person."""
    lines = done.err.strip().splitlines()
    check_equal(len(lines), 1, f"lines on the standard error ({done.err!r})")
    check(lines[0].startswith("aether-fetch: ") and len(lines[0]) > 25, f"no sentence: {done.err!r}")
    for pattern in patterns:
        check(re.search(pattern, lines[0]), f"{pattern!r} is not in {lines[0]!r}")


def _sha(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def _content(folder, sizes, seed=1):
    source = random.Random(seed)
    made = {}
    for name, size in sizes.items():
        (folder / name).write_bytes(source.randbytes(size))
        made[name] = _sha(folder / name)
    return made


SIZES = {"empty": 0, "one": 1, "megabyte": 1 << 20, "large": 20_000_000}


def _files(context, *flags):
    with context.lab() as lab:
        root = lab.folder("root")
        sums = _content(root, SIZES)
        http_servers.files(lab, root)
        out = lab.folder("out") / "file"
        for name, wanted in sums.items():
            _fetch(context, lab, *flags, f"--output={out}", f"{URL}/{name}")
            check_equal((out.stat().st_size, _sha(out)), (SIZES[name], wanted), f"size and SHA-256 of {name}")


def case_files(context):
    """0 B, 1 B, 1 MB and 20 MB from Python's http.server, with the right SHA-256."""
    _files(context)


def case_files_lossy(context):
    _files(context, LOSSY + ",seed=1")


def case_files_classic(context):
    """With the profile that has the original's shortcuts."""
    _files(context, "--profile=classic")


def case_to_the_standard_output(context):
    """Whole, however slowly it is read; and in the order of the URLs."""
    with context.lab() as lab:
        root = lab.folder("root")
        sums = _content(root, {"a": 3_000_000, "b": 10})
        http_servers.files(lab, root)
        process = lab.spawn([context.bin / "aether-fetch", f"--tap={TAP}", f"--address={STACK}/24", f"{URL}/a", f"{URL}/b",
                             f"{URL}/a"], stdout=subprocess.PIPE, env=lab.environment)
        data = b""
        time.sleep(1)  # the pipe is full long before
        while piece := process.stdout.read(100_000):
            data += piece
            time.sleep(0.01)
        check_equal(process.wait(20), 0, "exit code")
        check_equal(len(data), 6_000_010, "bytes")
        parts = data[:3_000_000], data[3_000_000:3_000_010], data[3_000_010:]
        check_equal([hashlib.sha256(part).hexdigest() for part in parts], [sums["a"], sums["b"], sums["a"]], "SHA-256")


def case_reader_goes_away(context):
    with context.lab() as lab:
        root = lab.folder("root")
        _content(root, {"a": 3_000_000})
        http_servers.files(lab, root)
        process = lab.spawn([context.bin / "aether-fetch", f"--tap={TAP}", f"--address={STACK}/24", f"{URL}/a"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=lab.environment)
        check_equal(len(process.stdout.read(5)), 5, "bytes")
        process.stdout.close()
        check_equal(process.wait(20 * lab.slow), 1, "exit code")
        err = process.stderr.read().decode()
        check("cannot write to the standard output" in err, err)


def case_head_and_include(context):
    with context.lab() as lab:
        root = lab.folder("root")
        (root / "a").write_text("hello")
        http_servers.files(lab, root)
        done = _fetch(context, lab, "--head", f"{URL}/a")
        check(done.out.startswith("HTTP/1.0 200 OK"), done.out)
        check("Content-Length: 5" in done.out or "Content-length: 5" in done.out, done.out)
        check(not done.out.endswith("hello"), "content after HEAD")
        done = _fetch(context, lab, "--include", f"{URL}/a")
        check(done.out.startswith("HTTP/1.0 200 OK") and done.out.endswith("hello"), done.out)


def case_not_found(context):
    with context.lab() as lab:
        http_servers.files(lab, lab.folder("root"))
        out = lab.folder("out") / "file"
        done = _fetch(context, lab, f"--output={out}", f"{URL}/missing", code=1)
        _sentence(done, "404", "/missing")
        check(not out.exists(), "an error page was written")
        done = _fetch(context, lab, "--head", f"{URL}/missing", code=1)
        check("HTTP/1.0 404" in done.out, f"no header of the error: {done.out}")


def _chunked(context, *flags):
    body = random.Random(2).randbytes(700_000)

    def answer(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        data, at = chunked(body, [1, 7, 1460, 20000, 3]), 0
        while at < len(data):
            connection.sendall(data[at:at + 4001])
            at += 4001

    with context.lab() as lab, Script(answer):
        out = lab.folder("out") / "file"
        _fetch(context, lab, *flags, f"--output={out}", f"{URL}/")
        check_equal(out.read_bytes() == body, True, "content in chunks")


def case_chunked(context):
    _chunked(context)


def case_chunked_lossy(context):
    _chunked(context, LOSSY + ",seed=2")


def case_nginx(context):
    context.need("nginx")
    with context.lab() as lab:
        root = lab.folder("root")
        sums = _content(root, {"large": 20_000_000})
        config = lab.folder("nginx") / "conf"
        config.write_text("daemon off; master_process off; user root; error_log stderr; pid %s/pid; events {}\n"
                          "http { access_log off; server { listen %s:80; root %s; } }\n" % (config.parent, HOST, root))
        lab.spawn(["nginx", "-c", config, "-p", config.parent], stderr=-3)
        out = lab.folder("out") / "file"
        wait_until(lambda: lab.run(["ss", "-tln"]).stdout.count(":80 "), 10, "nginx did not start")
        _fetch(context, lab, f"--output={out}", f"{URL}/large")
        check_equal(_sha(out), sums["large"], "SHA-256")


def _dnsmasq(lab, *options):
    folder = lab.folder("dnsmasq")
    log = open(folder / "log", "wb")
    process = lab.spawn(
        ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", f"--interface={TAP}",
         "--bind-interfaces", "--except-interface=lo", "--log-queries", f"--pid-file={folder}/pid", "--local=/lab/",
         f"--host-record=www.lab,{HOST}", "--cname=alias.lab,www.lab", "--cname=more.lab,alias.lab",
         "--local-ttl=60", *options], stdout=log, stderr=log)
    log.close()
    wait_until(lambda: b"started" in (folder / "log").read_bytes() or process.poll() is not None, 5,
               "dnsmasq did not start")
    check(process.poll() is None, (folder / "log").read_text())
    return folder / "log"


def _names(context, *flags):
    context.need("dnsmasq")
    with context.lab() as lab, Script(lambda connection, _: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhi")) as server:
        log = _dnsmasq(lab)
        for name in ("www.lab", "alias.lab", "more.lab", "WWW.Lab"):
            check_equal(_fetch(context, lab, *flags, f"--dns={HOST}", f"http://{name}/").out, "hi", name)
            check(f"\r\nHost: {name.lower()}\r\n" in server.requests[-1], server.requests[-1])
        _sentence(_fetch(context, lab, *flags, f"--dns={HOST}", "http://nowhere.lab/", code=1), "nowhere.lab", "not found",
                  "no such name")
        # Once per run, however many fetches want to know.
        before = log.read_text().count("query[A] www.lab")
        _fetch(context, lab, f"--dns={HOST}", "--parallel=5", "--repeat=2", "--output=/dev/null", "http://www.lab/")
        check_equal(log.read_text().count("query[A] www.lab") - before, 1, "queries for ten fetches")


def case_names(context):
    """A record, aliases, upper case, no such name."""
    _names(context)


def case_names_lossy(context):
    _names(context, LOSSY + ",seed=3")


def case_first_server_is_dead(context):
    context.need("dnsmasq")
    with context.lab() as lab, Script(lambda connection, _: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhi")):
        _dnsmasq(lab)
        check_equal(_fetch(context, lab, f"--dns=10.0.0.77,{HOST}", "http://www.lab/").out, "hi", "content")


def case_no_name_server(context):
    with context.lab() as lab:
        _sentence(_fetch(context, lab, "http://www.lab/", code=1), "--dns")
        begin = time.monotonic()
        done = _fetch(context, lab, "--dns=10.0.0.77", "--max_time=2", "http://www.lab/", code=1)
        _sentence(done, "timed out", "www.lab")
        check(time.monotonic() - begin < 4 * lab.slow, "it took too long")


def _dhcp(context, *flags):
    context.need("dnsmasq")
    with context.lab() as lab, Script(lambda connection, _: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhi")):
        folder = lab.folder("dnsmasq")
        log = _dnsmasq(lab, "--dhcp-authoritative", "--no-ping", f"--dhcp-leasefile={folder}/leases",
                       "--dhcp-range=10.0.0.100,10.0.0.110,255.255.255.0,2m")
        done = _fetch(context, lab, *flags, "http://alias.lab/", address="dhcp")
        check_equal(done.out, "hi", "content")
        if not flags:
            wait_until(lambda: "DHCPRELEASE" in log.read_text(), 3, "the lease was not given back")


def case_dhcp(context):
    """Address and name server from one lease, which is given back."""
    _dhcp(context)


def case_dhcp_lossy(context):
    # A lost DISCOVER costs seconds; without an answer for 5 s there is no fetch.
    _dhcp(context, "--fault=drop=0.05,reorder=0.05,dup=0.02,corrupt=0.01,seed=4")


def case_no_dhcp_server(context):
    with context.lab() as lab:
        _sentence(_fetch(context, lab, f"{URL}/", code=1, address="dhcp"), "DHCP", "--address")


def case_refused(context):
    with context.lab() as lab:
        _sentence(_fetch(context, lab, f"{URL}:81/", code=1), "refused", f"{HOST}:81")


def case_nobody_there(context):
    """A host that does not answer ARP, and a network without a route."""
    with context.lab() as lab:
        begin = time.monotonic()
        _sentence(_fetch(context, lab, "--connect_timeout=2", "http://10.0.0.77/", code=1), "timed out", "10.0.0.77")
        check(1.9 < time.monotonic() - begin < 4 * lab.slow, "not after two seconds")
        _sentence(_fetch(context, lab, "http://192.0.2.1/", code=1), "no route")


def case_through_the_gateway(context):
    """What is not on the link goes through --gateway."""
    with context.lab() as lab:
        lab.ip("addr", "add", "192.0.2.1/32", "dev", "lo")
        root = lab.folder("root")
        (root / "a").write_text("beyond")
        lab.spawn([sys.executable, "-m", "http.server", "8080", "--bind", "192.0.2.1", "--directory", root],
                  stdout=-3, stderr=-3)
        wait_until(lambda: ":8080 " in lab.run(["ss", "-tln"]).stdout, 10, "http.server did not start")
        done = _fetch(context, lab, f"--gateway={HOST}", "http://192.0.2.1:8080/a")
        check_equal(done.out, "beyond", "content")


def case_server_goes_away(context):
    """Closed or reset before, within and after the header: always an error, and what came is told."""
    def answer(connection, request):
        what = target(request)
        if what == "/short":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 400)
        elif what == "/chunk":
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        elif what == "/header":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")
        elif what == "/reset":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 400)
            time.sleep(0.2)
            http_servers.reset(connection)
        elif what == "/nonsense":
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with context.lab() as lab, Script(answer):
        for what, words in {"short": ("400 of 1000",), "chunk": ("cut short", "5 bytes"), "header": ("header",),
                            "reset": ("reset",), "nothing": ("no response",), "nonsense": ("malformed",)}.items():
            _sentence(_fetch(context, lab, "--output=/dev/null", f"{URL}/{what}", code=1), *words)


def case_server_stalls(context):
    """Silence ends after --idle_timeout, drips after --max_time."""
    def answer(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhello")
        if target(request) == "/drip":
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.1)
        return "keep"

    with context.lab() as lab, Script(answer):
        begin = time.monotonic()
        _sentence(_fetch(context, lab, "--idle_timeout=1.5", "--output=/dev/null", f"{URL}/stall", code=1),
                  "timed out", "1.5 s")
        _sentence(_fetch(context, lab, "--idle_timeout=1", "--max_time=2", "--output=/dev/null", f"{URL}/drip", code=1),
                  "timed out", "2 s", "bytes")
        check(3.4 < time.monotonic() - begin < 6 * lab.slow, "not after their times")


def _redirects(context, *flags):
    def answer(connection, request):
        where = {"/a/b": "../c", "/c": "http://www.lab:80/d?e", "/d?e": "//www.lab/end", "/loop": "/loop",
                 "/tls": "https://www.lab/"}.get(target(request))
        if where:
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 4\r\n\r\nmove" % where.encode())
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend")

    context.need("dnsmasq")
    with context.lab() as lab, Script(answer) as server:
        _dnsmasq(lab)
        check_equal(_fetch(context, lab, *flags, f"--dns={HOST}", f"{URL}/a/b").out, "end", "content")
        check_equal([target(request) for request in server.requests][-4:], ["/a/b", "/c", "/d?e", "/end"], "requests")
        if flags:
            return
        _sentence(_fetch(context, lab, f"{URL}/loop", code=1), "redirects")
        check_equal(len([r for r in server.requests if target(r) == "/loop"]), 11, "requests in a loop")
        _sentence(_fetch(context, lab, f"--dns={HOST}", "--max_redirects=2", f"{URL}/a/b", code=1), "redirects")
        _sentence(_fetch(context, lab, f"{URL}/tls", code=1), "https", "not supported")


def case_redirects(context):
    _redirects(context)


def case_redirects_lossy(context):
    _redirects(context, LOSSY + ",seed=5")


def _parallel(context, *flags):
    with context.lab() as lab:
        root = lab.folder("root")
        sums = _content(root, {"file": 300_000})
        http_servers.files(lab, root)
        out = lab.folder("out")
        _fetch(context, lab, *flags, "--parallel=50", f"--output={out}/{{}}", f"{URL}/file")
        check_equal(sorted(os.listdir(out), key=int), [str(n) for n in range(1, 51)], "files")
        check_equal({_sha(out / name) for name in os.listdir(out)}, {sums["file"]}, "SHA-256")


def case_parallel(context):
    _parallel(context)


def case_parallel_lossy(context):
    _parallel(context, LOSSY + ",seed=6")


def case_parallel_into_one(context):
    """Several at once into one output: whole, one behind the other."""
    with context.lab() as lab:
        root = lab.folder("root")
        _content(root, {"file": 200_000})
        http_servers.files(lab, root)
        out = lab.folder("out") / "file"
        _fetch(context, lab, "--parallel=8", "--repeat=2", f"--output={out}", f"{URL}/file")
        check_equal(out.read_bytes() == (root / "file").read_bytes() * 16, True, "content")


def case_some_fail(context):
    """One failure does not stop the others; each is told, and the exit code is 1."""
    with context.lab() as lab:
        root = lab.folder("root")
        (root / "a").write_text("A")
        http_servers.files(lab, root)
        done = _fetch(context, lab, f"{URL}/a", f"{URL}/missing", f"{URL}:81/", f"{URL}/a", code=1)
        check_equal(done.out, "AA", "content")
        for words in ("404", "refused", "2 of 4 fetches failed"):
            check(words in done.err, done.err)


def case_verbose(context):
    with context.lab() as lab:
        root = lab.folder("root")
        (root / "a").write_text("hello")
        http_servers.files(lab, root)
        err = _fetch(context, lab, "--verbose", f"{URL}/a").err
        for pattern in (r"connecting to 10\.0\.0\.1:80", r"connected from 10\.0\.0\.2:\d+: mss \d+, window scaling yes, "
                        "timestamps yes, sack yes, ecn (yes|no)", "^> GET /a HTTP/1.1$", "^< HTTP/1.0 200 OK$",
                        r"5 bytes in \d", r"srtt \d+\.\d+ ms, .*cwnd \d+ bytes", r"sent \d+ segments again"):
            check(re.search(pattern, err, re.M), f"{pattern!r} is not in {err}")


def case_capture(context):
    with context.lab() as lab:
        root = lab.folder("root")
        (root / "a").write_text("hello")
        http_servers.files(lab, root)
        capture = lab.folder("out") / "a.pcap"
        _fetch(context, lab, f"--capture={capture}", f"{URL}/a")
        context.need("tcpdump")
        shown = lab.run(["tcpdump", "-nr", capture]).stdout
        check("GET /a HTTP/1.1" in shown and "ARP, Request who-has 10.0.0.1" in shown, shown)


def case_usage(context):
    """Exit code 2 and one sentence; nothing is touched."""
    with context.lab(tap=False) as lab:
        bad = [[], ["--nonsense", f"{URL}/"], ["--parallel=0", f"{URL}/"], ["--parallel=1001", f"{URL}/"],
               ["--repeat=-1", f"{URL}/"], ["--max_time=x", f"{URL}/"], ["--dns=1.2.3", f"{URL}/"],
               ["--max_redirects=101", f"{URL}/"], ["--output=", f"{URL}/"], ["not-a-url"], ["ftp://a/"],
               ["http://"], ["http://a b/"], ["--profile=best", f"{URL}/"], ["--fault=drop=2", f"{URL}/"]]
        for args in bad:
            _sentence(_fetch(context, lab, *args, code=2))
        _sentence(_fetch(context, lab, "https://www.lab/", code=2), "https", "not supported")
        check_equal(lab.links(), ["lo"], "interfaces afterwards")


def case_world_is_wrong(context):
    with context.lab() as lab:
        root = lab.folder("root")
        (root / "a").write_text("hello")
        http_servers.files(lab, root)
        missing = lab.folder("out") / "missing" / "file"
        _sentence(_fetch(context, lab, f"--output={missing}", f"{URL}/a", code=1), str(missing))
        _sentence(_fetch(context, lab, f"--capture={missing}", f"{URL}/a", code=1), str(missing))
        _sentence(_fetch(context, lab, f"{URL}/a", address="10.0.0.0/24", code=1), "address")
        _fetch(context, lab, f"http://{STACK}/", code=1)
        lab.start(ready=True)
        _sentence(_fetch(context, lab, f"{URL}/a", code=1, address="10.0.0.3/24"), TAP)


def case_signal(context):
    with context.lab() as lab, Script(lambda *_: "keep"):
        server = _start(context, lab, f"{URL}/")
        wait_until(lambda: "ESTAB" in lab.run(["ss", "-tan"]).stdout, 10 * lab.slow, "no connection")
        server.process.send_signal(signal.SIGINT)
        done = server.wait(10)
        check_equal(done.code, 1, "exit code")
        _sentence(done, "signal")
        wait_until(lambda: "ESTAB" not in lab.run(["ss", "-tan"]).stdout, 5, "the server was not reset")
