import pytest

from mistlocate.simulator.answers import Refusal
from mistlocate.simulator.ids import Ids
from mistlocate.simulator.tokens import Tokens

HOUR = 1_800_000_000.0 - 1_800_000_000.0 % 3600


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(Ids(1))


def refused(tokens: Tokens, header: str | None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        tokens.authenticate(header)
    return caught.value


def test_the_scheme_is_token_in_any_case(tokens: Tokens) -> None:
    key = tokens.add()
    assert tokens.authenticate(f"Token {key}").key == key
    assert tokens.authenticate(f"token  {key} ").key == key


@pytest.mark.parametrize("header", [None, "", "Token", "Token ", "Bearer abc", "Basic abc"])
def test_no_token_is_no_credentials(tokens: Tokens, header: str | None) -> None:
    refusal = refused(tokens, header)
    assert refusal.status == 401
    assert "not provided" in refusal.body["detail"]


def test_an_unknown_token_is_invalid(tokens: Tokens) -> None:
    assert refused(tokens, "Token nonsense").body == {"detail": "Invalid token."}


def test_a_revoked_token_is_refused(tokens: Tokens) -> None:
    key = tokens.add()
    tokens.revoke(key)
    assert refused(tokens, f"Token {key}").status == 401
    with pytest.raises(KeyError):
        tokens.revoke(key)


def test_a_replaced_token_keeps_its_rights(tokens: Tokens) -> None:
    key = tokens.add("write", ["a", "b"], kind="user", email="x@example.com")
    new = tokens.authenticate(f"Token {tokens.replace(key)}")
    assert (new.role, new.site_ids, new.kind, new.email) == ("write", {"a", "b"}, "user", "x@example.com")
    assert refused(tokens, f"Token {key}").status == 401


def test_scope_and_role(tokens: Tokens) -> None:
    wide = tokens.authenticate(f"Token {tokens.add()}")
    narrow = tokens.authenticate(f"Token {tokens.add('admin', ['a'])}")
    assert wide.sees("a")
    assert wide.sees("b")
    assert not wide.may_write
    assert narrow.sees("a")
    assert not narrow.sees("b")
    assert narrow.may_write


@pytest.mark.parametrize("wrong", [{"role": "owner"}, {"kind": "machine"}])
def test_other_roles_and_kinds_do_not_exist(tokens: Tokens, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="role must be"):
        tokens.add(**wrong)


def test_the_budget_starts_anew_on_the_hour(tokens: Tokens) -> None:
    tokens.limit = 3
    token = tokens.authenticate(f"Token {tokens.add()}")
    for _ in range(3):
        tokens.charge(token, HOUR + 3000)
    assert tokens.usage(token, HOUR + 3000) == {"requests": 3, "request_limit": 3, "seconds": 600.0}
    with pytest.raises(Refusal) as caught:
        tokens.charge(token, HOUR + 3000.5)
    assert caught.value.status == 429
    assert caught.value.headers == {"Retry-After": "600"}
    assert "3 API Calls per hour threshold" in caught.value.body["detail"]
    tokens.charge(token, HOUR + 3600)
    assert tokens.usage(token, HOUR + 3600)["requests"] == 1


def test_every_token_has_a_budget_of_its_own(tokens: Tokens) -> None:
    tokens.limit = 1
    one, other = (tokens.authenticate(f"Token {tokens.add()}") for _ in range(2))
    tokens.charge(one, HOUR)
    tokens.charge(other, HOUR)
    with pytest.raises(Refusal):
        tokens.charge(one, HOUR)
