"""The DHCP client against dnsmasq and against a scripted server: lease, renewal, refusal, silence."""
import re
import time

from clients import Pinger, get
from dhcp_server import DISCOVER, REQUEST, DhcpServer
from lab import HOST, TAP, Failure, check, check_equal, wait_until

LEASED = r"^aether-run: address (\d+\.\d+\.\d+\.\d+)/(\d+) from DHCP \(gateway ([\d.]+|none), lease (\d+) s\)"


def _start(lab, *args):
    server = lab.start(*args, address="dhcp", ready=False)
    server.wait_for(r"^aether-run: waiting for DHCP on " + TAP)
    return server


def _answers(address):
    pinger = Pinger(address)
    try:
        return pinger.ping(b"x", seconds=0.5)[0] == b"x"
    finally:
        pinger.close()


def _dnsmasq(lab, *options):
    folder = lab.folder("dnsmasq")
    log = open(folder / "log", "wb")
    process = lab.spawn(
        ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root", f"--interface={TAP}",
         "--bind-interfaces", "--except-interface=lo", "--dhcp-authoritative", "--no-ping", "--log-dhcp",
         f"--dhcp-leasefile={folder}/leases", f"--pid-file={folder}/pid", f"--dhcp-option=3,{HOST}",
         "--dhcp-range=10.0.0.100,10.0.0.110,255.255.255.0,2m", *options], stdout=log, stderr=log)
    log.close()
    wait_until(lambda: b"DHCP, IP range" in (folder / "log").read_bytes() or process.poll() is not None, 5,
               "dnsmasq did not start")
    check(process.poll() is None, (folder / "log").read_text())
    return folder, process


def case_dnsmasq_lease(context):
    """A lease from dnsmasq, which then knows us by our link address; ping and HTTP work on it."""
    context.need("dnsmasq")
    with context.lab() as lab:
        folder, _ = _dnsmasq(lab)
        server = _start(lab, "--mac=02:00:00:00:aa:01")
        found = server.wait_for(LEASED)
        address = found.group(1)
        check(re.fullmatch(r"10\.0\.0\.1(0\d|10)", address), f"address {address}")
        check_equal((found.group(2), found.group(3)), ("24", HOST), "prefix length and gateway")
        check_equal(found.group(4), "120", "lease time")
        wait_until(lambda: _answers(address), 3, f"no ping reply from {address}")
        from clients import Http
        with Http(address=address) as connection:
            check_equal(connection.get().status, 200, "GET /")
        lease = (folder / "leases").read_text()
        check("02:00:00:00:aa:01" in lease and address in lease, f"dnsmasq knows {lease!r}")
        server.stop()


def case_dnsmasq_refuses(context):
    """dnsmasq is started anew with another range: on renewal it says NAK, and the client gets a new lease."""
    context.need("dnsmasq")
    with context.lab() as lab:
        folder, process = _dnsmasq(lab, "--dhcp-option=58,3", "--dhcp-option=59,60")
        server = _start(lab)
        old = server.wait_for(LEASED).group(1)
        process.terminate()
        process.wait(5)
        (folder / "leases").unlink()
        _dnsmasq(lab, "--dhcp-range=10.0.0.200,10.0.0.210,255.255.255.0,2m", "--dhcp-ignore-names",
                 f"--dhcp-host=02:ff:ff:ff:ff:ff,{old}")
        new = wait_until(lambda: [a for a in re.findall(LEASED, server.out(), re.M) if a[0] != old], 25,
                         lambda: f"no other address than {old}: {server.out()}\n{(folder / 'log').read_text()[-3000:]}")
        address = new[-1][0]
        wait_until(lambda: _answers(address), 3, f"no ping reply from {address}")
        check("DHCPNAK" in (folder / "log").read_text(), "dnsmasq sent no NAK")
        server.stop()


def case_renewal(context):
    """At half of the lease the client asks its server by unicast and keeps the address without a gap."""
    with context.lab() as lab, DhcpServer(lease_seconds=10) as dhcp:
        server = _start(lab)
        address = server.wait_for(LEASED).group(1)
        check_equal(address, "10.0.0.50", "address")
        first, second = dhcp.of(DISCOVER)[0], dhcp.of(REQUEST)[0]
        check_equal(second.xid, first.xid, "xid of the request")
        check_equal((second.address(50), second.address(54)), ("10.0.0.50", HOST), "requested address, server")
        wait_until(lambda: len(dhcp.acknowledged) >= 2, 8, "no renewal")
        _check_renewal(dhcp.of(REQUEST)[1], dhcp.acknowledged[0], 5)
        check(_answers("10.0.0.50"), "no ping reply after the renewal")
        check_equal(len(dhcp.of(DISCOVER)), 1, "discovers")
        server.stop()


