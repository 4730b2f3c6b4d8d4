"""The whole suite with every logger at DEBUG: no token, key, signed link or cookie is in any record, nor printed.

`make test-debug` (or `SEARCH_SECRETS=1 pytest …`) looks at every record that any logger of the test's process makes,
whatever level it or its handlers have, at everything that a test prints, and at what engines in processes of their own
print. A test that left a secret behind fails. Secrets are known from where they are made (the simulated cloud's tokens,
passphrases and links, the keys that settings hold) and by their form.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

ACTIVE = os.environ.get("SEARCH_SECRETS") == "1"

#: Loggers of what the tests themselves talk with: a client of a test says what it sends. (What the programs use has a
#: logger of its own: `mistlocate.transport.websocket.wire`.)
OF_TESTS = frozenset({"websockets.client", "websockets.server", "test.client"})

#: What the simulated cloud's server says of requests for a signed link; the programs write no such line.
SIMULATED = ("uvicorn.access", "/api/v1/forward/download")

#: Whatever looks like one: headers with a value, signed links, keys of the engine's own.
FORMS = re.compile(
    r"(?:authorization|cookie|x-api-key)b?['\"]?\s{0,3}[:=,]\s{0,3}b?['\"]?(?![*\[<])\w[^\s'\"]{5,}"
    r"|jwt=(?!\*\*\*)[\w.-]+|X-Amz-Signature=[\w-]+|(?<![a-z])ml_[A-Za-z0-9_-]{20,}",
    re.IGNORECASE,
)

#: The simulated cloud's tokens and passphrases are hex digits; which of such texts are, is known.
_HEX = re.compile(r"[0-9a-f]{20,}")

_known: set[str] = set()
_found: list[str] = []
_formatter = logging.Formatter()


def look(text: str, source: str) -> None:
    """Note the secrets in a text. Does nothing unless the search is on."""
    if ACTIVE:
        _found.extend(f"{source}: {secret[:6]}… ({len(secret)} characters)" for secret in secrets_in(text))


def secrets_in(text: str) -> list[str]:
    """The secrets that a text holds."""
    found = [each for each in _HEX.findall(text) if each in _known]
    return found + [match.group() for match in FORMS.finditer(text)]


def learn(secret: str) -> str:
    """This is a secret from now on."""
    _known.add(secret)
    return secret


def taken() -> list[str]:
    """What was found since the last time."""
    found = list(dict.fromkeys(_found))
    _found.clear()
    return found


def _see(record: logging.LogRecord) -> None:
    text = _formatter.format(record)
    if record.name not in OF_TESTS and not (record.name == SIMULATED[0] and SIMULATED[1] in text):
        look(text, f"logger {record.name}")


def pytest_configure() -> None:
    """Look at every record from now on, and learn of every secret that is made."""
    from mistlocate.simulator.ids import Ids

    enabled, handlers = logging.Logger.isEnabledFor, logging.Logger.callHandlers

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        _see(record)
        if enabled(self, record.levelno):
            handlers(self, record)

    made: Callable[..., str] = Ids.secret
    read = pytest.CaptureFixture.readouterr

    def read_out(self: Any) -> Any:
        texts = read(self)
        for text in texts:
            look(str(text), "printed")
        return texts

    logging.Logger.isEnabledFor = lambda self, level: True  # type: ignore[method-assign]
    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
    Ids.secret = lambda self, *parts, length=48: learn(made(self, *parts, length=length))  # type: ignore[method-assign]
    pytest.CaptureFixture.readouterr = read_out  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    for name in ("capstdout", "capstderr"):
        look(getattr(report, name), "printed")
    if found := taken():
        report.outcome = "failed"
        report.longrepr = "\n".join(["secrets were logged or printed:", *found])
    return report
