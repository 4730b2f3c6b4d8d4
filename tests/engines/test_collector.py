"""What the garbage collector looks through in a program that has settled."""

import subprocess
import sys

#: In a process of its own: what is frozen here would stay so for all other tests.
_PROGRAM = """
import gc
from mistlocate.engines import collector

class Cycle:
    gone = 0
    def __init__(self): self.me = self
    def __del__(self): Cycle.gone += 1

before = len(gc.get_objects())
collector.settle()
assert gc.get_freeze_count() >= before * 0.9, (gc.get_freeze_count(), before)
assert len(gc.get_objects()) < before * 0.1
for _ in range(2 * collector.THRESHOLDS[0]):
    Cycle()
assert Cycle.gone > 0, "nothing is collected any more"
print("settled")
"""


def test_what_was_imported_is_not_looked_through_again_and_cycles_still_go() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout == "settled\n", done.stderr


#: Blocks as the records of a list are, of which one in a thousand stays: without being told, glibc keeps them all.
_SNAPSHOT = """
import pathlib, time
from mistlocate.engines import collector

def memory():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096

collector.TRIM_EVERY = 0.05
collector.settle()
blocks = [bytes(2000) for _ in range(50_000)]
full = memory()
kept = blocks[::1000]
del blocks
end = time.monotonic() + 20
while memory() > full - 60_000_000 and time.monotonic() < end:
    time.sleep(0.05)
print("given back" if memory() <= full - 60_000_000 else f"{memory()} of {full}", len(kept))
"""


def test_what_lies_unused_between_what_is_used_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _SNAPSHOT], capture_output=True, text=True, check=False)
    assert done.stdout == "given back 50\n", done.stdout + done.stderr


#: Blocks as lists of large floors are, one after the other: each page that the system hands out is a fault.
_LISTS = """
import resource
from mistlocate.engines import collector

collector.TRIM_EVERY = 3600.0
collector.settle(sends_large=True)

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def send():
    text = "x" * 1_000_000
    data = text.encode()
    return len(b"".join((b"head", data)))

send()
before = faults()
for _ in range(100):
    send()
print("used again" if faults() - before < 10_000 else faults() - before)
"""


def test_large_blocks_are_used_again() -> None:
    done = subprocess.run([sys.executable, "-c", _LISTS], capture_output=True, text=True, check=False)
    assert done.stdout == "used again\n", done.stdout + done.stderr
