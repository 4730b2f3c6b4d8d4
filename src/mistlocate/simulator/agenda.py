"""What happens next, in the order of time; things of the same time in the order in which they were noted."""

from heapq import heappop, heappush


class Agenda:
    """A queue of (time, what, whom). An entry cannot be taken back: whoever handles it checks that it still holds."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, object]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def note(self, at: float, what: str, whom: object) -> None:
        """Something is due at a time."""
        self._count += 1
        heappush(self._heap, (at, self._count, what, whom))

    def take(self, until: float) -> tuple[float, str, object] | None:
        """The next entry that is due by then, or None."""
        if not self._heap or self._heap[0][0] > until:
            return None
        at, _, what, whom = heappop(self._heap)
        return at, what, whom
