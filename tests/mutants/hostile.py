"""Breaks of what keeps bad input and attackers out."""

from mutants.mutant import Mutant

_ACCESS, _LIMITS, _PROXIES, _CONNECTIONS = (
    f"tests/engines/embedded/test_{name}.py" for name in ("access", "limits", "proxies", "connections")
)
_CHECKS, _CONTROL = (f"tests/engines/embedded/api/test_{name}.py" for name in ("checks", "control"))
_IMAGES, _PICTURES, _ODD, _FIXED = (
    f"tests/drivers/mist_websocket/test_{name}.py" for name in ("images", "pictures", "odd_data", "fixed_settings")
)
_TLS, _EXPOSURE = "tests/engines/embedded/test_tls.py", "tests/engines/embedded/test_exposure.py"
_PUBLIC, _UNPACKING = "tests/transport/test_public.py", "tests/transport/test_unpacking.py"

MUTANTS: list[Mutant] = [
    Mutant(
        "guesses at keys are slowed", "engines/embedded/limits.py",
        "            self._guesses.take(place, now)\n", "            pass\n", (_LIMITS,),
    ),
    Mutant(
        "a key that was right is not held up by guesses of others", "engines/embedded/limits.py",
        "            self._good[known] = None\n", "            self._good.pop(known, None)\n            return found\n",
        (_LIMITS,),
    ),
    Mutant(
        "what is kept of callers is bounded", "engines/embedded/limits.py",
        "if len(self._left) > self._names:", "if False:", (_LIMITS,),
    ),
    Mutant(
        "addresses of one subscriber count together", "engines/embedded/limits.py",
        "str(ipaddress.ip_network((found, 64), strict=False))", "str(found)", (_LIMITS,),
    ),
    Mutant(
        "a bucket holds no more than its size", "engines/embedded/limits.py",
        "min(self._size, left + (now - at) * self._rate)", "left + (now - at) * self._rate", (_LIMITS,),
    ),
    Mutant(
        "requests are counted", "engines/embedded/api/checks.py",
        "return too_many(wait) if wait else None", "return None", (f"{_CHECKS}::TestTooMuch",),
    ),
    Mutant(
        "messages of control sockets are counted", "engines/embedded/api/control.py",
        "            await clock.sleep(wait)\n", "            break\n", (f"{_CONTROL}::TestTooMuch",),
    ),
    Mutant(
        "so many commands of one socket run side by side", "engines/embedded/api/control.py",
        "while len(self._running) >= RUNNING_AT_MOST:", "while False:", (f"{_CONTROL}::TestTooMuch",),
    ),
    Mutant(
        "a socket follows so many statuses", "engines/embedded/api/control.py",
        "len(self._bound) >= BOUND_AT_MOST", "False", (f"{_CONTROL}::TestTooMuch",),
    ),
    Mutant(
        "the word of a proxy that is not trusted is not taken", "engines/embedded/proxies.py",
        "while hops and caller in self:", "while hops:", (_PROXIES, f"{_CHECKS}::TestBehindProxies"),
    ),
    Mutant(
        "what a caller wrote itself is not taken for a proxy's word", "engines/embedded/proxies.py",
        "_address(hops.pop())", "_address(hops.pop(0))", (_PROXIES,),
    ),
    Mutant(
        "without keys no proxy is answered", "engines/embedded/access.py",
        '(http_version != "1.1" or any(name in headers for name in _FORWARDED))', "False", (_ACCESS,),
    ),
    Mutant(
        "a name that resolves to this machine is none of its own", "engines/embedded/access.py",
        "if not self._keys and not (is_loopback(host) or host in self._hosts):", "if False:", (_ACCESS,),
    ),
    Mutant(
        "pages of other origins are not answered", "engines/embedded/access.py",
        "if origin is not None and _netloc(origin)", "if origin is None and _netloc(origin or '')", (_ACCESS,),
    ),
    Mutant(
        "all keys are compared", "engines/embedded/access.py",
        "if hmac.compare_digest(each.hash, shown.key_hash):", "if True:", (_ACCESS,),
    ),
    Mutant(
        "wider than this machine only with keys", "engines/embedded/config.py",
        'and "api_keys" not in wrong and not is_loopback(host):', "and False:", ("tests/engines/embedded/test_config.py",),
    ),
    Mutant(
        "a key with a dot is a problem, no defect", "engines/embedded/config.py",
        'str(each["loc"][0]) for each', 'str(each["loc"][0]).split(".")[0] for each',
        ("tests/engines/embedded/test_config.py",),
    ),
    Mutant(
        "a head that does not come is not waited for", "engines/embedded/connections.py",
        "        self._head = self.loop.call_later(HEAD_WITHIN, transport.abort)\n", "        pass\n", (_CONNECTIONS,),
    ),
    Mutant(
        "nor what follows a request", "engines/embedded/connections.py",
        "waiting = self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE",
        "waiting = self.conn.their_state is h11.IDLE", (_CONNECTIONS,),
    ),
    Mutant(
        "an answer that nobody reads ends", "engines/embedded/connections.py",
        "self.loop.call_later(READ_WITHIN, self.transport.abort)", "None", (_CONNECTIONS,),
    ),
    Mutant(
        "one address holds so many connections", "engines/embedded/connections.py",
        "return bool(of_one > CONNECTIONS_OF_ONE)", "return False", (_CONNECTIONS,),
    ),
    Mutant(
        "all together hold so many", "engines/embedded/connections.py",
        "if len(self.connections) > CONNECTIONS_AT_MOST:", "if False:", (_CONNECTIONS,),
    ),
    Mutant(
        "a trusted proxy holds those of many", "engines/embedded/connections.py",
        "if address in self.trusted or is_loopback(address):", "if is_loopback(address):", (_CONNECTIONS,),
    ),
    Mutant(
        "what is no HTTP is told so carefully", "engines/embedded/connections.py",
        """    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),\n""", "", (_CONNECTIONS,),
    ),
    Mutant(
        "a body that does not come is not waited for", "engines/embedded/api/checks.py",
        "asyncio.timeout_at(None if whole else end)", "asyncio.timeout_at(None)", (_CONNECTIONS,),
    ),
    Mutant(
        "no request that is none is logged", "engines/embedded/server.py",
        '    "Invalid HTTP request",\n', "", (_CONNECTIONS,),
    ),
    Mutant(
        "answers do not wait for acknowledgements", "engines/embedded/server.py",
        "socket.SOCK_STREAM, socket.IPPROTO_TCP", "socket.SOCK_STREAM", (_CONNECTIONS,),
    ),
    Mutant(
        "nothing is loaded from elsewhere", "engines/embedded/api/checks.py",
        "default-src 'none'; script-src 'self';", "script-src *;", (_CHECKS, "tests/engines/embedded/api/test_page.py"),
    ),
    Mutant(
        "who came by HTTPS is to come so again", "engines/embedded/api/checks.py",
        "added = (*_HEADERS, _ONLY_HTTPS) if secure else _HEADERS", "added = _HEADERS", (_TLS,),
    ),
    Mutant(
        "a renewed certificate is taken", "engines/embedded/server.py",
        "            use(context, loaded.tls)\n", "            pass\n", (_TLS,),
    ),
    Mutant(
        "old TLS is not spoken", "engines/embedded/tls.py",
        "ssl.TLSVersion.TLSv1_2", "ssl.TLSVersion.MINIMUM_SUPPORTED", (_TLS,),
    ),
    Mutant(
        "certificate and key only together", "engines/embedded/config.py",
        "    if len(given) == 1:\n", "    if len(given) == 3:\n", (_TLS,),
    ),
    Mutant(
        "files that others can read are said", "engines/embedded/exposure.py",
        "_OTHERS = stat.S_IRWXG | stat.S_IRWXO", "_OTHERS = stat.S_IWOTH", (_EXPOSURE,),
    ),
    Mutant(
        "a file that only refers to a secret is nobody's matter", "engines/embedded/exposure.py",
        "secret and secret in text", "secret", (_EXPOSURE,),
    ),
    Mutant(
        "links of images lead to no private network", "drivers/mist_websocket/images.py",
        "public=elsewhere)", "public=False)", (_IMAGES,),
    ),
    Mutant(
        "every address of a host is looked at", "transport/public.py",
        "not all(map(is_public, addresses))", "not any(map(is_public, addresses))", (_PUBLIC,),
    ),
    Mutant(
        "addresses that wrap another are seen through", "transport/public.py",
        "inner = found.ipv4_mapped or found.sixtofour", "inner = found.ipv4_mapped", (_PUBLIC,),
    ),
    Mutant(
        "odd notations of addresses are addresses", "transport/public.py",
        "return socket.inet_ntoa(socket.inet_aton(host))", "return socket.inet_ntoa(socket.inet_aton(''))", (_PUBLIC,),
    ),
    Mutant(
        "nothing is unpacked further than wanted", "transport/unpacking.py",
        "self._packed.decompress(data, self._at_most - self._size + 1)", "self._packed.decompress(data, 0)",
        (_UNPACKING,),
    ),
    Mutant(
        "nothing is unpacked twice", "transport/unpacking.py",
        '("", "identity", "gzip", "x-gzip")', '("", "identity", "gzip", "x-gzip", "gzip, gzip")', (_UNPACKING,),
    ),
    Mutant(
        "no picture takes a browser's memory", "drivers/mist_websocket/images.py",
        "if picture is None or is_too_large(picture):", "if picture is None:", (_IMAGES,),
    ),
    Mutant(
        "a picture has a size", "drivers/mist_websocket/pictures.py",
        'return (width, height) if kind == b"IHDR" else None', "return (width, height)", (_PICTURES,),
    ),
    Mutant(
        "the token goes nowhere that a caller names", "drivers/mist_websocket/settings.py",
        "rest_host: Annotated[str | None, FIXED]", "rest_host: Annotated[str | None, None]", (_FIXED,),
    ),
    Mutant(
        "nor where the address of a page leads", "drivers/mist_websocket/driver.py",
        'if looks_like_url(str(changes.get("site_id") or "")):', "if False:", (_FIXED,),
    ),
    Mutant(
        "a proxy's password is not shown", "engines/embedded/api/routes.py",
        "return redact_text(value) if isinstance(value, str) else value", "return value", (_FIXED,),
    ),
    Mutant(
        "get_request stays below the API", "mist/rest.py",
        'or {"..", "."} & set(steps)', "", ("tests/mist/test_rest.py",),
    ),
    Mutant(
        "a date that is none changes nothing", "mist/cloud_clock.py",
        "(TypeError, ValueError, OverflowError)", "(TypeError, ValueError)", ("tests/mist/test_cloud_clock.py",),
    ),
    Mutant(
        "one odd record does not cost the list", "drivers/mist_websocket/tracker.py",
        "        if not jsontext.can_be_written(raw):\n", "        if False:\n", (_ODD,),
    ),
    Mutant(
        "names do not act on terminals", "plaintext.py",
        '_BIDI = "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069"', '_BIDI = ""',
        ("tests/test_plaintext.py", "tests/cli/test_output.py"),
    ),
    Mutant(
        "names write no lines of the log", "engines/logs.py",
        'visible(value, lines=key == "exception")', "visible(value)", ("tests/engines/test_logs.py",),
    ),
    Mutant(
        "cookies and signed links are in no log", "transport/http.py",
        '_CORE = ("connection", "http11", "http2", "proxy", "socks")', "_CORE: tuple[str, ...] = ()",
        ("tests/transport/test_http.py",),
    ),
    Mutant(
        "certificates that are not checked are said", "setup/check.py",
        "    if not settings.verify_tls:\n        text", "    if False:\n        text", ("tests/setup/test_check.py",),
    ),
    Mutant(
        "the simulator's controls refuse pages of other hosts", "simulator/control.py",
        "return here and all(", "return here or all(", ("tests/simulator/test_control.py",),
    ),
    Mutant(
        "… by the name that was looked up, too", "simulator/control.py",
        'here = name == "localhost" or', "here = True or", ("tests/simulator/test_control.py",),
    ),
]  # fmt: skip
