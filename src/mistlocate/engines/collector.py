"""The garbage collector of a program that runs for months and answers in milliseconds."""

import gc

#: Objects made and not yet gone before the youngest are looked through; then how many such rounds before the next
#: generation's. By Python's defaults (700, 10, 10) everything there is would be looked through every few thousand
#: records, which with 50,000 devices stops the program for an eighth of a second each time.
THRESHOLDS = (10_000, 20, 100)


def settle() -> None:
    """To be called once everything is imported: that stays, and is never looked through again.

    Records come and go without cycles, so that counting references frees them. What does make cycles (errors with
    their tracebacks, tasks) is little, and is collected as before, only less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
