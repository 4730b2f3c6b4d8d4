"""The Mist cloud and its pitfalls: hosts, frames, models, REST, budget, the connection, what a site's driver makes of it."""

from mutants.mutant import Mutant, breaks

_clouds = breaks("mist/clouds.py", "tests/mist/test_clouds.py")
_frames = breaks("mist/frames.py", "tests/mist/test_frames.py")
_models = breaks("mist/models.py", "tests/mist/test_models.py")
_budget = breaks("mist/budget.py", "tests/mist/test_budget.py")
_clock = breaks("mist/cloud_clock.py", "tests/mist/test_cloud_clock.py")
_rest = breaks("mist/rest.py", "tests/mist/test_rest.py")
_paging = breaks("mist/paging.py", "tests/mist/test_paging.py", "tests/mist/test_rest.py")
_errors = breaks("mist/rest_errors.py", "tests/mist/test_rest_errors.py", "tests/mist/test_rest.py")
_stream = breaks("mist/stream.py", "tests/mist/test_stream.py")
_policy = breaks("mist/policy.py", "tests/mist/test_stream.py")
_health = breaks("mist/health.py", "tests/mist/test_health.py")
_splitter = breaks("transport/json_splitter.py", "tests/transport/test_json_splitter.py")
_http = breaks("transport/http.py", "tests/transport/test_http.py")
_websocket = breaks("transport/websocket.py", "tests/transport/test_websocket.py")
_options = breaks("transport/options.py", "tests/transport/test_options.py", "tests/transport/test_http.py")
_json = breaks("jsontext.py", "tests/test_jsontext.py", "tests/mist/test_frames.py")

