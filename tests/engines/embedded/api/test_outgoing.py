"""What waits for a client, and what it becomes when it is sent."""

from mistlocate.engines.embedded.api.outgoing import Outgoing
from mistlocate.engines.embedded.status import StatusValue


def test_a_text_is_sent_as_it_is() -> None:
    text = Outgoing(b"pong")
    assert (len(text), text.encode()) == (4, b"pong")


def test_a_status_is_put_behind_the_head_of_each_client_and_is_shared_until_then() -> None:
    news = StatusValue({"x": "\u00e9"})
    first, second = Outgoing(b'{"id":1', news), Outgoing(b'{"id":2', news)
    assert [each.encode().decode() for each in (first, second)] == [
        '{"id":1,"value":{"x":"\u00e9"}}', '{"id":2,"value":{"x":"\u00e9"}}',
    ]  # fmt: skip
    assert len(first) == len(b'{"id":1') + len(news.encoded)
    assert first._news is second._news
