import pytest

from mistlocate.driver.command import Level
from mistlocate.engines.embedded.access import (
    Access,
    ApiKey,
    Caller,
    Refusal,
    credentials,
    hash_key,
    is_hash,
    is_loopback,
    new_key,
)

LOCAL = {"host": "127.0.0.1:8680"}


class TestKeys:
    def test_a_key_is_long_random_and_kept_as_a_hash_only(self) -> None:
        one, two = new_key(), new_key()
        assert one != two
        assert len(one) > 40
        assert is_hash(hash_key(one))
        assert one not in hash_key(one)

    @pytest.mark.parametrize("text", ["", "sha256:", "sha256:xyz", "md5:" + "a" * 64, "sha256:" + "A" * 64, "a" * 64])
    def test_what_is_no_hash(self, text: str) -> None:
        assert not is_hash(text)

    def test_callers_have_the_level_of_their_key(self) -> None:
        user, admin = new_key(), new_key()
        access = Access(
            [ApiKey("panel", Level.USER, hash_key(user)), ApiKey("ops", Level.ADMINISTRATOR, hash_key(admin))]
        )
        assert access.identify(credentials({"x-api-key": user}, "10.0.0.9")) == Caller("panel", Level.USER)
        for shown in (
            credentials({"authorization": f"Bearer {admin}"}, "10.0.0.9"),
            credentials({}, "10.0.0.9", admin),
            credentials({"x-api-key": user}, "10.0.0.9", admin),
        ):
            assert access.identify(shown) == Caller("ops", Level.ADMINISTRATOR)

    def test_what_a_caller_shows_is_kept_without_the_key(self) -> None:
        key = new_key()
        assert key not in str(credentials({"x-api-key": key}, "10.0.0.9"))

    @pytest.mark.parametrize(
        "headers", [{}, {"x-api-key": "wrong"}, {"authorization": "Basic abc"}, {"authorization": "Bearer"}]
    )
    def test_with_keys_nobody_gets_in_without_one_not_even_from_here(self, headers: dict[str, str]) -> None:
        access = Access([ApiKey("panel", Level.USER, hash_key(new_key()))])
        found = access.identify(credentials(headers, "127.0.0.1"))
        assert isinstance(found, Refusal)
        assert found.status == 401


class TestWithoutKeys:
    def test_callers_on_this_machine_are_administrators(self) -> None:
        for client in ("127.0.0.1", "127.8.8.8", "::1"):
            assert Access().identify(credentials({}, client)) == Caller("local", Level.ADMINISTRATOR)

    @pytest.mark.parametrize("client", ["10.0.0.9", "::ffff:10.0.0.9", None, "nonsense"])
    def test_others_are_nobody(self, client: str | None) -> None:
        assert isinstance(Access().identify(credentials({}, client)), Refusal)

    @pytest.mark.parametrize("host", ["127.0.0.1:8680", "localhost:8680", "localhost", "[::1]:8680", "LOCALHOST"])
    def test_names_of_this_machine(self, host: str) -> None:
        assert Access().check({"host": host}) is None

    @pytest.mark.parametrize(
        "host", ["evil.test", "evil.test:8680", "127.0.0.1.evil.test", "", "[", "localhost.evil.test"]
    )
    def test_a_name_that_only_resolves_to_this_machine_is_refused(self, host: str) -> None:
        found = Access().check({"host": host})
        assert found is not None
        assert found.status == 403

    def test_further_names_can_be_allowed(self) -> None:
        assert Access(hosts=["Finder.example"]).check({"host": "finder.example:8680"}) is None

    def test_nor_is_one_that_does_not_say_so(self) -> None:
        found = Access().check(LOCAL, "1.0")
        assert found is not None
        assert found.status == 403
        assert Access([ApiKey("panel", Level.USER, hash_key("x"))]).check(LOCAL, "1.0") is None

    @pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "via", "x-forwarded-proto"])
    def test_whoever_comes_through_a_proxy_is_not_local(self, header: str) -> None:
        assert Access().check({**LOCAL, header: "10.0.0.9"}) is not None


class TestOrigins:
    @pytest.mark.parametrize(
        "origin", ["http://evil.test", "http://127.0.0.1:9999", "null", "http://[", "https://127.0.0.1"]
    )
    def test_pages_of_other_origins_are_refused_with_and_without_keys(self, origin: str) -> None:
        keys = [ApiKey("panel", Level.USER, hash_key(new_key()))]
        for access in (Access(), Access(keys)):
            assert access.check({**LOCAL, "origin": origin}) is not None

    def test_our_own_pages_are_not(self) -> None:
        assert Access().check({**LOCAL, "origin": "http://127.0.0.1:8680"}) is None


def test_with_keys_any_name_will_do() -> None:
    keys = [ApiKey("panel", Level.USER, hash_key(new_key()))]
    assert Access(keys).check({"host": "finder.example", "x-forwarded-for": "10.0.0.9"}) is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        (None, False),
        ("x", False),
    ],
)
def test_loopback(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected
