"""Rules that keep things quick and small, and what must notice when they are broken."""

from mutants.mutant import Mutant

MUTANTS: list[Mutant] = [
    Mutant(
        "small answers do not wait for a confirmation",
        "engines/embedded/server.py",
        "socket.SOCK_STREAM, socket.IPPROTO_TCP)",
        "socket.SOCK_STREAM)",
        ("tests/engines/embedded/test_server.py::test_what_is_sent_in_small_pieces_does_not_wait",),
    ),
    Mutant(
        "what was imported is not looked through again",
        "engines/collector.py",
        "    gc.freeze()\n",
        "",
        ("tests/engines/test_collector.py",),
    ),
    Mutant(
        "a status is framed once for all followers",
        "engines/embedded/status.py",
        "        if self._ending is None:\n",
        "        if True:\n",
        ("tests/engines/embedded/test_status.py",),
    ),
    Mutant(
        "and copied for none of them",
        "engines/embedded/connections.py",
        "memoryview(text.ending)",
        "bytes(bytearray(text.ending))",
        ("tests/engines/embedded/test_connections.py",),
    ),
    Mutant(
        "large blocks are used again",
        "engines/collector.py",
        "        if sends_large:\n",
        "        if False:\n",
        ("tests/engines/test_collector.py",),
    ),
    Mutant(
        "memory that is not used is given back",
        "engines/collector.py",
        "        libc.malloc_trim(0)\n",
        "        pass\n",
        ("tests/engines/test_collector.py",),
    ),
    Mutant(
        "what does not go into one pipeline goes into the next",
        "engines/placeos/status.py",
        "        return commands, room <= 0\n",
        "        return commands, False\n",
        ("tests/engines/placeos/test_status.py::test_much_is_written_in_pieces",),
    ),
    Mutant(
        "no more owners are taken at a time than asked for",
        "location/owner_changes.py",
        "    if at_most is None or len(changed) <= at_most:\n",
        "    if True:\n",
        ("tests/location/test_ownership.py",),
    ),
]
