"""What waits for a client of the control socket, and the frames that it becomes."""

from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from mistlocate.engines.embedded.outgoing import Outgoing, ending


def read(frames: bytes) -> list[Frame]:
    """The frames that a client reads."""
    stream = StreamReader()
    stream.feed_data(frames)
    stream.feed_eof()
    found = []
    while True:
        parser = Frame.parse(stream.read_exact, mask=False, max_size=None)
        try:
            next(parser)
        except StopIteration as parsed:
            found.append(parsed.value)
        except EOFError:
            return found


def test_a_text_is_sent_as_it_is() -> None:
    text = Outgoing(b"pong")
    assert (len(text), text.encode(), text.ending) == (4, b"pong", None)


def test_a_client_reads_its_own_beginning_and_then_what_all_read() -> None:
    shared = ending("\u00e9}".encode() * 50_000)
    for text in (Outgoing(b'{"id":1,"value":', shared), Outgoing(b'{"id":22,"value":', shared)):
        assert text.ending is shared
        assert len(text) == len(text.encode()) + len(shared)
        first, last = read(text.beginning + text.ending)
        assert (first.opcode, first.fin, first.data) == (Opcode.TEXT, False, text.encode())
        assert (last.opcode, last.fin, last.data) == (Opcode.CONT, True, "\u00e9}".encode() * 50_000)
