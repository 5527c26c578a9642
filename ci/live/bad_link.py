"""Two network namespaces with aether-link between them: a client's kernel at one end, at the other one another kernel
or aether-run.

    near (the caller enters it)             link                      far
    aether0, 10.0.0.1  ------------  a [aether-link] b  ------------  far0 - bridge - (the kernel's 10.0.0.2 | aether-run)

Both kinds of far end stand behind the same bridge, so that only who answers differs. Each TAP is opened by aether-link in
a namespace of its own and moved from there.
"""
import pathlib
import subprocess

from lab import HOST, STACK, TAP, Lab, PREFIX, Server, _ip, wait_until

FAR_TAP = "far0"
BRIDGE = "bridge0"
STACK_TAP = "stack0"
_QUIET = ("all/disable_ipv6", "default/disable_ipv6")


class BadLink(Lab):
    """A Lab whose TAP leads to aether-link. After `with`, call kernel() or stack() for the far end."""

    def __init__(self, folder, fault="", congestion="cubic", flags=(), preferred=False):
        """`preferred`: our programs come before others on a busy machine, as the kernel's TCP does by itself."""
        super().__init__(folder / "aether-run", tap=False)
        self._prefer = ("chrt", "--rr", "1") if preferred else ()
        self.link_binary = folder / "aether-link"
        self.fault, self.congestion, self.flags = fault, congestion, flags
        self.link, self._others, self.far, self.middle = None, [], None, None

    def __enter__(self):
        super().__enter__()
        try:
            self.far, self.middle = self._add_namespace(), self._add_namespace()
            for name in (self.name, self.far):
                self._configure(name)
            fault = [f"--fault={self.fault}"] if self.fault else []
            self.link = self.program(self.link_binary, f"--a={TAP}", f"--b={FAR_TAP}", *fault, *self.flags,
                                     namespace=self.middle)
            self.link.wait_for(r"^aether-link: ")
            _ip("-n", self.middle, "link", "set", TAP, "netns", self.name)
            _ip("-n", self.middle, "link", "set", FAR_TAP, "netns", self.far)
            self.configure_host()
            self._route(self.name, TAP)
            self._in_far("link", "add", BRIDGE, "type", "bridge", "stp_state", "0", "forward_delay", "0")
            self._in_far("link", "set", FAR_TAP, "master", BRIDGE)
            for device in (FAR_TAP, BRIDGE):
                self._in_far("link", "set", device, "up")
        except BaseException:
            self.close()
            raise
        return self

    def _add_namespace(self):
        Lab._count += 1
        name = f"{PREFIX}{self.name[len(PREFIX):].split('-')[0]}-{Lab._count}"
        _ip("netns", "add", name)
        self._others.append(name)
        _ip("-n", name, "link", "set", "lo", "up")
        return name

    def _configure(self, name):
        settings = [f"net.ipv6.conf.{item.replace('/', '.')}=1" for item in _QUIET]
        settings.append("net.ipv4.tcp_no_metrics_save=1")
        self.run(["ip", "netns", "exec", name, "sysctl", "-q", "-w", *settings])

    def _route(self, namespace, device):
        # The sysctl refuses what the machine has not allowed to everybody; a route does not.
        _ip("-n", namespace, "route", "replace", "10.0.0.0/24", "dev", device, "congctl", self.congestion)

    def _in_far(self, *args):
        _ip("-n", self.far, *args)

    def program(self, binary, *args, namespace):
        """Starts one of our programs in a namespace."""
        server = Server(self, list(args), prefix=("ip", "netns", "exec", namespace, *self._prefer),
                        binary=binary)
        self._processes.append(server)
        return server

    def kernel(self):
        """The far end is a kernel."""
        self._in_far("addr", "add", f"{STACK}/24", "dev", BRIDGE)
        self._route(self.far, BRIDGE)

    def stack(self, *args):
        """The far end is aether-run; returns it."""
        self._in_far("tuntap", "add", "dev", STACK_TAP, "mode", "tap")
        self._in_far("link", "set", STACK_TAP, "master", BRIDGE)
        self._in_far("link", "set", STACK_TAP, "up")
        server = self.program(self.binary, f"--tap={STACK_TAP}", f"--address={STACK}/24", *args, namespace=self.far)
        server.wait_for(r"^aether-run: .*\bhttp\b")
        return server

    def spawn_far(self, command, **options):
        """Starts any program at the far end."""
        return self.spawn(["ip", "netns", "exec", self.far, *command], **options)

    def serve_far(self, directory, port=80):
        """A file server on the far kernel, once it listens."""
        self._server_far(["python3", "-m", "http.server", "--bind", STACK, "--directory", directory, port], port)

    def echo_far(self, port=7):
        """An echo server on the far kernel, once it listens."""
        self._server_far(["python3", pathlib.Path(__file__).with_name("echo_server.py"), STACK, port], port)

    def _server_far(self, command, port):
        self.spawn_far(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: f":{port} " in self.run(["ip", "netns", "exec", self.far, "ss", "-ltnH"]).stdout, 10,
                   "no server on the far kernel")

    def close(self):
        super().close()
        for name in self._others:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=20)
        self._others.clear()


__all__ = ["BadLink", "BRIDGE", "FAR_TAP", "HOST", "STACK", "STACK_TAP", "TAP"]
