"""A driver's process while it serves core: from its first byte to its last."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from traceback import format_exception
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mistlocate.driver.base import Driver
    from mistlocate.engines.placeos.wire import Wire

#: A process that ends in trouble is started again by core at once: it waits a little first (seconds).
TROUBLE_PAUSE = 3.0


def serve(load: "Callable[[], type[Driver[Any]]]", socket: str | None) -> int:
    """Connect, say so, and only then import what takes time. Returns the exit code, unless the process ends here."""
    try:
        return asyncio.run(_run_to_the_end(load, socket))
    except OSError as error:
        sys.stdout.write(f'{{"level":"FATAL","message":"cannot connect to core: {type(error).__name__}"}}\n')
        return 1
    except KeyboardInterrupt:
        return 0


async def _run_to_the_end(load: "Callable[[], type[Driver[Any]]]", socket: str | None) -> int:
    """Run, and end the process as soon as everything is written.

    The end of an event loop, and of the interpreter, is to wait for every thread. One that looks up a name cannot be
    stopped, and where no name server answers it takes longer than core waits.
    """
    code = await _run(load, socket)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
                stream.flush()
    os._exit(code)


async def _run(load: "Callable[[], type[Driver[Any]]]", socket: str | None) -> int:
    from mistlocate.engines.placeos.wire import Wire, streams_problem  # noqa: PLC0415

    problem = streams_problem() if socket is None else None
    if problem is not None:
        sys.stdout.write(f'{{"level":"FATAL","message":"{problem}"}}\n')
        return 1
    wire = await (Wire.to_standard_streams() if socket is None else Wire.to_socket(socket))
    wire.ready()
    try:
        code = await _serve_core(load, wire)
    except Exception as error:  # mostly something that is imported only now is not there, or not whole
        import json  # noqa: PLC0415

        line = {"level": "FATAL", "message": "the driver cannot run", "exception": "".join(format_exception(error))}
        with suppress(OSError):
            print(json.dumps(line), flush=True)  # noqa: T201
        code = 1
    if code:
        await asyncio.sleep(TROUBLE_PAUSE)
    return code


async def _serve_core(load: "Callable[[], type[Driver[Any]]]", wire: "Wire") -> int:
    """Serve until core wants no more; return the exit code."""
    from mistlocate.clock import SystemClock  # noqa: PLC0415
    from mistlocate.engines import collector  # noqa: PLC0415
    from mistlocate.engines.placeos import logs  # noqa: PLC0415
    from mistlocate.engines.placeos.process import DriverProcess  # noqa: PLC0415
    from mistlocate.engines.placeos.redis_url import RedisAddress, read_redis_url  # noqa: PLC0415

    logs.configure()
    try:
        address = read_redis_url(os.environ.get("REDIS_URL"))
    except ValueError as error:
        sys.stdout.write(f'{{"level":"ERROR","message":"{error}; trying localhost:6379"}}\n')
        address = RedisAddress()
    process = DriverProcess(load(), wire, address, SystemClock())
    collector.settle()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    loop.add_signal_handler(signal.SIGUSR1, logs.toggle_everything)
    loop.add_signal_handler(signal.SIGUSR2, lambda: logs.write(process.report()))
    return await process.run()
