"""The embedded engine: access, levels, control socket, statuses, store, settings, logs, metrics."""

from mutants.mutant import Mutant, breaks

_E = "tests/engines/embedded"
_access = breaks("engines/embedded/access.py", f"{_E}/test_access.py")
_checks = breaks("engines/embedded/api/checks.py", f"{_E}/api/test_checks.py")
_common = breaks("engines/embedded/api/common.py", f"{_E}/api/test_routes.py")
_control = breaks("engines/embedded/api/control.py", f"{_E}/api/test_control.py")
_errors = breaks(
    "engines/embedded/api/errors.py", f"{_E}/api/test_errors.py", f"{_E}/api/test_app.py", f"{_E}/api/test_routes.py"
)
_bodies = breaks("engines/embedded/api/bodies.py", f"{_E}/api/test_bodies.py")
_page = breaks("engines/embedded/api/page.py", f"{_E}/api/test_page.py")
_routes = breaks("engines/embedded/api/routes.py", f"{_E}/api/test_routes.py")
_metrics = breaks("engines/embedded/api/metrics.py", f"{_E}/api/test_metrics.py")
_tally = breaks("engines/embedded/tally.py", f"{_E}/test_tally.py")
_board = breaks("engines/embedded/status.py", f"{_E}/test_status.py")
_store = breaks("engines/embedded/store.py", f"{_E}/test_store.py")
_backup = breaks("engines/embedded/backup.py", f"{_E}/test_backup.py")
_client = breaks("client/engine_client.py", "tests/cli/test_keeping.py")
_keeping = breaks("cli/keeping.py", "tests/cli/test_keeping.py")
_engine = breaks("engines/embedded/engine.py", f"{_E}/test_engine.py")
_host = breaks("engines/embedded/host.py", f"{_E}/test_engine.py")
_config = breaks("engines/embedded/config.py", f"{_E}/test_config.py")
_logs = breaks("engines/logs.py", "tests/engines/test_logs.py")
_asked_for = breaks("driver/named.py", f"{_E}/api/test_metrics.py")