def _check_renewal(message, begin, seconds):
    check_equal(message.ciaddr, "10.0.0.50", "ciaddr of a renewal")
    check_equal(message.source[0], "10.0.0.50", "source of a renewal")
    # [RFC 2131 4.3.6] neither the server nor the address is named in a renewal.
    check(54 not in message.options and 50 not in message.options, "options 50 or 54 in a renewal")
    after = message.when - begin
    check(seconds - 0.5 <= after <= seconds + 0.7, f"renewed {after:.2f} s after the lease began, not {seconds}")


def case_renewal_time_of_the_server(context):
    """The server's own T1 counts, again and again."""
    with context.lab() as lab, DhcpServer(lease_seconds=20, t1=1, t2=10) as dhcp:
        server = _start(lab)
        server.wait_for(LEASED)
        wait_until(lambda: len(dhcp.acknowledged) >= 4, 6, lambda: f"{len(dhcp.acknowledged)} acknowledgements in 6 s")
        for number, message in enumerate(dhcp.of(REQUEST)[1:4]):
            _check_renewal(message, dhcp.acknowledged[number], 1)
        check(_answers("10.0.0.50"), "no ping reply after renewals")
        server.stop()


def case_rebinding(context):
    """A server that no longer answers renewals is asked by broadcast from T2 on; one that answers then keeps us."""
    with context.lab() as lab:
        silent = []

        def on_request(message):
            if message.ciaddr == "0.0.0.0":
                return "ack"
            if len(dhcp.acknowledged) == 1 and message.when - dhcp.acknowledged[0] < 2.5:
                silent.append(message)
                return "silence"
            return "ack"

        with DhcpServer(lease_seconds=10, t1=1, t2=3, on_request=on_request) as dhcp:
            server = _start(lab)
            server.wait_for(LEASED)
            wait_until(lambda: len(dhcp.acknowledged) >= 2, 12, lambda: f"not bound again: {server.out()}")
            check(silent, "no renewal before T2")
            after = dhcp.acknowledged[1] - dhcp.acknowledged[0]
            check(after < 4, f"bound again {after:.1f} s after the lease began; T2 was 3 s")
            check(_answers("10.0.0.50"), "no ping reply")
            check_equal(len(dhcp.of(DISCOVER)), 1, "discovers")
            server.stop()


def case_refusal(context):
    """A NAK ends the use of the address at once; a new one is asked for and used."""
    with context.lab() as lab:
        def on_request(message):
            if message.ciaddr == "10.0.0.50":
                dhcp.address = "10.0.0.60"
                return "nak"
            return "ack"

        with DhcpServer(lease_seconds=10, t1=1, t2=5, on_request=on_request) as dhcp:
            server = _start(lab)
            server.wait_for(LEASED)
            server.wait_for(r"^aether-run: address 10\.0\.0\.60/24 from DHCP", 25)
            wait_until(lambda: _answers("10.0.0.60"), 3, "no ping reply from the new address")
            check(not _answers("10.0.0.50"), "the refused address still answers")
            check_equal(len(dhcp.of(DISCOVER)), 2, "discovers")
            server.stop()


def case_expiry(context):
    """When the lease runs out without an answer the address is not used any more."""
    with context.lab() as lab:
        def on_request(message):
            return "ack" if message.ciaddr == "0.0.0.0" and not dhcp.acknowledged else "silence"

        with DhcpServer(lease_seconds=10, t1=1, t2=2, on_request=on_request) as dhcp:
            server = _start(lab)
            server.wait_for(LEASED)
            wait_until(lambda: _answers("10.0.0.50"), 2, "no ping reply from the lease")
            time.sleep(max(0.0, dhcp.acknowledged[0] + 10.3 - time.monotonic()))
            check(not _answers("10.0.0.50"), "the address answers after its lease ran out")
            check(server.alive(), "aether-run ended")
            server.stop()


def case_no_server(context):
    """Without an answer for 5 s the address is 192.168.1.2/24, as the original's."""
    with context.lab(host="192.168.1.1/24") as lab:
        begin = time.monotonic()
        server = _start(lab)
        server.wait_for(r"fell back to 192\.168\.1\.2/24", 12 * lab.slow)
        took = time.monotonic() - begin
        check(4.5 <= took <= 6.5 * lab.slow, f"fell back after {took:.1f} s, not 5")
        wait_until(lambda: _answers("192.168.1.2"), 3, "no ping reply from 192.168.1.2")
        server.stop()


def case_late_server(context):
    """Requests are repeated: a server that is deaf to the first ones still gets to answer."""
    with context.lab() as lab:
        with DhcpServer() as dhcp:
            answer = dhcp._answer
            dhcp._answer = lambda message, kind: answer(message, kind) if len(dhcp.of(DISCOVER)) > 1 else None
            server = _start(lab)
            server.wait_for(LEASED, 12)
            discovers = dhcp.of(DISCOVER)
            check(len(discovers) >= 2, "no repetition")
            check(discovers[1].when - discovers[0].when > 0.5, "repeated at once")
            server.stop()
