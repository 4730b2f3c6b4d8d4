"""When a silent stream is doubted."""

from mistlocate.mist.policy import Policy
from mistlocate.mist.silence import SilenceQuestion

POLICY = Policy(silence=90.0, silence_longest=900.0, auth_tries=3, refused_delay=900.0)


def question() -> SilenceQuestion:
    return SilenceQuestion(POLICY.silence)


def test_a_silence_that_is_real_is_asked_about_ever_less_often() -> None:
    asked = question()
    waits = []
    for _ in range(6):
        waits.append(asked.ask_after)
        asked.was_real(asked.ask_after, POLICY)
    assert waits == [90.0, 180.0, 360.0, 720.0, 1440.0, 2340.0]


def test_whoever_cannot_ask_asks_again_soon_and_news_begin_it_anew() -> None:
    asked = question()
    asked.unanswered(400.0, POLICY)
    assert asked.ask_after == 490.0
    asked.heard(POLICY)
    assert asked.ask_after == 90.0


def test_a_refused_question_is_left_alone_after_three_tries() -> None:
    asked = question()
    for at in (0.0, 100.0):
        asked.refused("HTTP 403", at, POLICY)
        assert asked.left_alone(at) is None
    asked.refused("HTTP 403", 200.0, POLICY)
    asked.heard(POLICY)
    assert asked.left_alone(1_099.0) == "HTTP 403"
    assert asked.left_alone(1_100.0) is None
    asked.refused("HTTP 403", 1_100.0, POLICY)
    assert asked.left_alone(1_999.0) is not None, "one try, and not three, every quarter of an hour"


def test_an_answer_begins_the_count_anew() -> None:
    asked = question()
    for at in (0.0, 100.0):
        asked.refused("HTTP 401", at, POLICY)
    asked.answered()
    asked.refused("HTTP 401", 200.0, POLICY)
    assert asked.refusals == 1
    assert asked.left_alone(200.0) is None
