"""Real Redis servers on loopback, started for a test: alone, with TLS, a cluster, behind a sentinel."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from app.bindings.redis_credentials import RedisCredentials
from tests.support.ports import free_port
from tests.support.tls_files import TlsFiles, tls_files

PASSWORD = "a redis password"
SLOTS = 16384
START_SECONDS = 20.0


@dataclass
class RedisServer:
    """One server process. Its data survive `stop` and `start`."""

    port: int
    folder: Path
    options: tuple[str, ...]
    tls: TlsFiles | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start, and wait until it answers."""
        binary = shutil.which("redis-server")
        assert binary is not None, "the tests of the session store need redis-server"
        command = [binary, *self.options, "--dir", str(self.folder), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """End the process; connections break."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def freeze(self) -> None:
        """From now on it takes connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The end of `freeze`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """A client of the tests' own."""
        secure: dict[str, Any] = {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False} if self.tls else {}
        return redis.Redis(port=self.port, password=PASSWORD, socket_timeout=5, **secure)

    def binding(self, **more: Any) -> dict[str, Any]:
        """The credentials as a service binding delivers them."""
        found = {"hostname": "localhost", "port": str(self.port), "password": PASSWORD, "tls": self.tls is not None}
        return {**found, "cluster_mode": False, **more}

    def credentials(self, **more: Any) -> RedisCredentials:
        """The same, typed."""
        return RedisCredentials.model_validate(self.binding(**more))


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; fail when it does not within the time."""
    end = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < end, "the servers did not come up"
        time.sleep(0.02)


@contextmanager
def _server(*options: str, tls: TlsFiles | None = None) -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    port = free_port()
    listening = ("--port", "0", "--tls-port", str(port)) if tls is not None else ("--port", str(port))
    server = RedisServer(port, folder, (*listening, "--requirepass", PASSWORD, *options), tls)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A single server."""
    with _server("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@contextmanager
def redis_server_with_tls() -> Iterator[RedisServer]:
    """A server that speaks TLS only, with a certificate for `localhost` of an authority of its own."""
    with tls_files("localhost") as files:
        options = ("--tls-cert-file", str(files.server), "--tls-key-file", str(files.server))
        with _server(*options, "--tls-auth-clients", "no", tls=files) as server:
            yield server


def authority_of(server: RedisServer) -> str:
    """The authority's certificate as in the key `ca_base64` of bindings."""
    assert server.tls is not None
    return b64encode(server.tls.authority.read_bytes()).decode()


@contextmanager
def redis_cluster() -> Iterator[list[RedisServer]]:
    """Three masters that share the slots."""
    with ExitStack() as stack:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        nodes = [
            stack.enter_context(_server(*options, "--masterauth", PASSWORD, "--cluster-port", str(free_port())))
            for _ in range(3)
        ]
        _join(nodes)
        yield nodes


def _join(nodes: list[RedisServer]) -> None:
    share = SLOTS // len(nodes) + 1
    for index, node in enumerate(nodes):
        with node.client() as client:
            command(client, "CLUSTER", "ADDSLOTSRANGE", index * share, min((index + 1) * share, SLOTS) - 1)
            bus = nodes[0].options[nodes[0].options.index("--cluster-port") + 1]
            command(client, "CLUSTER", "MEET", "127.0.0.1", nodes[0].port, bus)
    for node in nodes:
        with node.client() as client:
            wait_until(lambda client=client: _is_whole(client))  # type: ignore[misc]


def _is_whole(client: redis.Redis) -> bool:
    info = command(client, "CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info


def command(client: redis.Redis, *words: str | int) -> Any:
    """Send a command that the client has no method for."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


@dataclass
class Watched:
    """A master with a replica, and the sentinel that knows who is who."""

    master: RedisServer
    replica: RedisServer
    sentinel_port: int

    def credentials(self) -> RedisCredentials:
        """A binding that leads to the sentinel."""
        nodes = [{"hostname": "127.0.0.1", "port": self.sentinel_port}]
        uri = f"redis://:x@127.0.0.1:{self.sentinel_port}/sessions"
        return RedisCredentials.model_validate({"sentinel_nodes": nodes, "uri": uri, "password": PASSWORD})

    def sentinel(self) -> redis.Redis:
        """A client of the sentinel."""
        return redis.Redis(port=self.sentinel_port, socket_timeout=5)

    def fail_over(self) -> None:
        """Make the replica the master, and wait until it is."""
        with self.sentinel() as sentinel, self.replica.client() as replica:
            command(sentinel, "SENTINEL", "FAILOVER", "sessions")
            wait_until(lambda: replica.info("replication")["role"] == "master")
            wait_until(lambda: self._master_port(sentinel) == self.replica.port)

    @staticmethod
    def _master_port(sentinel: redis.Redis) -> int:
        return int(command(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "sessions")[1])


@contextmanager
def redis_with_sentinel() -> Iterator[Watched]:
    """A master named `sessions`, a replica and one sentinel."""
    with ExitStack() as stack:
        auth = ("--masterauth", PASSWORD)
        master = stack.enter_context(_server(*auth))
        replica = stack.enter_context(_server(*auth, "--replicaof", "127.0.0.1", str(master.port)))
        port = free_port()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sentinel-")))
        process = _start_sentinel(port, folder, master.port)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        watched = Watched(master, replica, port)
        with master.client() as client:
            wait_until(lambda: client.info("replication").get("slave0", {}).get("state") == "online")
        wait_until(lambda: _knows_replica(watched))
        yield watched


def _start_sentinel(port: int, folder: Path, master_port: int) -> subprocess.Popen[bytes]:
    file = folder / "sentinel.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor sessions 127.0.0.1 {master_port} 1\n"
        f'sentinel auth-pass sessions "{PASSWORD}"\n'
        "sentinel down-after-milliseconds sessions 1000\nsentinel failover-timeout sessions 10000\n"
    )
    binary = shutil.which("redis-server")
    assert binary is not None
    return subprocess.Popen([binary, str(file), "--sentinel"], stdout=subprocess.DEVNULL)


def _knows_replica(watched: Watched) -> bool:
    try:
        with watched.sentinel() as sentinel:
            return len(command(sentinel, "SENTINEL", "REPLICAS", "sessions")) == 1
    except redis.RedisError:
        return False
