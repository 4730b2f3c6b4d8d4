"""A real Redis of a test's own: started, taken away, brought back empty, frozen; alone, with TLS, or as a cluster.

Ports are below the range that this machine gives to outgoing connections, so that nobody takes a port while its server
is away (nor connects to itself by trying).
"""

import asyncio
import random
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

import trustme
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from support.waiting import until

HOST = "127.0.0.1"

#: All slots of a cluster.
SLOTS = 16384

#: One try for each command: a test that takes Redis away wants to know at once.
_ONCE = {"decode_responses": True, "socket_connect_timeout": 5, "socket_timeout": 5}


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as tried:
            try:
                tried.bind((HOST, port))
            except OSError:
                continue
        return port


class Commands(Protocol):
    """A client as far as PlaceOS' side needs one: of a single Redis or of a cluster."""

    async def execute_command(self, *args: Any) -> Any: ...

    async def aclose(self) -> None: ...


class PortTaken(Exception):
    """Somebody else was faster."""


class RedisServer:
    """One `redis-server`. `url` is what a driver finds in REDIS_URL (a password stands in the place of the user)."""

    def __init__(self, folder: Path, args: tuple[str, ...], tls: trustme.CA | None, password: str | None) -> None:
        self.folder = folder
        self.port = free_port()
        self._args = args
        self._password = password
        self._process: asyncio.subprocess.Process | None = None
        self._clients: list[Redis | RedisCluster] = []
        self._ca_file: Path | None = None
        if tls is not None:
            self._write_certificates(tls)

    def _write_certificates(self, ca: trustme.CA) -> None:
        self._ca_file = self.folder / "redis-ca.pem"
        ca.cert_pem.write_to_path(self._ca_file)
        issued = ca.issue_cert("localhost", HOST)
        issued.private_key_pem.write_to_path(self.folder / "redis-key.pem")
        issued.cert_chain_pems[0].write_to_path(self.folder / "redis-cert.pem")

    @property
    def url(self) -> str:
        scheme = "rediss" if self._ca_file else "redis"
        user = f"{self._password}@" if self._password else ""
        return f"{scheme}://{user}{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "this Redis is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it printed so far."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    @property
    def _log_file(self) -> Path:
        return self.folder / f"redis-{self.port}.log"

    def client(self) -> Redis:
        """A client that is closed with the server. It tries everything once."""
        made = Redis(**self._connection())
        self._clients.append(made)
        return made

    def _connection(self) -> dict[str, Any]:
        tls = {"ssl": True, "ssl_ca_certs": str(self._ca_file)} if self._ca_file else {}
        return {**_ONCE, **tls, "host": HOST, "port": self.port, "password": self._password, "retry": never_again()}

    def _arguments(self) -> list[str]:
        settings = ["--bind", HOST, "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        if self._ca_file:
            settings += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            settings += ["--tls-cert-file", str(self.folder / "redis-cert.pem")]
            settings += ["--tls-key-file", str(self.folder / "redis-key.pem")]
            settings += ["--tls-ca-cert-file", str(self._ca_file)]
        else:
            settings += ["--port", str(self.port)]
        if self._password:
            settings += ["--requirepass", self._password]
        return [*settings, *self._args]

    async def start(self) -> None:
        """Start it (again, on the same port, with nothing in it), and return as soon as it answers."""
        assert self._process is None, "this Redis is running"
        program = shutil.which("redis-server")
        assert program is not None, "no redis-server on this machine"
        with self._open_log() as log:
            self._process = await asyncio.create_subprocess_exec(
                program, *self._arguments(), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            await until(self._answers)
        except BaseException:
            await self.kill()
            raise

    def _open_log(self) -> BinaryIO:
        return self._log_file.open("ab")

    async def _answers(self) -> bool:
        """Whether this very process answers, and nobody else on its port."""
        assert self._process is not None
        if self._process.returncode is not None:
            failure = PortTaken if "Address already in use" in self.log else AssertionError
            raise failure(f"redis-server ended with {self._process.returncode}:\n{self.log}")
        async with Redis(**self._connection()) as client:
            try:
                assert await client.ping()
                return bool((await client.info("server"))["process_id"] == self._process.pid)
            except (RedisError, OSError):
                return False

    async def stop(self) -> None:
        """Ask it to end; its clients see their connections closed."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it without a goodbye."""
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)  # one that is frozen would not hear of its end
            process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()

    def pause(self) -> None:
        """Freeze it: connections stay, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def close(self) -> None:
        """Close the clients, end the server."""
        for client in self._clients:
            await client.aclose()
        await self.kill()


@asynccontextmanager
async def redis_server(
    folder: Path, *extra_args: str, tls: trustme.CA | None = None, password: str | None = None
) -> AsyncIterator[RedisServer]:
    """A Redis for the length of the block; `extra_args` are those of `redis-server` ("--maxmemory", "1mb")."""
    while True:
        server = RedisServer(folder, extra_args, tls, password)
        try:
            await server.start()
        except PortTaken:
            continue
        break
    try:
        yield server
    finally:
        await server.close()


@dataclass(slots=True)
class Cluster:
    """Redis servers that share the keys. `url` is that of the first."""

    nodes: list[RedisServer]
    clients: list[RedisCluster]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def client(self) -> RedisCluster:
        """A client that knows where each key is; closed with the cluster."""
        made = RedisCluster(host=HOST, port=self.nodes[0].port, decode_responses=True)
        self.clients.append(made)
        return made


@asynccontextmanager
async def redis_cluster(folder: Path, nodes: int = 3, *, empty: int = 0) -> AsyncIterator[Cluster]:
    """A cluster without replicas, ready when the block begins. The last ones, as many as `empty` says, hold no keys:
    nothing is missing without them.
    """
    async with AsyncExitStack() as stack:
        members: list[RedisServer] = []
        buses: list[int] = []
        for number in range(nodes):
            bus = free_port()
            settings = ("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "5000")
            config = ("--cluster-config-file", f"nodes-{number}.conf")
            members.append(await stack.enter_async_context(redis_server(folder, *settings, *config)))
            buses.append(bus)
        await _join(members, buses, nodes - empty)
        cluster = Cluster(members, [])
        try:
            yield cluster
        finally:
            for client in cluster.clients:
                await client.aclose()


async def _join(members: list[RedisServer], buses: list[int], holding: int) -> None:
    """Deal out the slots to the first ones, let everybody meet the first, and wait until all agree."""
    clients: list[Commands] = [member.client() for member in members]
    bounds = [SLOTS * number // holding for number in range(holding + 1)]
    for client, begin, end in zip(clients, bounds, bounds[1:], strict=False):
        await client.execute_command("CLUSTER", "ADDSLOTSRANGE", begin, end - 1)
    for client in clients[1:]:
        await client.execute_command("CLUSTER", "MEET", HOST, members[0].port, buses[0])

    async def agreed() -> bool:
        for client in clients:
            told = await client.execute_command("CLUSTER INFO")
            if (told["cluster_state"], int(told["cluster_known_nodes"])) != ("ok", len(members)):
                return False
        return True

    await until(agreed, 30)


async def placeos_client(url: str) -> Commands:
    """A client for PlaceOS' side of a test, from a REDIS_URL read as PlaceOS does: `redis://PASSWORD@host:port`, the
    number of the database ignored, `rediss://` without verification; a cluster is recognised by asking.
    """
    parts = urlsplit(url if "://" in url else f"redis://{url}")
    options: dict[str, Any] = {
        "host": parts.hostname or "localhost",
        "port": parts.port or 6379,
        "password": unquote(parts.username) if parts.username else None,
        **_ONCE,
    }
    if parts.scheme == "rediss":
        options |= {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
    single: Commands = Redis(**options, retry=never_again())
    try:
        await single.execute_command("CLUSTER", "MYID")
    except ResponseError:
        return single
    except BaseException:
        await single.aclose()
        raise
    await single.aclose()
    return RedisCluster(**options)


def never_again() -> Retry:
    """The policy of no second try."""
    return Retry(NoBackoff(), 0)
