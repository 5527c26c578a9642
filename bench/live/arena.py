"""Where live benches take place: a client's network namespace with a TAP in it and a server's behind a veth pair, the
servers that can stand there, and what is read of a process. Everything is gone at the end, also after an interrupt."""
import ctypes
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

# name -> (address of the client's kernel, of the server)
LINKS = {"tap": ("10.0.0.1", "10.0.0.2"), "veth": ("10.0.1.1", "10.0.1.2")}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """Something that is needed is not there, or does not work."""


class Absent(Exception):
    """A peer that is not on this machine; the text says why."""


def run(command, seconds=600):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=seconds)
    if done.returncode != 0:
        raise Missing(f"`{' '.join(map(str, command))}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def stop(child):
    """Ends a server as its operator would; its output."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        return child.communicate(timeout=10)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()[0]


def counters(output):
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", output, re.MULTILINE)}


def cpu_of(pid):
    """User and system seconds of a process, through the exec of `ip netns` and `taskset`, which keep the pid."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS_PER_S, int(fields[12]) / TICKS_PER_S


def cpu_of_children():
    """User and system seconds of the commands that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime, usage.ru_stime


class Arena:
    """`veth`: with a second namespace for servers on the kernel."""

    def __init__(self, server_core=0, client_core=1, veth=False):
        self.name = f"aether-live-{os.getpid()}"
        self.far = f"{self.name}-far"
        self.server_core = server_core
        self.client_core = client_core
        self.veth = veth
        self.children = []
        self.scratch = None

    def __enter__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="aether-live-"))
        try:
            run(["ip", "netns", "add", self.name])
            self.ip("link", "set", "lo", "up")
            self.ip("tuntap", "add", "dev", "aether0", "mode", "tap")
            self.ip("link", "set", "aether0", "up")
            self.ip("address", "add", LINKS["tap"][0] + "/24", "dev", "aether0")
            # No router solicitations: a silence should be one.
            self.run(None, ["sysctl", "-q", "-w", "net.ipv6.conf.aether0.disable_ipv6=1"])
            if self.veth:
                run(["ip", "netns", "add", self.far])
                run(["ip", "-n", self.far, "link", "set", "lo", "up"])
                self.ip("link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", self.far)
                for space, device, address in ((self.name, "near0", LINKS["veth"][0]), (self.far, "far0", LINKS["veth"][1])):
                    run(["ip", "-n", space, "address", "add", address + "/24", "dev", device])
                    run(["ip", "-n", space, "link", "set", device, "up"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for child in self.children:
            stop(child)
        for space in (self.name, self.far):
            subprocess.run(["ip", "netns", "delete", space], stderr=subprocess.DEVNULL, check=False)
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def ip(self, *arguments):
        run(["ip", "-n", self.name, *arguments])

    def command(self, core, command, space=None):
        pin = ["taskset", "-c", str(core)] if core is not None else []
        return ["ip", "netns", "exec", space or self.name, *pin, *map(str, command)]

    def start(self, core, command, space=None):
        child = subprocess.Popen(self.command(core, command, space), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.children.append(child)
        return child

    def end(self, child):
        self.children.remove(child)
        return stop(child)

    def run(self, core, command, seconds=600):
        return run(self.command(core, command), seconds)


# --- Servers ---

NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log {scratch}/nginx.log;
events {{ worker_connections 16384; use epoll; multi_accept on; }}
http {{
  access_log off;
  client_body_temp_path {scratch}/body;
  proxy_temp_path {scratch}/proxy;
  fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi;
  scgi_temp_path {scratch}/scgi;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  sendfile on;
  server {{
    listen {address}:80 backlog=4096;
    keepalive_timeout {keepalive};
    root {root};
    location = / {{ default_type text/html; return 200 "{body}"; }}
  }}
}}
"""
# What its head lacks of the 376 bytes that aether-run answers, and of 395 when it closes.
NGINX_BODY_BYTES = {"keep-alive": 229, "close": 253}


class Server:
    """A server that can be started: its link, where it runs and with what command. `close`: that it must be told when
    connections end with the response (the others see it in the request)."""

    def __init__(self, name, link, command):
        self.name = name
        self.link = link
        self.command = command

    @property
    def address(self):
        return LINKS[self.link][1]

    def start(self, arena, core=None):
        core = arena.server_core if core is None else core
        child = arena.start(core, self.command, arena.far if self.link == "veth" else None)
        for _ in range(100):
            if child.poll() is not None:
                break
            answer = subprocess.run(arena.command(None, ["curl", "-s", "-o", os.devnull, "--max-time", "1",
                                                         f"http://{self.address}/"]), check=False)
            if answer.returncode == 0:
                return child
            time.sleep(0.02)
        raise Missing(f"{self.name} does not answer: {arena.end(child).strip()}")


def find_binary(folder, name, package=None):
    path = pathlib.Path(folder) / name
    if not os.access(path, os.X_OK):
        raise (Absent if package else Missing)(f"{name} was not built{f' (package {package})' if package else ''}")
    return path


def make_server(arena, binaries, name, mode, backoff=None, root=None):
    """One of aether, reflector, lwip, nginx, epoll. Absent when it is not on this machine."""
    close = ["--close"] if mode == "close" else []
    _, tap = LINKS["tap"]
    if name == "aether":
        command = [find_binary(binaries, "aether-run"), "--tap=aether0", f"--address={tap}/24", "--workers=1",
                   f"--backoff={backoff or 'adaptive'}", *([f"--http_root={root}"] if root else [])]
        return Server(name, "tap", command)
    if name == "reflector":
        command = [find_binary(binaries, "tap_reflector"), "--tap=aether0", f"--address={tap}",
                   f"--backoff={backoff or 'spin'}", *close]
        return Server(name, "tap", command)
    if name == "lwip":
        try:
            ctypes.CDLL("liblwip.so.0")
        except OSError as why:
            raise Absent("liblwip.so.0 is not on this machine (package liblwip-dev)") from why
        command = [find_binary(binaries, "tap_lwip", "liblwip-dev"), "--tap=aether0", f"--address={tap}",
                   f"--backoff={backoff or 'spin'}", *close]
        return Server(name, "tap", command)
    if not arena.veth:
        raise Missing(f"{name} needs a veth pair")
    far = LINKS["veth"][1]
    if name == "epoll":
        return Server(name, "veth", [find_binary(binaries, "epoll_server"), f"--address={far}", *close])
    if name == "nginx":
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if nginx is None:
            raise Absent("nginx is not installed (package nginx-light)")
        text = NGINX.format(scratch=arena.scratch, address=far, body="x" * NGINX_BODY_BYTES[mode], root=root or arena.scratch,
                            keepalive=0 if mode == "close" else 75)
        path = arena.scratch / "nginx.conf"
        path.write_text(text, encoding="ascii")
        return Server(name, "veth", [nginx, "-e", arena.scratch / "nginx.log", "-c", path])
    raise Missing(f"there is no server {name}")
