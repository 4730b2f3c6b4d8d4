"""What waits to be sent to a client of the control socket."""

from mistlocate.engines.embedded.status import StatusValue


class Outgoing:
    """A text that waits to be sent: encoded already, or the head of one and the status that follows, which all share.

    The server takes it for a `str`, of which it asks for nothing but its encoding: with a text of its own for each
    viewer, a list of nearly a megabyte was copied three times as often, and waited in as many copies.
    """

    __slots__ = ("_data", "_length", "_news")

    def __init__(self, data: bytes, news: StatusValue | None = None) -> None:
        self._data = data
        self._news = news
        self._length = len(data) + (0 if news is None else len(news.encoded))

    def __len__(self) -> int:
        return self._length

    def encode(self) -> bytes:
        """The bytes of the text, in UTF-8."""
        return self._data if self._news is None else self._news.message(self._data)