MUTANTS: list[Mutant] = [
    # -- hosts -------------------------------------------------------------------------------------
    _clouds("a stream's host has a REST host of its own", '"api." + host.removeprefix("api-ws.")', "host"),
    _clouds("… and a REST host a stream's", '"api-ws." + host.removeprefix("api.")', "host"),
    _clouds("explicit hosts outrank the cloud", "    if explicit:\n        return explicit[0]\n", ""),
    _clouds(
        "the cloud outranks the address of the module",
        "endpoints_of_cloud(cloud) if cloud else endpoints_of_uri(uri)",
        "endpoints_of_uri(uri)",
    ),
    _clouds("two clouds that differ are an error", "if other.rest != known[0].rest:", "if False:"),
    _clouds("an id has letters, digits, - and _ only", 'r"[A-Za-z0-9_-]{1,64}"', 'r"[A-Za-z0-9_./-]{1,64}"'),
    _clouds("ws is http and wss is https", "'https' if secure else 'http'}://{rest_host}", "'https'}://{rest_host}"),
    _clouds("a portal's address that names several ids is asked about", "if len(others) > 1:", "if False:"),
    # -- answers ----------------------------------------------------------------------------------
    _rest(
        "an answer that is no object is the cloud's trouble",
        'return _record(Usage, await self.get("/self/usage", Purpose.COMMAND))',
        'return read(Usage, await self.get("/self/usage", Purpose.COMMAND))[0]',
    ),
    breaks("setup/check.py", "tests/setup/test_check.py")(
        "a count of calls that cannot be had ends no check",
        'the calls of this hour cannot be told: {error.message}", hint)\n        return\n',
        'the calls of this hour cannot be told: {error.message}", hint)\n        raise\n',
    ),
    # -- frames ------------------------------------------------------------------------------------
    _frames(
        "the data is text inside the text", "    if isinstance(data, str):\n        if", "    if False:\n        if"
    ),
    _frames(
        "text with something odd in it is looked at again",
        "            data = jsontext.loads(data)\n",
        '            return [Rejected("odd")]\n',
    ),
    _frames(
        "a list of records is as many events",
        "        return [event for item in data for",
        "        return [event for item in data[:1] for",
    ),
    _frames("a record may be wrapped once more", 'if unwrap and "data" in data and "mac" not in data:', "if False:"),
    _frames("nesting has an end", "if lists > _LISTS:", "if False:"),
    _frames("a refused subscription is a frame", 'if event == "subscribe_failed":', "if False:"),
    _frames(
        "rejects show shapes and no values",
        'return [Rejected(f"client record: {error}", shape(data))]',
        'return [Rejected(f"client record: {error}", data)]',
    ),
    _frames(
        "a connection carries so many channels and says what is left out",
        "self.left_out = max(0, len(wanted) - CHANNELS_PER_CONNECTION)",
        "self.left_out = 0",
    ),
    _frames(
        "a new connection knows of no subscription",
        "self._entries = dict.fromkeys(self._entries, Entry(Subscription.UNSENT))",
        "pass",
    ),
    _frames(
        "a missing acknowledgement is asked for again",
        "return waited >= min(self.ack_timeout",
        "return False and min(self.ack_timeout",
    ),
    _frames(
        "a refused channel is left alone for long",
        "            case Subscription.REFUSED:\n                return waited >= self.retry_refused",
        "            case Subscription.REFUSED:\n                return True",
    ),
    _frames(
        "… and tried again after that",
        "            case Subscription.REFUSED:\n                return waited >= self.retry_refused",
        "            case Subscription.REFUSED:\n                return False",
    ),
    _frames(
        "data on a channel proves its subscription", "if entry is None or entry.state is Subscription.LIVE:", "if True:"
    ),
    _frames(
        "what is not wanted any more is given back",
        "released = [channel for channel in self._entries if channel not in wanted]",
        "released = []",
    ),
    _models("a count that no JSON can carry is none", "num_locating_aps: Count", "num_locating_aps: int"),
    _models(
        "a size that no JSON can carry is none",
        "Number = Annotated[int | float, Field(ge=-_EXACT, le=_EXACT)]",
        "Number = int | float",
    ),
    # -- models ------------------------------------------------------------------------------------
    _models(
        "a field of a wrong type costs itself only",
        "fixed = {key: value for key, value in item.items() if key not in wrong}",
        "fixed = dict(item)",
    ),
    _models("a dashed MAC is one", 'fixed["mac"] = _NOT_HEX.sub("", mac.lower())', "pass"),
    _models("NaN is no number", "allow_inf_nan=False", "allow_inf_nan=True"),
    _models("… and no name", '("N" in text and "NaN" in text)', "False"),
    _models("… nor are infinities", '("I" in text and "Infinity" in text)', "False"),
    _models(
        "a number as text is a number, a text as number a text",
        "coerce_numbers_to_str=True",
        "coerce_numbers_to_str=False",
    ),
    _models("unknown fields are allowed", 'extra="ignore"', 'extra="forbid"'),
    _models("a reject names fields, never values", '"missing or unreadable: " + ", ".join(fields)', "str(again)"),
    _models("a shape tells no text", 'return f"text of {len(value)}"', "return value"),
    _models("passphrases are blanked out", "pass(word|phrase)|", ""),
    _models(
        "signed links are blanked out", r'"***" if isinstance(value, str) and _SIGNED.search(value) else value', "value"
    ),
    # -- REST --------------------------------------------------------------------------------------
    _rest(
        "every call is counted before it is sent",
        "        if wait > 0:\n            raise BudgetSpent",
        "        if False:\n            raise BudgetSpent",
    ),
    _paging(
        "pages go on while the headers say so",
        'return page * int(headers["x-page-limit"]) < int(headers["x-page-total"])',
        "return False",
    ),
    _rest(
        "… and end with an empty page",
        "if not found or not has_more(headers, page):",
        "if not has_more(headers, page):",
    ),
    _rest(
        "a bad item of a list hides no other",
        '            rejects.append(Reject(f"{model.__name__} record: {error}", shape(item)))',
        "            raise",
    ),
    _paging(
        "a list may come wrapped",
        'return answer.get("results") if isinstance(answer, dict) else answer',
        "return answer",
    ),
    _rest("an id that enters a URL is checked", "    if not is_id(identifier):", "    if False:"),
    _rest("a path stays below the API", 'if not path.startswith(API + "/"):', "if False:"),
    _rest("… and climbs nowhere", '{"..", "."} & set(steps) or ', ""),
    _rest("… nor by codes", ' or "%" in parts.path', ""),
    _rest(
        "what support reads has no secrets",
        "return redact(answer)",
        "return answer",
    ),
    _rest("a broken connection is tried again", "except (ConnectionLost, CloudTrouble):", "except ConnectionLost:"),
    _rest("429 pauses the budget", "self.budget.pause(error.retry_after, self._clock.monotonic())", "pass"),
    _rest(
        "the cloud's clock is read off its answers",
        'self.cloud_clock.observe(response.headers.get("date"), sent, received)',
        "pass",
    ),
    _rest(
        "keys are kept without their passphrases",
        "rows=[Row(row.record, {}) for row in listing.rows]",
        "rows=listing.rows",
    ),
    _errors("401 is a refused token", "        case 401:", "        case 499:"),
    _errors("403 is no refused token", "        case 403:", "        case 498:"),
    _errors(
        "Retry-After is honoured",
        "return RETRY_AFTER if math.isnan(seconds) else min(max(seconds, 1.0), 3600.0)",
        "return RETRY_AFTER",
    ),
    _errors("a redirect is an error", "if 300 <= status < 400:", "if False:"),
    _errors("5xx is the cloud's trouble", "    return CloudTrouble(f", "    return CloudError(f"),
    # -- budget ------------------------------------------------------------------------------------
    _budget("5,000 calls an hour", "CALLS_PER_HOUR = 5000", "CALLS_PER_HOUR = 6000"),
    _budget("background work leaves some for commands", "BACKGROUND = 0.75", "BACKGROUND = 1.0"),
    _budget(
        "a pause is kept",
        "        if monotonic < self._paused_until:\n            return",
        "        if False:\n            return",
    ),
    _budget("a full hour starts anew", "self._used.clear()", "pass"),
    _budget("others' calls count, too", "max(0, requests - self._used.total())", "0"),
    _budget("resyncs use at most half", "share = self._budget.limit / 2", "share = self._budget.limit * 2"),
    _budget(
        "… and the share comes back",
        "max(0.0, self._level - max(0.0, now - self._at) * self._budget.limit / 2 / _HOUR)",
        "self._level",
    ),
    # -- the cloud's clock -------------------------------------------------------------------------
    _clock("small differences say nothing", "if abs(step) > TOLERANCE:", "if True:"),
    _clock("a slow answer says too little", "or received - sent > SLOW", ""),
    _clock("the anchor moves with the cloud", "self._anchor += step", "pass"),
    _clock(
        "a header that is no date is none", "except (TypeError, ValueError, OverflowError):", "except OverflowError:"
    ),
]

