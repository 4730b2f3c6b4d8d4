"""Memory of a program that runs for months and answers in milliseconds: what is collected, and what is given back."""

import ctypes
import gc
import sys
import threading
import time

#: Objects made and not yet gone before the youngest are looked through; then how many such rounds before the next
#: generation's. By Python's defaults (700, 10, 10) everything there is would be looked through every few thousand
#: records, which with 50,000 devices stops the program for an eighth of a second each time. The youngest are mostly
#: records of a list, each a dict of forty fields, of which a thousand take a millisecond.
THRESHOLDS = (5_000, 40, 100)

#: Blocks of this size (bytes) are given back to the system when they are freed. By its own rule glibc keeps ever larger
#: ones, and pages of the cloud and lists of floors leave holes: at 50,000 devices that is a tenth of the process. It
#: has to be more than asyncio reads at a time (256 KiB), or every read costs new pages: a third of a record's time.
GIVEN_BACK_FROM = 512 * 1024

#: A program that sends large messages to many keeps its blocks up to this size, and so much of them (bytes): the list
#: of a full floor has close to a megabyte, and with pages from the system for every copy of it, sending one took ten
#: times as long.
KEPT_UP_TO, KEPT_AT_MOST = 16 * 1024 * 1024, 64 * 1024 * 1024
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1

#: How often what lies unused is given back (seconds), also between what is used. The pages of a snapshot leave a sixth
#: of the process behind; where there is nothing, looking takes less than a tenth of a millisecond.
TRIM_EVERY = 10.0


def settle(*, sends_large: bool = False) -> None:
    """To be called once everything is imported: that stays, and is never looked through again.

    `sends_large`: large messages to many, as the lists of floors to their viewers, are this program's business.

    Records come and go without cycles, so that counting references frees them. What does make cycles (errors with
    their tracebacks, tasks) is little, and is collected as before, only less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    _give_back(sends_large=sends_large)


def _give_back(*, sends_large: bool) -> None:
    """Only glibc can be told; other systems have rules of their own."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
        libc.mallopt(_M_MMAP_THRESHOLD, KEPT_UP_TO if sends_large else GIVEN_BACK_FROM)
        if sends_large:
            libc.mallopt(_M_TRIM_THRESHOLD, KEPT_AT_MOST)
        # A thread: such a call leaves the interpreter to others, and takes milliseconds after a snapshot.
        threading.Thread(target=_trim, args=(libc,), name="memory", daemon=True).start()


def _trim(libc: ctypes.CDLL) -> None:
    while True:
        time.sleep(TRIM_EVERY)
        libc.malloc_trim(0)
