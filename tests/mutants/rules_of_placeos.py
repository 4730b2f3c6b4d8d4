"""The PlaceOS engine: frames, messages, statuses in Redis, calls through core, the life of a process."""

from mutants.mutant import Mutant, breaks

_P = "tests/engines/placeos"
_framing = breaks("engines/placeos/framing.py", f"{_P}/test_framing.py")
_messages = breaks("engines/placeos/messages.py", f"{_P}/test_messages.py")
_status = breaks("engines/placeos/status.py", f"{_P}/test_status.py")
_storage = breaks("engines/placeos/storage.py", f"{_P}/test_storage.py")
_process = breaks("engines/placeos/process.py", f"{_P}/test_process.py", f"{_P}/test_process_life.py")
_host = breaks("engines/placeos/host.py", f"{_P}/test_host.py", f"{_P}/test_process_life.py")
_remote = breaks("engines/placeos/remote.py", f"{_P}/test_remote.py")
_subscriptions = breaks("engines/placeos/subscriptions.py", f"{_P}/test_subscriptions.py")
_directory = breaks("engines/placeos/directory.py", f"{_P}/test_directory.py")
_redis = breaks("engines/placeos/redis_client.py", f"{_P}/test_redis_client.py")
_url = breaks("engines/placeos/redis_url.py", f"{_P}/test_redis_url.py")
_wire = breaks("engines/placeos/wire.py", f"{_P}/test_wire.py")
_base = breaks("engines/placeos/base_settings.py", f"{_P}/test_base_settings.py")
_audit = breaks("engines/placeos/audit.py", f"{_P}/test_audit.py")
_serving = breaks(
    "engines/placeos/serving.py",
    f"{_P}/test_serving.py::test_a_process_ends_while_a_name_is_being_looked_up",
)
_logs = breaks("engines/placeos/logs.py", f"{_P}/test_logs.py")
_links = breaks("engines/placeos/links.py", f"{_P}/test_links.py")

