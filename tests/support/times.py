"""When tests begin."""

import time


def morning() -> float:
    """Five past ten (UTC) of today, in Unix time: no hour and no day ends while a test runs, whenever it is run."""
    return time.time() // 86_400 * 86_400 + 10 * 3600 + 300
