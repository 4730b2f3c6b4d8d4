"""The client against real servers: alone, with TLS, behind a unix socket, as a cluster; away, frozen, read-only."""

import asyncio
import gc
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from mistlocate.engines.placeos import redis_client
from mistlocate.engines.placeos.redis_client import RedisClient
from mistlocate.errors import StoreError
from support.placeos_engine import client
from support.redis_server import RedisServer, free_port, redis_cluster, redis_server
from support.waiting import until

pytestmark = pytest.mark.needs("redis-server")


async def test_answers_come_as_texts_in_the_order_of_the_commands(redis: RedisClient) -> None:
    written = await redis.run([("HSET", "h", "ä", b"\xc3\xbc", "b", "2"), ("HGETALL", "h"), ("GET", "none")])
    assert written == [2, {"ä": "ü", "b": "2"}, None]
    assert await redis.run([("HKEYS", "h"), ("HGET", "h", "b"), ("PUBLISH", "c", "t")]) == [["ä", "b"], "2", 0]


async def test_all_is_written_or_nothing(redis: RedisClient) -> None:
    with pytest.raises(StoreError):
        await redis.run_atomically([("HSET", "h", "a", "1"), ("HDEL", "h")])
    assert await redis.run([("EXISTS", "h")]) == [0]
    await redis.run_atomically([("HSET", "h", "a", "1"), ("HDEL", "h", "b")])
    assert await redis.run([("HGETALL", "h")]) == [{"a": "1"}]


async def test_what_is_no_utf_8_is_read_all_the_same(redis: RedisClient) -> None:
    await redis.run([("HSET", "h", b"\xff", "1", "b", b"\xfe")])
    assert await redis.run([("HGETALL", "h")]) == [{"\ufffd": "1", "b": "\ufffd"}]


async def test_halves_of_characters_do_not_stop_what_is_written_with_them(redis: RedisClient) -> None:
    await redis.run([("HSET", "h", "a\ud800", "1"), ("HSET", "h", "b", "2")])
    assert await redis.run([("HGET", "h", "b")]) == ["2"]


async def test_errors_of_the_server_say_their_kind_and_no_values(redis: RedisClient) -> None:
    await redis.run([("SET", "text", "x")])
    for send in (redis.run, redis.run_atomically):
        with pytest.raises(StoreError, match="WRONGTYPE") as raised:
            await send([("HSET", "text", "alice@example.com", "aabbccddeeff")])
        assert "alice" not in str(raised.value)
        assert "aabbcc" not in str(raised.value)


async def test_a_password_stands_in_the_place_of_the_user(tmp_path: Path) -> None:
    async with redis_server(tmp_path, password="SECRET") as server:
        async with client(server.url) as redis:
            assert await redis.run([("PING",)]) in ([True], ["PONG"])
        async with client(server.url.replace("SECRET", "WRONG")) as redis:
            with pytest.raises(StoreError, match=r"password|Authentication") as raised:
                await redis.run([("PING",)])
            assert "WRONG" not in str(raised.value)
            with pytest.raises(StoreError):
                await (await redis.subscriber()).subscribe(["c"])


async def test_certificates_are_verified_unless_the_url_says_otherwise(tmp_path: Path) -> None:
    async with redis_server(tmp_path, tls=trustme.CA()) as server:
        async with client(server.url) as redis:
            with pytest.raises(StoreError, match=r"(?i)certificate"):
                await redis.run([("PING",)])
        for query in ("?ssl_cert_reqs=none", f"?ssl_ca_certs={tmp_path}/redis-ca.pem"):
            async with client(server.url + query) as redis:
                assert await redis.run([("SET", "a", "1"), ("GET", "a")]) == [True, "1"]
                subscriber = await redis.subscriber()
                await subscriber.subscribe(["c"])
                assert await subscriber.next(5) == ("subscribe", "c", "1")
                await subscriber.aclose()


async def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with redis_server(tmp_path, "--unixsocket", str(path)), client(f"redis://{path}") as redis:
        assert await redis.run([("SET", "a", "1"), ("GET", "a")]) == [True, "1"]
        subscriber = await redis.subscriber()
        await subscriber.subscribe(["c"])
        await redis.run([("PUBLISH", "c", "t")])
        assert [await subscriber.next(5), await subscriber.next(5)] == [("subscribe", "c", "1"), ("message", "c", "t")]
        await subscriber.aclose()


async def test_subscriptions_and_signs_of_life(redis: RedisClient) -> None:
    subscriber = await redis.subscriber()
    await subscriber.subscribe(["a", "b"])
    assert {await subscriber.next(5), await subscriber.next(5)} == {("subscribe", "a", "1"), ("subscribe", "b", "2")}
    await subscriber.unsubscribe(["a"])
    assert await subscriber.next(5) == ("unsubscribe", "a", "1")
    assert await subscriber.next(0.01) is None
    await subscriber.ping()
    heard = await subscriber.next(5)
    assert heard is not None
    assert heard[0] == "pong"
    await redis.run([("PUBLISH", "a", "1"), ("PUBLISH", "b", "ü")])
    assert await subscriber.next(5) == ("message", "b", "ü")
    await subscriber.aclose()


