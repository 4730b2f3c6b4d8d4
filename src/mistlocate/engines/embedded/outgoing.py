"""What is sent to a client of the control socket: a text, or the beginning of one whose end all followers share.

A WebSocket message may come in several frames (RFC 6455, 5.4). Of a status that changes, only the first frame is a
client's own, for it names the message that the client bound with. The other one, of nearly a megabyte for a large
floor, is made once per change, and nobody copies it: 200 viewers cost little more than the sends.
"""

from websockets.frames import Frame, Opcode


class Outgoing:
    """A text that waits to be sent, in UTF-8: `text` alone, or `text` and then the frame that ends the message.

    Servers take it for a `str`, of which they ask for nothing but its encoding.
    """

    __slots__ = ("_text", "ending")

    def __init__(self, text: bytes, ending: bytes | None = None) -> None:
        self._text = text
        self.ending = ending
        """The last frame, as it goes out; the same for everybody."""

    def __len__(self) -> int:
        return len(self._text) + (0 if self.ending is None else len(self.ending))

    def encode(self) -> bytes:
        """The text, or what of it comes before the ending."""
        return self._text

    @property
    def beginning(self) -> bytes:
        """The first of two frames, as it goes out."""
        return Frame(Opcode.TEXT, self._text, fin=False).serialize(mask=False)


def ending(text: bytes) -> bytes:
    """The frame that ends a message with this text, as a server sends it."""
    return Frame(Opcode.CONT, text).serialize(mask=False)