MUTANTS: list[Mutant] = [
    _access(
        "only a key's hash is kept",
        "return Credentials(hash_key(given) if given else None, client)",
        "return Credentials(given or None, client)",
    ),
    _access(
        "keys are compared in constant time",
        "if hmac.compare_digest(each.hash, shown.key_hash):\n                found = each",
        "if each.hash[:20] == shown.key_hash[:20]:\n                found = self._keys[0]",
    ),
    _access(
        "without keys only this machine is answered",
        "if is_loopback(shown.client) else Refusal(401, _NO_KEYS)",
        "if True else Refusal(401, _NO_KEYS)",
    ),
    _access(
        "with keys nobody gets in without one",
        '        if shown.key_hash is None:\n            return Refusal(401, "an API key',
        '        if shown.key_hash is None and not is_loopback(shown.client):\n            return Refusal(401, "an API key',
    ),
    _access(
        "pages of other origins are refused",
        "if origin is not None and _netloc(origin) not in",
        "if False and _netloc(str(origin)) not in",
    ),
    _access(
        "a name that only resolves to this machine is refused",
        "if not self._keys and not (is_loopback(host) or host in self._hosts):",
        "if False:",
    ),
    _access("whoever comes through a proxy is not local", "any(name in headers for name in _FORWARDED)", "False"),
    _checks("large bodies are not read", "if read > BODY_AT_MOST:", "if False:"),
    _checks("… nor waited for where they are announced", "int(length[:20]) > BODY_AT_MOST", "False"),
    _checks("HEAD is answered as GET", 'if scope["method"] in ANSWERED_AS:', "if False:", f"{_E}/api/test_app.py"),
    _errors("who may not is told what may be done", 'answer.headers["Allow"]', "_ = answer.headers"),
    _errors("… HEAD wherever GET may", 'ANSWERED_AS = {"HEAD": "GET"}', "ANSWERED_AS: dict[str, str] = {}"),
    _checks("every answer has the headers of a careful server", "if each[0] not in given)]", "if False)]"),
    _checks("the metrics need a caller", ' and scope["path"] != METRICS:', ":", f"{_E}/api/test_metrics.py"),
    _common("levels hold for commands", "    require(caller, host.command(command).level, command)\n", ""),
    _common(
        "levels hold for a status",
        '    require(caller, host.driver.status_info(key).level, f"the status {key!r}")\n    present',
        "    present",
    ),
    _common(
        "… and for all of them",
        "for key, each in statuses.items() if readable(host, caller, key)}",
        "for key, each in statuses.items()}",
    ),
    _common("only an administrator starts, stops and sets", 'require(caller, Level.ADMINISTRATOR, "this")', "pass"),
    _common(
        "a key for metrics is for nothing else",
        '    require(caller, Level.USER, "this")\n',
        "",
        f"{_E}/api/test_metrics.py",
    ),
    _common("… nor for the control socket", "if found.level < Level.USER:", "if False:", f"{_E}/api/test_metrics.py"),
    _common(
        "access is decided anew when its rules change",
        "if self._caller is None or access is not self._access:",
        "if self._caller is None:",
        f"{_E}/api/test_control.py::TestChangedAccess",
    ),
    _control(
        "a slow reader is dropped",
        "if self._waiting.full() or (self._length > LENGTH_AT_MOST and self._length > len(text)):",
        "if False:",
        f"{_E}/api/test_control.py::TestSlowReaders",
    ),
    _control(
        "… also one that lets long messages wait",
        "(self._length > LENGTH_AT_MOST and self._length > len(text))",
        "False",
        f"{_E}/api/test_control.py::TestSlowReaders",
    ),
    _control(
        "who may read a status is asked with every value",
        "if present is None or readable(present, self._known.caller(), message.name):",
        "if True:",
        f"{_E}/api/test_control.py",
    ),
    _control(
        "binding asks for the level",
        "            require(caller, host.driver.status_info(message.name).level",
        "            0 and require(caller, host.driver.status_info(message.name).level",
    ),
    _control("following a log is for support", '                require(caller, Level.SUPPORT, "debug")\n', ""),
    _control(
        "slow commands hold up nothing",
        "                task = asyncio.create_task(self._answer(message))",
        "                await self._answer(message); task = asyncio.create_task(asyncio.sleep(0))",
    ),
    _control("binding twice notifies once", "        if place in self._bound:\n            return\n", ""),
    _control(
        "unbinding ends it",
        '                if unsubscribe is not None:\n                    unsubscribe()\n                self._send({"id": message.id, "type": "success", "meta": message.meta})\n            case "debug"',
        '                self._send({"id": message.id, "type": "success", "meta": message.meta})\n            case "debug"',
    ),
    _control(
        "nobody signs in without a key for long",
        "        async with engine.clock.timeout(SIGN_IN_WITHIN):",
        "        if True:",
        f"{_E}/api/test_control.py::TestAccess",
    ),
    _control(
        "a key is needed", "        if known.needs_key():", "        if False:", f"{_E}/api/test_control.py::TestAccess"
    ),
    _control(
        "rubbish is answered and the socket stays",
        '            self._error(-1, PARSE_ERROR, f"the message cannot be read: {error}")\n            return None',
        "            raise",
    ),
    _control(
        "who leaves leaves nothing",
        "            for unsubscribe in [*self._bound.values(), *self._debugged.values()]:\n                unsubscribe()",
        "            pass",
        f"{_E}/api/test_control.py",
        f"{_E}/api/test_metrics.py",
    ),
    _control("viewers are counted", "self._engine.tally.viewers -= 1", "pass", f"{_E}/api/test_metrics.py"),
    _control(
        "dropped viewers are counted",
        "self._engine.tally.viewers_dropped[code] += 1",
        "pass",
        f"{_E}/api/test_metrics.py",
    ),
    _errors("a defect is answered without its text", '"unexpected error; the engine\'s log says more"}', "str(error)}"),
    _errors("a level that is too low is 401", "LevelTooLow: 401", "LevelTooLow: 403"),
    _bodies("a body is JSON of the right kind", "    if not isinstance(value, kinds):", "    if False:"),
    _page(
        "only files of the page are served",
        "if each.name == name and each.is_file()",
        "if each.name == name or each.name == 'index.html'",
    ),
    _routes("secrets are masked", '            return "***"', "            return value"),
    _routes(
        "health tells what does not run",
        "return json_response(body, 200 if healthy else 503)",
        "return json_response(body, 200)",
    ),
    _metrics(
        "a module that hangs does not hold up the answer",
        "        async with asyncio.timeout(ANSWERS_WITHIN):",
        "        if True:",
    ),
    _metrics("each state of the stream has a sample", "present is not None and present.value == state.value)", "1)"),
    _metrics(
        "a counter counts up",
        "kind = CounterMetricFamily if figure.counter else GaugeMetricFamily",
        "kind = GaugeMetricFamily",
    ),
    _metrics("latencies are cumulative", "accumulate(latency.counts)", "latency.counts"),
    _metrics(
        "what is no number is no sample",
        "if _is_number(value) and name not in figure.leave_out:",
        "if name not in figure.leave_out:",
    ),
    _tally("commands are told apart by how they ended", "result = result_of(error)", "result = OK"),
    _tally(
        "bad arguments are no defect",
        "        case BadArguments() | LevelTooLow():\n            return REFUSED",
        "        case BadArguments() | LevelTooLow():\n            return DEFECT",
    ),
    _board("what is equal is no news", "if before is not None and before.value == value:", "if False:"),
    _board(
        "a follower that fails is alone with it",
        "            except Exception:\n                # Whoever",
        "            except KeyError if False else ArithmeticError:\n                # Whoever",
    ),
    _board(
        "a status is encoded once",
        "        if self._encoded is None:\n",
        "        if True:\n",
        f"{_E}/test_status.py",
        f"{_E}/api/test_control.py::TestBinding::test_a_status_is_encoded_once_however_many_follow_it",
    ),
    _board("None clears", "            del values[key]\n            news = CLEARED", "            news = CLEARED"),
    _board("publications are counted", "        self.published[module_id] += 1\n", "", f"{_E}/api/test_metrics.py"),
    _store("a newer store is not touched", "if version > VERSION:", "if False:"),
    breaks("engines/embedded/store_file.py", f"{_E}/test_store_file.py")(
        "the store is the owner's only",
        "    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))\n    path.chmod(0o600)",
        "    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o644))",
    ),
    _store("a write is all or nothing", '            await connection.execute("BEGIN IMMEDIATE")\n', ""),
    _store("a write that nobody waits for is finished", "await asyncio.shield(task)", "await task"),
    _store(
        "a write is on the disk when it is done",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        f"{_E}/test_store.py",
    ),
    _store("failed writes are counted", '            self.failures["write"] += 1\n', "", f"{_E}/api/test_metrics.py"),
    _backup("a backup overwrites nothing", "os.O_CREAT | os.O_EXCL | os.O_RDWR", "os.O_CREAT | os.O_RDWR"),
    _backup("a backup is its owner's only", "os.O_RDWR, 0o600", "os.O_RDWR, 0o644"),
    _backup("a store in use is not replaced", "            if alone is False:", "            if False:"),
    _backup("a store is replaced only if that is said", "if store.exists() and not replace:", "if False:"),
    _backup(
        "what a killed engine left of a store that is gone goes",
        '            store.with_name(f"{store.name}{suffix}").unlink(missing_ok=True)\n        yield',
        "            pass\n        yield",
    ),
    _backup("… and of one that is broken", "            if alone:\n", "            if alone is not False:\n"),
    _backup("an engine may go on without the file of its store", "        lock.take()\n", "        pass\n"),
    _backup(
        "what root restores is not root's", "        os.chown(file, owner.st_uid, owner.st_gid)\n", "        pass\n"
    ),
    _backup("what is no store is not restored", "        _check(source)\n", ""),
    _backup(
        "a damaged backup is not restored",
        '(sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()',
        'sound = "ok"',
    ),
    _backup("a backup of a newer program is not restored", "    if version > VERSION:", "    if False:"),
    breaks("client/engine_client.py", "tests/client/test_engine_client.py")(
        "what is no text is a bad argument", "    if not jsontext.can_be_written(value):", "    if False:"
    ),
    _client("what is not well is told", "response.status in (200, 503)", "response.status == 200"),
    _keeping("health ends with its exit code", '    if found["status"] != "ok":\n', "    if False:\n"),
    _engine(
        "zones of saved settings have to exist",
        "            if zone not in self.zones\n        ]\n        if not by_module:",
        "            if False\n        ]\n        if not by_module:",
        f"{_E}/test_engine.py",
        f"{_E}/api/test_routes.py::TestSettings",
    ),
    _engine(
        "a reload leaves what does not differ",
        "                await host.reconfigure(spec)",
        "                await host.stop(); host.spec = spec; host.start()",
    ),
    _engine(
        "a module that is gone is stopped",
        "                    await host.stop()\n                    self.board.clear(module_id)",
        "                    pass",
    ),
    _engine(
        "who follows a name follows whoever has it",
        "        for follow in self._follows:\n            follow.resolve(self)",
        "        pass",
        "tests/engines/test_contract.py::TestStatuses::test_of_a_module_that_comes_later_and_goes_again",
    ),
    _engine(
        "access changes with the settings",
        "        self.loaded = loaded\n        self.access = _access(loaded)\n",
        "        self.loaded = loaded\n",
        f"{_E}/api/test_control.py::TestChangedAccess",
    ),
    _host(
        "settings that do not fit are not saved",
        "about = parse_settings(self.driver, self.settings, unknown_is_error=True).settings.lasting_about",
        "about = None",
    ),
    _host(
        "saved settings lie over the file's",
        "return {**self.spec.settings, **self.saved}",
        "return {**self.saved, **self.spec.settings}",
    ),
    _config(
        "placeholders are refused",
        '    problems += [Problem(f"{path}.{key}", "is still the placeholder", "fill in your own value") for key in blank]',
        "    pass",
    ),
    _config(
        "no wider than this machine without keys",
        'if not config.api_keys and "api_keys" not in wrong and not is_loopback(host):',
        "if False:",
    ),
    _config("a zone that does not exist is told", "            if zone not in zones\n", "            if False\n"),
    _config(
        "a module is not alone where it needs another",
        "                if needed not in slugs:",
        "                if False:",
    ),
    _config("names are there once", "if count > 1):", "if count > 2):"),
    _logs(
        "credentials do not survive",
        'return _SIGNED.sub("jwt=***", _CREDENTIAL.sub(r"\\1\\2***", text))',
        'return _SIGNED.sub("jwt=***", text)',
    ),
    _logs(
        "signed links do not survive",
        'return _SIGNED.sub("jwt=***", _CREDENTIAL.sub(r"\\1\\2***", text))',
        'return _CREDENTIAL.sub(r"\\1\\2***", text)',
    ),
    _logs("who follows a log is told it redacted", "        text = redact_text(text)\n", ""),
    # -- what was saved at run time ----------------------------------------------------------------
    _host(
        "a module runs with what was saved",
        "{**self.spec.settings, **self.saved}",
        "{**self.saved, **self.spec.settings}",
    ),
    _host(
        "settings that are refused change nothing",
        "            self.saved = before\n            raise",
        "            raise",
    ),
    _host(
        "saved settings that do not fit are left out", "            if self.saved == lasting:", "            if True:"
    ),
    _host(
        "what only the file may say is not saved",
        "if refused := list(self.driver.not_to_be_saved(changes)):",
        "if refused := []:",
    ),
    _store("a store that is begun anew has the settings in force", "(_SAVE, rows), ", ""),
    _control(
        "pong comes unasked",
        "            await self._engine.clock.sleep(PONG_EVERY)\n            self._put(PONG)\n",
        "            await self._engine.clock.sleep(PONG_EVERY)\n",
    ),
    _store(
        "the SQLite library's statements are no log",
        'logging.getLogger("aiosqlite").addFilter(lambda record: record.levelno >= logging.WARNING)',
        "pass",
    ),
    _asked_for("searches that were refused are counted", "        self._too_many += 1\n", ""),
    _asked_for("… and those that could not be recorded", "            self._not_recorded += 1\n", ""),
    _store(
        "a store is for one engine",
        "        await asyncio.to_thread(self._lock.take)\n",
        "",
        f"{_E}/test_store_file.py",
    ),
    _store("… until it is closed", "        self._lock.give_back()\n", "", f"{_E}/test_store_file.py"),
]
