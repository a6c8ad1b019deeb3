"""Secrets are taken out of what strangers sent; everything else stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.base.redact import MASK, is_secret, redacted, redacted_text


@pytest.mark.parametrize(
    "name",
    [
        *("password", "db_password", "Passwd", "secret", "client-secret", "token", "access_token", "apiKey"),
        *("api-key", "routing_key", "service_key", "Authorization", "auth", "cookie", "X-Signature", "dsn"),
    ],
)
def test_keys_that_are_named_like_secrets(name: str) -> None:
    assert is_secret(name)
    assert redacted({"a": [{name: "hush"}]}) == {"a": [{name: MASK}]}
    assert redacted({name: {"deep": "hush"}}) == {name: MASK}
    assert redacted({name: ""}) == {name: ""}, "that there is none is no secret"


@pytest.mark.parametrize(
    "name", ["passed", "host", "author", "keyboard", "dedup_key", "message", "description", "incident_key"]
)
def test_keys_that_are_not(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a tsn_ab12_s3cr-et b", f"a {MASK} b"),
        ("Authorization: Bearer abcdefgh1234", f"Authorization: Bearer {MASK}"),
        ("GenieKey eb243592-faa2-4ba2", f"GenieKey {MASK}"),
        ("see https://ann:hush@example.org/x", f"see https://{MASK}@example.org/x"),
        (
            "https://example.org/?a=1&access_token=hush&b=2",
            f"https://example.org/?a=1&access_token={MASK}&b=2",
        ),
        ("password=hush", f"password={MASK}"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nand", f"{MASK}\nand"),
        ("The disk of db-1 is full: 99 %", "The disk of db-1 is full: 99 %"),
        ("https://example.org:8080/a?id=7", "https://example.org:8080/a?id=7"),
    ],
)
def test_secrets_within_a_text(text: str, left: str) -> None:
    assert redacted_text(text) == left


def test_no_text_takes_long() -> None:
    for text in ("a-" * 40_000, "-----BEGIN " * 8_000, "://" * 20_000, "token" * 15_000, "bearer " * 10_000):
        redacted_text(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_twice_is_as_good_as_once(value: object) -> None:
    once = redacted(value)
    assert redacted(once) == once