MUTANTS += [
    # -- the connection ----------------------------------------------------------------------------
    _stream(
        "subscriptions are sent before the snapshot",
        "        await self.subscribe(channels)\n        await self._persist(self._session.snapshot)",
        "        await self._persist(self._session.snapshot)\n        await self.subscribe(channels)",
    ),
    _stream(
        "what ends a connection is looked at soon",
        "            self._injected = error\n            self._look.set()\n",
        "            self._injected = error\n",
    ),
    _stream(
        "a new limit of silence is looked at soon",
        "            self._question.heard(self.policy)\n            self._look.set()\n",
        "            self._question.heard(self.policy)\n",
    ),
    _stream("an idle connection is looked at rarely", "        if until_look > 0:\n", "        if False:\n"),
    _stream("the snapshot makes it live", "        self.health.snapshot = True\n", ""),
    _stream(
        "a snapshot that fails is tried again by itself",
        "            except (TransportError, CloudError) as error:\n                failures += 1",
        "            except TransportError as error:\n                failures += 1",
    ),
    _stream(
        "what stands in the way is told",
        "                self._trouble(str(error))\n                await self._clock.sleep(self._patience",
        "                await self._clock.sleep(self._patience",
    ),
    _stream("a refused token latches", "self._refusals >= self.policy.auth_tries", "False"),
    _stream("… not at once", "self._refusals >= self.policy.auth_tries", "True"),
    _stream("… and is probed now and then", "return self.policy.auth_probe\n", "return 1e9\n"),
    _policy(
        "back-off grows",
        "longest = self.first_delay * (1 << min(failures - 1, 20))",
        "longest = self.first_delay",
    ),
    _policy("… to a bound", "min(longest, self.longest_delay)", "longest"),
    _policy("… and not in step with others", "* (0.5 + chance / 2)", "* 1.0"),
    _stream(
        "429 at the handshake is waited for",
        "delay += self.policy.stretched(failure.retry_after or self.policy.rate_limited_delay, self._rng())",
        "pass",
    ),
    _stream("flapping is paced", "            await self._wait(self._pace())\n", ""),
    _stream("new settings end a pause", "        self._wake.set()\n\n    def fail", "        pass\n\n    def fail"),
    _stream("silence alone proves nothing", "        if contradicted:", "        if True:"),
    _stream("silence that REST contradicts ends the connection", "        if contradicted:", "        if False:"),
    _stream(
        "REST is asked ever less often",
        "self._question.was_real(silent_for, self.policy)",
        "self._question.heard(self.policy)",
    ),
    _stream("a frame ends the quiet", "self.health.silent = self.health.doubtful = False", "pass"),
    _stream("every frame is counted", "self.frames += 1", "pass"),
    _stream(
        "an unanswered channel is asked for again, alone",
        "            await self._send_due()\n            if self.health.snapshot",
        "            if self.health.snapshot",
    ),
    _stream(
        "of several ends a refused token says most",
        "rank=lambda error: (not isinstance(error, TokenRefused), isinstance(error, ConnectionLost)),",
        "rank=lambda error: isinstance(error, TokenRefused),",
    ),
    _health(
        "a refused token is a state of its own",
        "        if self.auth_failed:\n            return StreamState",
        "        if False:\n            return StreamState",
    ),
    _health("a missing acknowledgement is degraded", "        if self.overdue:", "        if False:"),
    _health("a refused channel is degraded", "        if self.refused:", "        if False:"),
    _health("not live before the snapshot", "        if not self.snapshot:", "        if False:"),
    _health("not live before the acknowledgements", "        if self.waiting:", "        if False:"),
    _health("quiet is said", "        if self.silent:", "        if False:"),
    _health(
        "without a connection answers are stale",
        "self.auth_failed or not self.connected or not self.snapshot",
        "self.auth_failed or not self.snapshot and False",
    ),
    # -- ways --------------------------------------------------------------------------------------
    _splitter("brackets in strings end nothing", "self._in_string = not self._in_string", "pass"),
    _splitter("what is escaped ends no string", "self._at += 1  # whatever", "pass  # whatever"),
    _splitter(
        "a text that never ends is given up", "if self._depth and len(self._buffer) > self._longest:", "if False:"
    ),
    _http("redirects are not followed", "follow_redirects=False", "follow_redirects=True"),
    _websocket(
        "redirects of the stream are not followed",
        "        return exc\n",
        "        return super().process_redirect(exc)\n",
    ),
    _websocket("the value of a header is not told", "the header {error.name} has no valid value", "{error}"),
    _websocket("a dead connection is noticed", "ping_interval=PING_EVERY", "ping_interval=None"),
    _websocket("… within 45 seconds", "PING_EVERY = 20.0", "PING_EVERY = 40.0"),
    _websocket("the library logs no token", "_quiet.addFilter(lambda _record: False)", ""),
    _websocket(
        "a refused handshake tells its status",
        "    except InvalidStatus as error:",
        "    except InvalidProxy as error:",
    ),
    _options("certificates are checked", "if not options.verify:", "if True:"),
    _options("no part of a wrong address of a proxy is told", "except ValueError:  #", "except ZeroDivisionError:  #"),
    _json("NaN costs no neighbours", "parse_constant=lambda _: None", "parse_constant=float"),
    _json(
        "half of a character harms nothing",
        "return _without_surrogates(json.loads(text, parse_constant=lambda _: None))",
        "return json.loads(text, parse_constant=lambda _: None)",
    ),
    # -- trying again ------------------------------------------------------------------------------
    _stream(
        "who was connected begins with short pauses again",
        "self._failures, self._refusals = 0, min(",
        "self._refusals = min(",
    ),
    _stream("data on a channel proves its subscription", "self.ledger.granted(str(event.channel))", "False"),
    _stream("… also after the ledger changed", "        self._delivering.clear()\n", ""),
]
