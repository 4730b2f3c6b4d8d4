"""Breaks of what the pair does in faults."""

from mutants.mutant import Mutant


def _row(name: str) -> str:
    """The short version of a row of the reliability table."""
    return f"tests/reliability/test_rows.py::test_short_version_holds[{name}]"


_STREAM = "tests/mist/test_stream.py::TestReconnecting"
_OWNERS = "tests/drivers/mist_websocket/test_owner_store.py"
_TRACKER = "tests/drivers/mist_websocket/test_tracker.py"

MUTANTS = [
    Mutant(
        "a dead connection is found out within 45 s", "transport/websocket.py",
        "PING_EVERY = 20.0", "PING_EVERY = 60.0", (_row("half-open"),),
    ),
    Mutant(
        "what is told without a connection is marked stale", "mist/health.py",
        "return self.auth_failed or not self.connected or not self.snapshot or self.trouble is not None",
        "return self.auth_failed", (_row("half-open"),),
    ),
    Mutant(
        "a silence that REST contradicts is noticed at the first question", "drivers/mist_websocket/sync.py",
        "min(CONTRADICTION, silent_for / 2)", "2 * CONTRADICTION", (_row("silence-contradicted"),),
    ),
    Mutant(
        "a quiet night is no alarm", "drivers/mist_websocket/sync.py",
        "return newest > silent_since + min(CONTRADICTION, silent_for / 2)", "return True", (_row("quiet-nights"),),
    ),
    Mutant(
        "every subscription is sent again on a new connection", "mist/stream.py",
        "        self.ledger.opened()\n", "", ("tests/mist/test_stream.py",),
    ),
    Mutant(
        "a map that the cloud denies is listed again", "drivers/mist_websocket/sync.py",
        "        except (AccessDenied, CloudTrouble, NotFound) as error:",
        "        except NotFound:\n            return\n        except (AccessDenied, CloudTrouble) as error:",
        ("tests/drivers/mist_websocket/test_sync.py::TestSnapshot",),
    ),
    Mutant(
        "every event is counted once", "drivers/mist_websocket/sync.py",
        'heard["events"] += 1', 'heard["events"] += 2', (_row("disconnects"),),
    ),
    Mutant(
        "an event of another site is counted", "drivers/mist_websocket/tracker.py",
        '            self.heard["rejected"] += 1\n            self.reject("a record', '            self.reject("a record',
        (f"{_TRACKER}::TestAccounts",),
    ),
    Mutant(
        "a pause that many were told is spread", "mist/policy.py",
        "return pause + chance * max(pause / 4, self.spread)", "return pause", (_STREAM.rpartition("::")[0],),
    ),
    Mutant(
        "no call before Retry-After", "mist/budget.py",
        "self._paused_until = max(self._paused_until, monotonic + seconds)", "pass", (_row("rest-429"),),
    ),
    Mutant(
        "never above the budget", "mist/budget.py",
        "if self._used.total() + 1 > self.limit * purpose.value:", "if self.limit < 0:", ("tests/mist/test_budget.py",),
    ),
    Mutant(
        "a refused token is tried three times", "mist/policy.py",
        "auth_tries: int = 3", "auth_tries: int = 5", (_row("tokens"),),
    ),
    Mutant(
        "a new token in its file works within 2 s", "drivers/mist_websocket/session.py",
        "TICK = 1.0", "TICK = 60.0", (_row("tokens"),),
    ),
    Mutant(
        "a call that is refused with 403 is tried three times", "mist/stream.py",
        "NotFound) and failures >= self.policy.auth_tries:", "NotFound) and False:", ("tests/mist/test_stream.py", "-k", "three_tries"),
    ),
    Mutant(
        "a token that is refused for the snapshot alone counts as refused", "mist/stream.py",
        "        channels = await self._persist(self._session.channels)\n",
        "        channels = await self._persist(self._session.channels)\n        self._refusals = 0\n",
        ("tests/mist/test_stream.py", "-k", "taken_for_one_call"),
    ),
    Mutant(
        "a token that is refused for the question of a silence alone counts as refused", "mist/stream.py",
        "0, min(self._refusals, self._question.refusals)", "0, 0",
        ("tests/mist/test_stream.py", "-k", "refused_for_the_question"),
    ),
    Mutant(
        "a refused question of a silence ends the connection", "mist/stream.py",
        "            if isinstance(error, TokenRefused):\n                raise\n            if self.last_frame", "            if self.last_frame",
        ("tests/mist/test_stream.py", "-k", "counts_as_one_of_the_three"),
    ),
    Mutant(
        "a question of a silence that may not be asked is left alone", "mist/silence.py",
        "self._left_alone_until = now + policy.refused_delay", "pass", (_row("refused-question"),),
    ),
    Mutant(
        "a question that was answered begins the count of refusals anew", "mist/stream.py",
        "        self._question.answered()\n", "", ("tests/mist/test_stream.py", "-k", "refused_for_the_question or left_alone"),
    ),
    Mutant(
        "a list of keys that may not be read is left alone", "drivers/mist_websocket/enrich.py",
        'if self._latched(f"keys of {scope}")}', "if False}",
        ("tests/drivers/mist_websocket/test_enrich.py", "-k", "left_alone_and_the_other"),
    ),
    Mutant(
        "a list of keys that may not be read costs the other nothing", "drivers/mist_websocket/keys.py",
        "        if scope_id is None or scope in leave:", "        if scope_id is None or leave:",
        ("tests/drivers/mist_websocket/test_enrich.py", "-k", "left_alone_and_the_other"),
    ),
    Mutant(
        "a background call that is refused latches", "drivers/mist_websocket/enrich.py",
        "REFUSED_TRIES = 3", "REFUSED_TRIES = 30", (_row("refused-calls"),),
    ),
    Mutant(
        "a missing acknowledgement is asked for again", "mist/frames.py",
        "return waited >= min(self.ack_timeout * (1 << min(entry.tries - 1, 20)), self.retry_refused)",
        "return False", (_row("acknowledgement"),),
    ),
    Mutant(
        "the floor of a channel that is not acknowledged is marked", "drivers/mist_websocket/report.py",
        "ledger.in_state(Subscription.REFUSED) + ledger.overdue()", "ledger.in_state(Subscription.REFUSED)",
        (_row("acknowledgement"),),
    ),
    Mutant(
        "nobody is on a map that does not exist", "drivers/mist_websocket/tracker.py",
        "if map_id in self.no_maps:", "if not map_id:", (f"{_TRACKER}::TestMapsThatDoNotExist",),
    ),
    Mutant(
        "who was on a map that does not exist is taken off it", "drivers/mist_websocket/sync.py",
        "for map_id in tracker.no_maps:", "for map_id in ():", (_row("lies"),),
    ),
    Mutant(
        "a clock that the cloud sets back does not freeze the roster", "location/roster.py",
        "                client.seen_at += seconds\n", "                pass\n", ("tests/location/test_roster.py::TestClocks",),
    ),
    Mutant(
        "owners are learned also after the clock was set back", "location/ownership.py",
        "if owned.at > now:", "if owned.at < 0:", ("tests/location/test_ownership.py",),
    ),
    Mutant(
        "answers go on when the machine's clock is set", "drivers/mist_locations/cloud_time.py",
        "return self._clock.wall() if self._anchor is None else self._anchor + self._clock.monotonic()",
        "return self._clock.wall()", (_row("local-clock"),),
    ),
    Mutant(
        "times and now are told together when the cloud's clock is set", "drivers/mist_websocket/tracker.py",
        "        self.on_step()\n", "", (_row("cloud-clock"),),
    ),
    Mutant(
        "what waited in a connection while this program was stopped is not believed", "transport/websocket.py",
        "ASLEEP = 5.0", "ASLEEP = 5000.0", ("tests/transport/test_websocket.py", "-k", "TestAsleep"),
    ),
    Mutant(
        "a program that was held up for a few seconds was not stopped", "transport/websocket.py",
        "> ASLEEP + TICK:", "> ASLEEP:", ("tests/transport/test_websocket.py", "-k", "TestAsleep"),
    ),
    Mutant(
        "a silent stream, too, ends when this program was stopped", "transport/websocket.py",
        "            self._connection.transport.abort()\n", "", ("tests/transport/test_websocket.py", "-k", "TestAsleep"),
    ),
    Mutant(
        "time goes on while the machine sleeps", "clock.py",
        "time.monotonic if clock_id is None else partial(time.clock_gettime, clock_id)", "time.monotonic",
        ("tests/test_clock.py",),
    ),
    Mutant(
        "new settings leave no connection behind", "drivers/mist_websocket/session.py",
        "        await self._disconnect()\n        if forget:", "        if forget:", (_row("settings"),),
    ),
    Mutant(
        "a write is all or nothing", "engines/embedded/store.py",
        """            await connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                await connection.executemany(statement, rows)
            await connection.execute("COMMIT")
""",
        """            for statement, rows in statements:
                await connection.executemany(statement, rows)
""",
        (_row("kill-sqlite"),),
    ),
    Mutant(
        "a device is on the list of its owner only", "location/ownership.py",
        "self._changes.names.add(owned.identity.name)  # whose stored list still has the MAC", "pass", (_OWNERS,),
    ),
    Mutant(
        "what could not be written stays due", "drivers/mist_websocket/owner_store.py",
        "        except StoreError as error:\n            self._owners.give_back(user_macs)\n",
        "        except StoreError as error:\n", (_OWNERS,),
    ),
    Mutant(
        "what the system refuses to write is told", "drivers/mist_websocket/owner_store.py",
        "            self.trouble = error.message\n            return False\n        except BaseException",
        "            return False\n        except BaseException", (_row("disk-refuses"),),
    ),
    Mutant(
        "what the system refuses to write is an error of the store", "engines/embedded/store.py",
        "            await self._roll_back(connection)\n            raise StoreError(f\"the store cannot be written",
        "            await self._roll_back(connection)\n            raise\n            raise StoreError(f\"the store cannot be written",
        (_row("disk-refuses"),),
    ),
    Mutant(
        "after trouble everything is written again", "drivers/mist_websocket/owner_store.py",
        "self._owners.all_due()  # what had", "pass  # what had", (_OWNERS,),
    ),
    Mutant(
        "what a store lost is written again", "drivers/mist_websocket/owner_store.py",
        "                    self._owners.missing_in(await self._storage.read(USER_MACS))\n", "                    pass\n", (_OWNERS,),
    ),
    Mutant(
        "a store that was deleted is begun anew", "engines/embedded/store.py",
        "if self._connection is not None and await asyncio.to_thread(identity_of, self.path) == self._file:",
        "if self._connection is not None:", ("tests/engines/embedded/test_store.py",),
    ),
]  # fmt: skip
