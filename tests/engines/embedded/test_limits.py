import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.driver.command import Level
from mistlocate.engines.embedded.access import Access, ApiKey, Caller, Credentials, Refusal, hash_key
from mistlocate.engines.embedded.limits import BURST, GUESS_EVERY, GUESSES, Buckets, Limits, place_of, too_many

GOOD = hash_key("sesame")
ACCESS = Access([ApiKey("panel", Level.USER, GOOD)])


class TestBuckets:
    def test_so_many_at_once_and_then_so_many_a_second(self) -> None:
        buckets = Buckets(rate=2.0, size=3.0)
        assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
        assert buckets.take("a", 0.4) > 0
        assert buckets.take("a", 0.5) == 0
        assert buckets.take("b", 0.5) == 0, "everybody has a bucket"

    def test_who_was_silent_for_long_has_no_more_than_a_bucketful(self) -> None:
        buckets = Buckets(rate=2.0, size=3.0)
        buckets.take("a", 0.0)
        assert [buckets.take("a", 1000.0) == 0 for _ in range(4)] == [True, True, True, False]

    @given(st.lists(st.floats(0, 5), max_size=60))
    def test_never_more_than_that(self, pauses: list[float]) -> None:
        buckets, now, taken = Buckets(rate=2.0, size=3.0), 0.0, 0
        for pause in pauses:
            now += pause
            taken += buckets.take("a", now) == 0
        assert taken <= 3 + 2 * now + 1e-6

    def test_what_is_kept_of_names_is_bounded(self) -> None:
        buckets = Buckets(rate=1.0, size=1.0, names=100)
        for number in range(1000):
            buckets.take(str(number), 0.0)
        assert len(buckets) == 100
        assert buckets.wait("999", 0.0) > 0


class TestRequests:
    def test_a_caller_has_ten_seconds_worth_at_once(self) -> None:
        limits = Limits(5)
        answered = sum(limits.request("a", 0.0) == 0 for _ in range(100))
        assert answered == 5 * BURST
        assert limits.request("a", 0.2) == 0

    def test_no_limit(self) -> None:
        limits = Limits(0)
        assert all(limits.request("a", 0.0) == 0 for _ in range(10_000))

    def test_the_refusal_says_how_long_to_wait(self) -> None:
        assert (too_many(0.01).status, too_many(0.01).retry_after, too_many(2.1).retry_after) == (429, 1, 3)


def guess(limits: Limits, address: str, now: float, key: str | None = None) -> Caller | Refusal:
    return limits.identify(ACCESS, Credentials(key or hash_key(f"guess {now} {address}"), address), now)


def status(found: Caller | Refusal) -> int:
    return found.status if isinstance(found, Refusal) else 200


class TestGuessing:
    def test_guesses_are_slowed(self) -> None:
        limits = Limits(0)
        found = [status(guess(limits, "10.0.0.9", 0.0)) for _ in range(GUESSES + 1)]
        assert found == [401] * GUESSES + [429]
        refused = guess(limits, "10.0.0.9", 0.0)
        assert isinstance(refused, Refusal)
        assert refused.retry_after == GUESS_EVERY
        assert status(guess(limits, "10.0.0.9", GUESS_EVERY)) == 401

    def test_meanwhile_not_even_the_right_key_is_tried(self) -> None:
        limits = Limits(0)
        for _ in range(GUESSES):
            guess(limits, "10.0.0.9", 0.0)
        assert status(guess(limits, "10.0.0.9", 0.0, GOOD)) == 429
        assert status(guess(limits, "10.0.0.8", 0.0, GOOD)) == 200, "elsewhere nobody guessed"

    def test_who_signed_in_there_before_is_not_held_up(self) -> None:
        limits = Limits(0)
        assert status(guess(limits, "10.0.0.9", 0.0, GOOD)) == 200
        for _ in range(GUESSES + 5):
            guess(limits, "10.0.0.9", 1.0)
        assert status(guess(limits, "10.0.0.9", 1.0, GOOD)) == 200

    def test_a_key_that_was_taken_back_is_a_guess_like_any_other(self) -> None:
        limits = Limits(0)
        assert status(guess(limits, "10.0.0.9", 0.0, GOOD)) == 200
        others = Access([ApiKey("new", Level.USER, hash_key("other"))])
        for expected in [401] * GUESSES + [429]:
            assert status(limits.identify(others, Credentials(GOOD, "10.0.0.9"), 1.0)) == expected

    def test_addresses_of_one_subscriber_count_together(self) -> None:
        limits = Limits(0)
        for number in range(GUESSES):
            guess(limits, f"2001:db8::{number:x}", 0.0)
        assert status(guess(limits, "2001:db8::ffff:1", 0.0)) == 429
        assert status(guess(limits, "2001:db8:0:1::1", 0.0)) == 401

    def test_no_key_is_no_guess(self) -> None:
        limits = Limits(0)
        for _ in range(100):
            assert status(limits.identify(ACCESS, Credentials(None, "10.0.0.9"), 0.0)) == 401
        local = limits.identify(Access(), Credentials(hash_key("x"), "127.0.0.1"), 0.0)
        assert local == Caller("local", Level.ADMINISTRATOR)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
        ("x", "x"),
    ],
)
def test_places(address: str | None, place: str) -> None:
    assert place_of(address) == place