MUTANTS: list[Mutant] = [
    _framing("lengths are little-endian", 'struct.Struct("<i")', 'struct.Struct(">i")'),
    _framing(
        "a frame may come in pieces",
        "            if len(buffer) - start < length:\n                break",
        "            if False:\n                break",
    ),
    _framing("a length that cannot be one is an error", "if not 0 <= length <= LONGEST:", "if length > LONGEST:"),
    _framing("frames of ours have their delimiters", 'b"\\x00\\x02", b"\\x00\\x03"', 'b"\\x00\\x02", b"\\x00\\x04"'),
    _framing("what is complete is given before an error", "        del buffer[:at]\n", ""),
    _messages(
        "what is nothing is not written",
        "for name, value in members.items() if value is not None}",
        "for name, value in members.items()}",
    ),
    _messages("a sequence number may be 0", 'seq=_integer(raw, "seq")', 'seq=_integer(raw, "seq") or None'),
    _messages(
        "an answer is addressed as the call was",
        "self.seq, self.reply, self.user_id, code, payload)",
        "self.seq, None, self.user_id, code, payload)",
    ),
    _messages("true is no number", "and not isinstance(value, bool) and value in _WRITABLE", "and value in _WRITABLE"),
    _messages(
        "a way to the device cannot change without a new start",
        "return self.ip, self.port, self.uri, self.tls",
        "return self.ip, self.port, self.tls",
    ),
    _status(
        "a status that is withdrawn is deleted",
        '            commands.append(("HDEL", status.key, *gone))',
        "            pass",
    ),
    _status("… and told as null", 'text or b"null"', 'text or b""'),
    _status(
        "whoever follows is told", '            told.append(("PUBLISH"', '            0 and told.append(("PUBLISH"'
    ),
    _status(
        "after trouble everything is written again",
        "            except BaseException:\n                self.write_all_again()\n                raise",
        "            except BaseException:\n                raise",
    ),
    _status("Redis is asked whether it still has everything", "            if not there:", "            if False:"),
    _status(
        "an interface is written",
        '                commands.append(("SET", f"interface/',
        '                0 and commands.append(("SET", f"interface/',
    ),
    _status(
        "trouble is told once and its end, too",
        "        if trouble is None and self.trouble is not None:",
        "        if False:",
    ),
    _storage(
        "fields are written all or none",
        "await self._redis.run_atomically(commands)",
        "await self._redis.run(commands[:1])",
    ),
    _storage("a hash is a module's own", 'return f"{name}/{self._module_id}"', "return name"),
    _storage("a Redis that does not answer is not waited for", "async with asyncio.timeout(READ_WITHIN):", "if True:"),
    _process(
        "a second start changes nothing",
        "        if host is not None:\n            self._reply(_started(message))\n            return\n",
        "",
    ),
    _process(
        "a message that cannot be read costs itself only",
        "                except MessageError as error:\n                    self._log",
        "                except KeyError as error:\n                    self._log",
    ),
    _process(
        "a command runs beside others",
        "self._serve(self._execute(message, self.hosts.get(message.id)))",
        "asyncio.get_running_loop().call_later(0.5, lambda: self._serve(self._execute(message, self.hosts.get(message.id)))) if message.seq == -7 else self._serve(self._execute(message, None))",
    ),
    _process("a call in the name of whoever asked", "caller.set(message.user_id)", "caller.set(None)"),
    _process(
        "an answer that does not come is not waited for for ever",
        "async with asyncio.timeout(ANSWER_WITHIN):",
        "if True:",
        f"{_P}/test_process.py::TestCalls",
    ),
    _process(
        "an unknown module is not available",
        'return message.failure("Exception", "driver not available")',
        'return message.answer("null")',
    ),
    _process(
        "core may end the process",
        '            case "terminate":\n                self.stop()',
        '            case "terminate":\n                pass',
        f"{_P}/test_process_life.py::test_however_it_ends_modules_unload_and_all_is_well",
    ),
    _process(
        "the end comes in time",
        "            async with asyncio.timeout(END_WITHIN):",
        "            if True:",
        f"{_P}/test_process_life.py::test_the_end_comes_in_time_whatever_modules_and_redis_do",
    ),
    _process(
        "debug frames until ignored",
        "                unsubscribe = self._debugged.pop(message.id, None)\n                if unsubscribe is not None:\n                    unsubscribe()",
        "                pass",
        f"{_P}/test_process.py::test_the_log_of_a_module_is_sent_while_core_wants_it",
    ),
    _process(
        "what goes wrong with one message ends nothing",
        "                    self._take_safely(decode(text))",
        "                    self._take(decode(text))",
        f"{_P}/test_process.py::test_what_goes_wrong_in_a_start_stays_with_that_module",
    ),
    _process(
        "a start is answered whatever goes wrong in it",
        "        try:\n            await host.start(before)\n        except Exception:",
        "        try:\n            await host.start(before)\n        except MistlocateError:",
        f"{_P}/test_process.py::test_what_goes_wrong_in_a_start_stays_with_that_module",
    ),
    _host(
        "a stopped module does not look unreachable",
        '            self._status.set("connected", True)\n',
        "",
        f"{_P}/test_process_life.py::test_a_stopped_module_is_gone_and_looks_connected",
    ),
    _host(
        "a changed way to the device is a new start",
        "            if restart:",
        "            if False:",
        f"{_P}/test_host.py::test_a_change_of_the_way_to_the_device_clears_what_was_told",
        f"{_P}/test_process_life.py::test_settings_change_in_place_and_a_way_to_the_device_by_a_new_start",
    ),
    _host(
        "settings that cannot be used are told",
        '        self._status.set("settings_problem", str(error))',
        "        pass",
        f"{_P}/test_host.py",
    ),
    _host(
        "settings that were not taken do not replace the last good ones",
        "            if self._accepted is None:\n                raise\n",
        "            raise\n",
        f"{_P}/test_host.py::test_the_last_good_settings_stay_in_force_over_a_new_start",
    ),
    _host(
        "what a module saved itself holds whatever else was refused",
        "for name in lasting if given.get(name) is not None}",
        "for name in lasting if False}",
        f"{_P}/test_host.py::test_what_a_module_saved_itself_holds_although_the_rest_was_not_taken",
    ),
    _host(
        "unknown names of arguments are ignored",
        "ignore_unknown=True",
        "ignore_unknown=False",
        "tests/e2e/placeos/test_pair.py::test_arguments_with_a_default_may_be_left_out_and_unknown_names_are_ignored",
    ),
    _host(
        "a crashed module takes back what it told",
        '        self._status.clear()\n        self._status.set("settings_problem", problem)',
        '        self._status.set("settings_problem", problem)',
        f"{_P}/test_host.py::test_a_crashed_module_takes_back_what_it_told_and_starts_again",
    ),
    _remote(
        "defaults of the metadata are filled in",
        '        elif isinstance(schema, Mapping) and "default" in schema:',
        "        elif False:",
    ),
    _remote(
        "a failure of ours comes back as what it was",
        'return CommandFailed(f"{what}: {text} ({name})") if known is None else known(text)',
        'return CommandFailed(f"{what}: {text} ({name})")',
    ),
    _remote(
        "a module that is not there is told apart",
        'if name in _NOT_THERE or (name, text) == ("Exception", "driver not available"):',
        "if False:",
    ),
    _remote(
        "a missing argument is told before anything is sent",
        '            raise BadArguments(f"{command}: {name} is missing")',
        "            bound[name] = None",
    ),
    _subscriptions(
        "a value from before a gap is never taken for the present one",
        "if not binding.heard and binding.channel == channel:",
        "if True:",
        f"{_P}/test_subscriptions.py",
    ),
    _subscriptions(
        "the same text is given once",
        "        if text == binding.text:\n            return",
        "        if False:\n            return",
    ),
    _subscriptions(
        "a changed system is looked up again",
        "            if binding.place[0] == system_id:\n                binding.looked_up = False",
        "            pass",
    ),
    _subscriptions(
        "a silent connection is given up",
        "if now - self._last_heard > SILENT_AT_MOST:",
        "if False:",
        f"{_P}/test_subscriptions.py::test_a_connection_that_fell_silent_is_given_up",
    ),
    _subscriptions(
        "a listener that raises is alone with it",
        '        except Exception:\n            self._log.exception("a follower',
        '        except ZeroDivisionError if False else KeyError:\n            self._log.exception("a follower',
        f"{_P}/test_subscriptions.py::test_a_listener_that_raises_is_alone_with_it",
    ),
    _directory("the same text is the same object", "if known is None or known[0] != text:", "if True:"),
    _directory(
        "without Redis what is remembered has to do",
        "            if known is None or certain:\n                raise\n            return known[1]",
        "            raise",
    ),
    _directory(
        "statuses that are read together are of one moment",
        "        texts = await self._ask(together, 0.0, certain=True)\n",
        "        texts = [await self.status_text(module_id, key) for key in keys]\n",
    ),
    _directory("… and remembered one by one", "        self._known.update(", "        dict().update("),
    _remote(
        "without Redis each of them is what is remembered",
        "            with suppress(StoreError):\n                module_id",
        "            if True:\n                module_id",
    ),
    _directory("who has to be certain is not given it", "if known is None or certain:", "if known is None:"),
    _directory(
        "a Redis that does not answer costs a second",
        "async with asyncio.timeout(PATIENCE):",
        "async with asyncio.timeout(PATIENCE * 20):",
    ),
    _directory(
        "a silent Redis is asked one question at a time",
        "self._asking.get(command) or self._begin(command)",
        "self._begin(command)",
        f"{_P}/test_directory.py::test_whoever_asks_while_a_question_is_under_way_is_given_no_answer_from_before",
    ),
    _directory(
        "a question that was under way is no answer to one that is asked later",
        "                if command in self._asking:\n",
        "                if False:\n",
        f"{_P}/test_directory.py::test_whoever_asks_while_a_question_is_under_way_is_given_no_answer_from_before",
    ),
    _redis(
        "a patience is for the wait behind others, too",
        "            async with asyncio.timeout(PATIENCE):\n                client = await self._connected()",
        "            client = await self._connected()\n            async with asyncio.timeout(PATIENCE):\n"
        "                self._client = client",
        f"{_P}/test_redis_client.py::test_nobody_waits_longer_for_a_silent_redis_because_others_wait",
    ),
    _redis(
        "who is cancelled leaves the connections of others alone",
        "        except (RedisError, OSError, TimeoutError) as error:\n            # A cancellation",
        "        except BaseException as error:\n            # A cancellation",
        f"{_P}/test_redis_client.py::test_who_is_cancelled_takes_no_connection_of_others_along",
    ),
    _redis(
        "in a cluster nobody is told before the rest is answered",
        "if transaction or isinstance(client, Redis):",
        "if True:",
        f"{_P}/test_redis_client.py::TestCluster::test_nobody_is_told_before_the_rest_is_answered",
    ),
    _redis(
        "other nodes of a cluster are tried",
        "        for _ in range(len(nodes)):",
        "        for _ in range(0):",
        f"{_P}/test_redis_client.py::TestCluster::test_the_other_nodes_will_do_when_the_one_of_the_settings_is_gone",
    ),
    _redis(
        "… also where the first one says nothing",
        "PATIENCE * FIRST_SHARE",
        "PATIENCE * 2",
        f"{_P}/test_redis_client.py::TestCluster::test_a_node_that_says_nothing_leaves_time_for_the_others",
    ),
    _redis(
        "a server that is no node any more is left alone",
        "if place != self.address and not clustered:",
        "if False:",
        f"{_P}/test_redis_client.py::TestCluster::test_a_server_at_the_address_of_a_former_node_is_left_alone",
    ),
    _redis(
        "the text of an error tells no values",
        '    if type(error) is ResponseError else ""' if False else "_QUOTES in text:",
        "False:",
        f"{_P}/test_redis_client.py",
    ),
    _redis(
        "certificates are verified",
        '"required" if address.verify else "none"',
        '"none"',
        f"{_P}/test_redis_client.py",
        "tests/e2e/placeos/test_deployments.py::test_a_redis_with_tls_is_used_if_it_can_be_trusted_and_only_then",
    ),
    _redis(
        "after an error the name is looked up anew",
        "            await self._drop(client)\n            raise self._trouble(error) from None",
        "            raise self._trouble(error) from None",
    ),
    _url(
        "the password stands in the place of the user",
        "password=unquote(parts.username) if parts.username else None",
        "password=unquote(parts.password) if parts.password else None",
    ),
    _url(
        "an address shows no secret",
        "password: str | None = field(default=None, repr=False)",
        "password: str | None = None",
    ),
    _wire(
        "frames do not mix",
        "        async with self._turn:\n            try:\n                self._writer.write(frame(text))",
        "        if True:\n            try:\n                self._writer.write(frame(text)[:3]); await asyncio.sleep(0); self._writer.write(frame(text)[3:])",
    ),
    _wire(
        "what can be spared is dropped before memory grows",
        "if self._writer.transport.get_write_buffer_size() > SPARED_ABOVE:",
        "if False:",
    ),
    _wire("the ready byte is bare", 'self._writer.write(b"r")', 'self._writer.write(b"\\x00\\x02r\\x00\\x03")'),
    _base("headers have no space around them", "str(each).strip() for each", "str(each) for each"),
    _base(
        "PlaceOS' own settings do not reach the driver",
        "driver = {name: value for name, value in settings.items() if name not in SCHEMA and value is not None}",
        "driver = {name: value for name, value in settings.items() if value is not None}",
    ),
    _base(
        "a setting that is null is not given", "if name not in SCHEMA and value is not None}", "if name not in SCHEMA}"
    ),
    _base("settings that cannot be gone through are not valid", "    except RecursionError:", "    except KeyError:"),
    _base("the driver's own settings outrank PlaceOS'", "driver.setdefault(name, value)", "driver[name] = value"),
    _base(
        "no check only where it is asked for",
        '_NO_CHECK = frozenset({"none", "0", "false"})',
        '_NO_CHECK = frozenset({"none", "0", "false", "peer"})',
    ),
    _links("headers of the settings outrank the driver's", "if name.lower() not in outranked}", "}"),
    _links("role 1 is the bare connection", "if self._model.role == ROLE_TCP:", "if False:"),
    _logs(
        "lines have the form that the environment wants",
        'os.environ.get("PLACE_LOG_FORMAT", "JSON").upper() == "JSON"',
        "True",
    ),
    _logs(
        "warnings about the process are written", 'PROCESS_LEVEL = LEVELS["warn"]', 'PROCESS_LEVEL = LEVELS["error"]'
    ),
    _logs("a line that cannot be written is lost", "with suppress(OSError, ValueError):", "with suppress():"),
    _serving("a process ends whatever threads do", "    os._exit(code)", "    return code"),
    _serving(
        "… and what was written is out before",
        "                stream.flush()",
        "                pass",
        f"{_P}/test_serving.py::test_what_was_written_last_is_out_before_a_process_ends",
    ),
    _serving(
        "a process that cannot be loaded waits as well",
        "    except Exception as error:  # mostly",
        "    except ZeroDivisionError as error:  # mostly",
        f"{_P}/test_serving.py::test_so_does_one_that_cannot_be_loaded",
    ),
    _audit(
        "audit records are forgotten in turn with those that are written",
        "        async with self._turn:\n            fields = await self._known_fields()\n            limit",
        "        if True:\n            fields = await self._known_fields()\n            limit",
    ),
    _audit(
        "a record that was not confirmed is forgotten like any other",
        "        self._fields = None  # who",
        "        pass  # who",
    ),
    # -- statuses ----------------------------------------------------------------------------------
    _status(
        "an equal value is no news", "        if text == self.texts.get(key):\n            return\n", "        pass\n"
    ),
    _status("a value that is no JSON is left out", "        except TypeError:\n", "        except LookupError:\n"),
    _status("a number that is none is nothing", 'return None if text == b"null" else text', "return text"),
    _status(
        "what a module was before goes from Redis",
        "dict.fromkeys((*status.texts, *fields))",
        "dict.fromkeys(status.texts)",
    ),
    _status(
        "a status that Redis may have lost is written again",
        "            except BaseException:\n                self.write_all_again()\n",
        "            except BaseException:\n",
    ),
]
