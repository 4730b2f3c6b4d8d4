"""Redis, alone or as a cluster: the only file that imports its client.

Commands go in pipelines, and whatever goes wrong is one error, `StoreError`. Nothing is retried here: who writes knows
better what is worth writing again. After an error the connections are dropped, so that the next try looks the name up
anew and finds the server that took over. Of a cluster the nodes are remembered: any of them tells where the others are,
should the one in the settings be gone.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from mistlocate.engines.placeos.redis_url import RedisAddress
from mistlocate.errors import StoreError

#: How long a connection, and an answer, may take (seconds).
PATIENCE = 10.0

#: The parts of it that the place in the settings may take while other nodes are known, and each of these.
FIRST_SHARE, NODE_SHARE = 0.5, 0.1

#: Found in the texts of errors that quote a command.
_QUOTES = "of pipeline caused error"

#: A command and its arguments.
Command = tuple[str | bytes, ...]

Made = TypeVar("Made")


class RedisClient:
    """One server or one cluster, connected when it is first needed. Every method raises `StoreError`."""

    def __init__(self, address: RedisAddress) -> None:
        self.address = address
        self._client: Redis | RedisCluster | None = None
        self._connecting = asyncio.Lock()
        self._nodes: deque[RedisAddress] = deque()
        """The nodes of the cluster, those first that were not tried for the longest time."""

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one pipeline; return the answers in their order. Texts come as text, hashes as dicts.

        In a cluster whoever follows is told (PUBLISH) once everything else is answered, and not if that failed.
        """
        return await self._pipeline(commands, transaction=False)

    async def run_atomically(self, commands: Sequence[Command]) -> list[Any]:
        """The same, all or nothing. In a cluster the commands must concern one key."""
        return await self._pipeline(commands, transaction=True)

    async def subscriber(self) -> "Subscriber":
        """A connection of its own for subscriptions; in a cluster any node will do."""
        try:
            async with asyncio.timeout(PATIENCE):
                client, _ = await self._reach(self._open)
        except (RedisError, OSError, TimeoutError) as error:
            raise self._trouble(error) from None
        return Subscriber(client, self.address)

    async def aclose(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose()

    async def _pipeline(self, commands: Sequence[Command], *, transaction: bool) -> list[Any]:
        client: Redis | RedisCluster | None = None
        try:
            # One patience for all of it, for the wait behind others that connect as well: a server that says nothing
            # would otherwise hold up whoever comes later the longer, the more there are.
            async with asyncio.timeout(PATIENCE):
                client = await self._connected()
                if transaction or isinstance(client, Redis):
                    return await self._send(client, commands, transaction=transaction)
                return await self._send_in_turn(client, commands)
        except (RedisError, OSError, TimeoutError) as error:
            # A cancellation drops nothing: the library closes the connection that it had, and the others' are well.
            await self._drop(client)
            raise self._trouble(error) from None

    async def _send_in_turn(self, client: RedisCluster, commands: Sequence[Command]) -> list[Any]:
        """Tell nobody before everything else is answered: the nodes of a cluster work side by side, and who is told
        by one of them would read at another what is not there yet."""
        later = [command[0] == "PUBLISH" for command in commands]
        answers: dict[int, Any] = {}
        for turn in (False, True):
            numbers = [number for number, each in enumerate(later) if each is turn]
            sent = await self._send(client, [commands[number] for number in numbers], transaction=False)
            answers.update(zip(numbers, sent, strict=True))
        return [answers[number] for number in range(len(commands))]

    @staticmethod
    async def _send(client: "Redis | RedisCluster", commands: Sequence[Command], *, transaction: bool) -> list[Any]:
        pipeline = client.pipeline(transaction=transaction)
        for command in commands:
            # Not by the methods of the pipeline: that of a cluster refuses to publish, though any node can.
            pipeline.execute_command(*command)
        return list(await pipeline.execute())

    async def _drop(self, client: "Redis | RedisCluster | None") -> None:
        if client is None:
            return
        if self._client is client:
            self._client = None
        with suppress(RedisError, OSError):
            await client.aclose()

    async def _connected(self) -> "Redis | RedisCluster":
        async with self._connecting:
            if self._client is None:
                self._client = await self._reach(self._connect)
            return self._client

    async def _reach(self, connect: Callable[[RedisAddress], Awaitable[Made]]) -> Made:
        """What `connect` makes of the first place that will do: the one in the settings, else a node that is known."""
        nodes = self._nodes
        if not nodes:
            return await connect(self.address)
        try:
            async with asyncio.timeout(PATIENCE * FIRST_SHARE):
                return await connect(self.address)
        except (RedisError, OSError, TimeoutError) as error:
            first = error
        for _ in range(len(nodes)):
            node = nodes[0]
            nodes.rotate(-1)  # whoever gives up meanwhile goes on with the next one
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE * NODE_SHARE):
                    return await connect(node)
        raise first

    async def _connect(self, place: RedisAddress) -> "Redis | RedisCluster":
        client: Redis | RedisCluster
        client, clustered = await self._open(place)
        nodes: list[RedisAddress] = []
        try:
            if clustered:
                await client.aclose()
                client = RedisCluster(**self._options(place, cluster=True))
                await client.initialize()
                known = [(str(node.host), int(node.port)) for node in client.get_nodes()]
                nodes = [replace(self.address, host=host, port=port, path=None) for host, port in known]
        except BaseException:  # nobody may wait any more, and nothing may stay open then either
            with suppress(RedisError, OSError):
                await client.aclose()
            raise
        self._nodes = deque(node for node in nodes if node != self.address)
        return client

    async def _open(self, place: RedisAddress) -> tuple[Redis, bool]:
        """A connection to a place, and whether it is a node of a cluster."""
        client = Redis(**self._options(place))
        try:
            clustered = await self._is_cluster(client)
            if place != self.address and not clustered:
                raise RedisError("no node of a cluster any more")  # its address may be somebody else's by now
        except BaseException:
            with suppress(RedisError, OSError):
                await client.aclose()
            raise
        return client, clustered

    @staticmethod
    async def _is_cluster(client: "Redis | RedisCluster") -> bool:
        try:
            await client.execute_command("CLUSTER", "MYID")
        except ResponseError as error:
            if "cluster support disabled" in str(error).lower() or "unknown" in str(error).lower():
                return False
            raise
        return True

    @staticmethod
    def _options(address: RedisAddress, *, cluster: bool = False) -> dict[str, Any]:
        options: dict[str, Any] = {
            "password": address.password,
            "decode_responses": True,
            "encoding_errors": "replace",  # what others wrote may be no UTF-8
            "protocol": 2,  # older servers know no other, and its answer to a ping can be told from a message
            # Patience is ours: the library's is `asyncio.wait_for`, which up to Python 3.11 loses a cancellation that
            # comes together with an answer, and the task that was to end goes on for ever.
            "socket_timeout": None,
            "socket_connect_timeout": PATIENCE,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
        }
        if address.path and not cluster:
            return {**options, "unix_socket_path": address.path}
        options.update(host=address.host, port=address.port)
        if address.tls:
            options.update(
                ssl=True,
                ssl_cert_reqs="required" if address.verify else "none",
                ssl_check_hostname=address.verify,
                ssl_ca_certs=address.ca_file,
            )
        return options

    def _trouble(self, error: Exception) -> StoreError:
        # The text of a server's own error follows the command that it is about, which holds what was to be written:
        # only its kind may be told, which is its class (ReadOnlyError) or its first word (MISCONF).
        text = str(error)
        if isinstance(error, ResponseError):
            text = (
                text.rpartition("caused error: ")[2].split(" ")[0].strip("('") if type(error) is ResponseError else ""
            )
        elif isinstance(error, RedisClusterException) or _QUOTES in text:
            text = ""
        return StoreError(f"Redis at {self.address} cannot be used: {text or type(error).__name__}")


