"""Programs beside this one: load and measured program never share a process.

A program answers lines of JSON on standard input with lines of JSON on standard output: `{"do": NAME, …}` with what
the handler of that name returns.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self

Handler = Callable[..., Awaitable[Any]]

#: How long an answer may take (seconds): a program that hangs must not hang the whole run.
PATIENCE = 180.0


class ProgramFailed(Exception):
    """A program ended, or did not answer in time."""


class Program:
    """A Python module running with arguments (JSON), between `async with`."""

    def __init__(self, module: str, **arguments: Any) -> None:
        self._command = [sys.executable, "-m", module, json.dumps(arguments)]
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=64 * 1024 * 1024,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()

    async def ask(self, name: str, **arguments: Any) -> Any:
        """Have something done; return what comes of it. Raises `ProgramFailed`."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        async with self._turn:
            process.stdin.write(json.dumps({"do": name, **arguments}).encode() + b"\n")
            await process.stdin.drain()
            try:
                async with asyncio.timeout(PATIENCE):
                    line = await process.stdout.readline()
            except TimeoutError:
                raise ProgramFailed(f"{self._command[2]} does not answer to {name}") from None
        if not line:
            raise ProgramFailed(f"{self._command[2]} ended with {await process.wait()} at {name}")
        return json.loads(line)


def arguments() -> dict[str, Any]:
    """What this program was started with."""
    given = json.loads(sys.argv[1])
    assert isinstance(given, dict)
    return given


async def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer until standard input ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        asked = json.loads(line)
        answer = await handlers[asked.pop("do")](**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
