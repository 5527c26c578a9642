#!/usr/bin/env python3
"""The applications of aether-run on the kernel's sockets: echo over TCP and UDP, and an HTTP server of one page.

    peer.py ADDRESS ECHO_PORT HTTP_PORT PAGE_FILE REFUSAL_FILE

PAGE_FILE holds the response, byte for byte as aether-run sends it, REFUSAL_FILE the one to a request that ends too early.
Every request asks to close the connection: the server answers, closes its side and reads on until the client has closed
too.
"""
import fcntl
import select
import socket
import struct
import sys
import time

# Services that answer whatever comes; stack/app/echo_server.cc has the same ones.
ANSWERING_PORTS = (0, 7, 13, 17, 19, 37)
IDLE_SECONDS = 30
# HttpLimits::linger_timeout: how long after its own FIN, all acknowledged, the server waits for the client's.
LINGER_SECONDS = 2
_SIOCOUTQ = 0x5411


class Peer:
    def __init__(self, address, echo_port, http_port, page, refusal):
        self.page, self.refusal = page, refusal
        self.poller = select.epoll()
        self.listeners = {}
        for port, handler in ((echo_port, self.echo), (http_port, self.http)):
            listener = socket.create_server((address, port), backlog=4096)
            listener.setblocking(False)
            self.listeners[listener.fileno()] = (listener, handler)
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.datagrams.bind((address, echo_port))
        self.datagrams.setblocking(False)
        for number in (*self.listeners, self.datagrams.fileno()):
            self.poller.register(number, select.EPOLLIN)
        self.connections = {}

    def run(self):
        swept = time.monotonic()
        while True:
            for number, _ in self.poller.poll(0.1):
                if number in self.listeners:
                    self.accept(*self.listeners[number])
                elif number == self.datagrams.fileno():
                    self.answer_datagrams()
                elif number in self.connections:
                    self.serve(number)
            if time.monotonic() > swept + 0.1:
                swept = time.monotonic()
                for number in [n for n, state in self.connections.items() if self.is_over(state, swept)]:
                    self.end(number)

    @staticmethod
    def is_over(state, now):
        if state["done"] != "said":
            # A client that went away without a word.
            return state["since"] < now - IDLE_SECONDS
        if state["since"] > now - LINGER_SECONDS:
            return False
        # As HttpServer::OnLingerDeadline: while the client takes something there is time for more.
        state["since"] = now
        left = struct.unpack("i", fcntl.ioctl(state["socket"], _SIOCOUTQ, b"\0" * 4))[0]
        before, state["left"] = state["left"], left
        return left == 0 == before

    def accept(self, listener, handler):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # [RFC 9293 3.8.5] [RFC 6093 4] urgent data stays in its place, as on our side.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            except OSError:
                pass
            self.connections[connection.fileno()] = {"socket": connection, "handler": handler, "out": b"", "in": b"",
                                                     "eof": False, "done": False, "left": 1, "since": time.monotonic()}
            self.poller.register(connection.fileno(), select.EPOLLIN | select.EPOLLRDHUP)
            self.serve(connection.fileno())

    def serve(self, number):
        state = self.connections[number]
        try:
            while not state["eof"]:
                piece = state["socket"].recv(65536)
                state["eof"] = not piece
                state["in"] += piece
        except BlockingIOError:
            pass
        except OSError:
            self.end(number)
            return
        state["handler"](state)
        try:
            if state["out"]:
                state["out"] = state["out"][state["socket"].send(state["out"]):]
        except BlockingIOError:
            pass
        except OSError:
            self.end(number)
            return
        if not state["out"] and (state["eof"] or state["done"]):
            if state["eof"]:
                self.end(number)
                return
            if state["done"] is True:
                state["socket"].shutdown(socket.SHUT_WR)
                state["done"], state["since"] = "said", time.monotonic()
        self.poller.modify(number, (0 if state["eof"] else select.EPOLLIN) |
                           (select.EPOLLOUT if state["out"] else 0))

    def end(self, number):
        self.poller.unregister(number)
        self.connections.pop(number)["socket"].close()

    @staticmethod
    def echo(state):
        state["out"] += state["in"]
        state["in"] = b""

    def http(self, state):
        if not state["done"] and b"\r\n\r\n" in state["in"]:
            state["out"], state["done"] = self.page, True
        elif not state["done"] and state["eof"] and state["in"]:
            state["out"], state["done"] = self.refusal, True
        if state["done"]:
            state["in"] = b""

    def answer_datagrams(self):
        while True:
            try:
                payload, sender = self.datagrams.recvfrom(65536)
            except OSError:
                return
            if sender[1] in ANSWERING_PORTS:
                continue
            try:
                self.datagrams.sendto(payload, sender)
            except OSError:
                pass


if __name__ == "__main__":
    with open(sys.argv[4], "rb") as page_file, open(sys.argv[5], "rb") as refusal_file:
        Peer(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), page_file.read(), refusal_file.read()).run()