class Subscriber:
    """One connection for subscriptions. Every method raises `StoreError`."""

    def __init__(self, client: Redis, address: RedisAddress) -> None:
        self._client = client
        self._address = address
        self._pubsub: PubSub = client.pubsub()

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Ask for channels."""
        await self._do(self._pubsub.subscribe(*channels))

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Give channels back."""
        await self._do(self._pubsub.unsubscribe(*channels))

    async def ping(self) -> None:
        """Ask for a sign of life, which `next` returns as any other."""
        await self._do(self._pubsub.ping())

    async def next(self, within: float) -> tuple[str, str, str] | None:
        """The next thing heard as `(kind, channel, text)`, or None if there is none within these seconds.

        Kinds are `message`, `subscribe`, `unsubscribe`, `pong`.
        """
        message = self._pubsub.get_message(ignore_subscribe_messages=False, timeout=within)
        heard = await self._do(message, within + PATIENCE)
        if heard is None:
            return None
        return str(heard["type"]), str(heard["channel"] or ""), str(heard["data"])

    async def aclose(self) -> None:
        """Close the connection."""
        with suppress(RedisError, OSError):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
            await self._client.aclose()

    async def _do(self, work: Any, within: float = PATIENCE) -> Any:
        try:
            async with asyncio.timeout(within):
                return await work
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreError(f"Redis at {self._address} cannot be used: {type(error).__name__}") from None