async def test_a_subscriber_is_told_that_redis_went(server: RedisServer, redis: RedisClient) -> None:
    subscriber = await redis.subscriber()
    await subscriber.subscribe(["a"])
    await subscriber.next(5)
    await server.kill()
    with pytest.raises(StoreError, match=str(server.port)):
        await subscriber.next(5)
    await subscriber.aclose()


async def test_redis_may_come_later_go_and_come_again(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        await server.kill()
        async with client(server.url) as redis:
            with pytest.raises(StoreError, match=f"127.0.0.1:{server.port} cannot be used"):
                await redis.run([("PING",)])
            for _ in range(2):
                await server.start()
                await redis.run([("SET", "a", "1")])
                await server.kill()
                with pytest.raises(StoreError):
                    await redis.run([("SET", "a", "1")])


async def test_who_does_not_answer_is_given_up(
    server: RedisServer, redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "PATIENCE", 0.2)
    await redis.run([("SET", "a", "1")])
    server.pause()
    for _ in range(2):  # on the open connection, and on a new one
        with pytest.raises(StoreError, match="cannot be used"):
            await redis.run([("GET", "a")])
    server.resume()
    assert await redis.run([("GET", "a")]) == ["1"]


async def test_nobody_waits_longer_for_a_silent_redis_because_others_wait(
    server: RedisServer, redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pause()
    monkeypatch.setattr(redis_client, "PATIENCE", 0.2)
    async with asyncio.timeout(10):  # one after the other they would take 40 seconds
        asked = [redis.run([("GET", str(number))]) for number in range(200)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreError}
    server.resume()
    monkeypatch.undo()
    assert await redis.run([("GET", "a")]) == [None]


async def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next_one(
    server: RedisServer, redis: RedisClient
) -> None:
    await redis.run([("SET", "a", "1"), ("SET", "b", "2")])
    server.pause()
    asking = asyncio.create_task(redis.run([("GET", "a")]))
    await until(lambda: not asking.cancelling() and asking.get_stack() and not asking.done())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asking, 0.05)
    server.resume()
    assert await redis.run([("GET", "b")]) == ["2"]


async def test_who_is_cancelled_takes_no_connection_of_others_along(server: RedisServer, redis: RedisClient) -> None:
    """A module that stops while it asks must not fail what other modules of the process ask at that moment."""
    await redis.run([("SET", "a", "1"), ("SET", "b", "2")])
    server.pause()
    first, second = (asyncio.create_task(redis.run([("GET", key)])) for key in ("a", "b"))
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.wait([first])
    server.resume()
    assert await second == ["2"]
    assert await redis.run([("GET", "a")]) == ["1"]


async def test_who_stops_waiting_for_a_connection_leaves_none_behind(server: RedisServer, redis: RedisClient) -> None:
    server.pause()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(redis.run([("PING",)]), 0.1)
    gc.collect()  # a connection that nobody closed would warn, which is an error here
    server.resume()
    clients = await until(lambda: server.client().client_list())
    assert [each for each in clients if each["cmd"] == "cluster|myid"] == []


async def test_whoever_is_cancelled_ends_at_whatever_moment_it_comes(server: RedisServer) -> None:
    for steps in range(60):
        async with client(server.url) as redis:
            asking = asyncio.create_task(redis.run([("PING",)]))
            for _ in range(steps):
                await asyncio.sleep(0)
            if asking.cancel():
                await asyncio.wait([asking])
                assert asking.cancelled(), steps
    gc.collect()


async def test_a_server_that_became_a_replica_is_left_for_the_one_that_the_name_leads_to(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as first, redis_server(tmp_path) as second:
        async with client(first.url) as redis:
            await redis.run([("SET", "a", "1")])
            await first.client().execute_command("REPLICAOF", "127.0.0.1", str(second.port))
            with pytest.raises(StoreError, match="ReadOnlyError"):
                await redis.run([("SET", "a", "alice")])
            redis.address = replace(redis.address, port=second.port)  # what a name does in a failover
            await redis.run([("SET", "a", "2")])
        assert await second.client().get("a") == "2"


async def test_a_port_where_nobody_listens_is_a_store_error() -> None:
    async with client(f"redis://127.0.0.1:{free_port()}") as redis:
        with pytest.raises(StoreError):
            await redis.run([("PING",)])
        await redis.aclose()


class TestCluster:
    async def test_nobody_is_told_before_the_rest_is_answered(self, tmp_path: Path) -> None:
        async with redis_cluster(tmp_path) as cluster, client(cluster.url) as redis:
            first, last = cluster.nodes[0].client(), cluster.nodes[-1]
            slots = {
                f"k{number}": int(await first.execute_command("CLUSTER KEYSLOT", f"k{number}")) for number in range(99)
            }
            key, channel = max(slots, key=lambda each: slots[each]), min(slots, key=lambda each: slots[each])
            commands = [("PUBLISH", channel, "t"), ("HSET", key, "a", "1"), ("PUBLISH", channel, "u")]
            subscriber = await redis.subscriber()
            await subscriber.subscribe([channel])
            assert await subscriber.next(5) == ("subscribe", channel, "1")
            assert await redis.run(commands) == [1, 1, 1]
            heard = [await subscriber.next(5) for _ in range(2)]
            assert heard == [("message", channel, "t"), ("message", channel, "u")]
            await last.kill()
            with pytest.raises(StoreError):
                await redis.run(commands)
            await first.execute_command("PUBLISH", channel, "nothing before this")
            assert await subscriber.next(5) == ("message", channel, "nothing before this")
            await subscriber.aclose()

    async def test_the_other_nodes_will_do_when_the_one_of_the_settings_is_gone(self, tmp_path: Path) -> None:
        async with redis_cluster(tmp_path, empty=1) as cluster:
            *others, named = cluster.nodes
            async with client(named.url) as redis:
                assert await redis.run([("SET", "a", "1")]) == [True]
                await named.kill()
                await redis._drop(redis._client)
                assert await redis.run([("GET", "a")]) == ["1"]
                for node in others:  # whichever of them it is connected to
                    subscriber = await redis.subscriber()
                    await subscriber.subscribe(["c"])
                    assert await subscriber.next(5) == ("subscribe", "c", "1")
                    await node.client().execute_command("PUBLISH", "c", "t")
                    assert await subscriber.next(5) == ("message", "c", "t")
                    await subscriber.aclose()

    async def test_a_node_that_says_nothing_leaves_time_for_the_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redis_client, "FIRST_SHARE", 0.005)
        async with redis_cluster(tmp_path, empty=1) as cluster, client(cluster.nodes[-1].url) as redis:
            assert await redis.run([("SET", "a", "1")]) == [True]
            cluster.nodes[-1].pause()
            await redis._drop(redis._client)
            assert await redis.run([("GET", "a")]) == ["1"]

    async def test_a_server_at_the_address_of_a_former_node_is_left_alone(self, tmp_path: Path) -> None:
        async with redis_cluster(tmp_path, empty=1) as cluster, client(cluster.nodes[-1].url) as redis:
            await redis.run([("SET", "a", "1")])
            await redis._drop(redis._client)
            for node in cluster.nodes:
                await node.kill()
            async with redis_server(tmp_path) as somebody_else:
                redis._nodes.append(replace(redis.address, port=somebody_else.port))
                with pytest.raises(StoreError, match=f"{cluster.nodes[-1].port} cannot be used"):
                    await redis.run([("SET", "a", "2")])
                with pytest.raises(StoreError):
                    await redis.subscriber()
                assert await somebody_else.client().dbsize() == 0

    async def test_commands_go_where_their_keys_are(self, tmp_path: Path) -> None:
        async with redis_cluster(tmp_path) as cluster, client(cluster.url) as redis:
            keys = [f"status/mod-{number}" for number in range(20)]
            assert await redis.run([("HSET", key, "a", "1") for key in keys]) == [1] * 20
            assert await redis.run([("HKEYS", key) for key in keys]) == [["a"]] * 20
            assert sum([await node.client().dbsize() for node in cluster.nodes]) == 20
            assert 0 < await cluster.nodes[0].client().dbsize() < 20

            await redis.run_atomically([("HSET", "h", "b", "2"), ("HDEL", "h", "a")])
            assert await redis.run([("HGETALL", "h")]) == [{"b": "2"}]

            subscriber = await redis.subscriber()
            await subscriber.subscribe(["c1", "c2", "c3"])
            assert [(await subscriber.next(5) or ("",))[0] for _ in range(3)] == ["subscribe"] * 3
            await redis.run([("HSET", "h", "c", "3"), *[("PUBLISH", f"c{number}", "t") for number in (1, 2, 3)]])
            heard = {await subscriber.next(5) for _ in range(3)}
            assert heard == {("message", f"c{number}", "t") for number in (1, 2, 3)}
            await subscriber.aclose()

            first = cluster.nodes[0].client()
            here = await first.keys()
            elsewhere = next(key for key in keys if key not in here)
            for node in cluster.nodes[1:]:
                await node.kill()
            for send in (redis.run, redis.run_atomically):
                with pytest.raises(StoreError, match="cannot be used") as raised:
                    await send([("HSET", elsewhere, "alice@example.com", "aabbccddeeff")])
                assert "alice" not in str(raised.value)
                assert "aabbcc" not in str(raised.value)
