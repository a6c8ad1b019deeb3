"""Secrets within texts are masked however they are usually written, and words that only sound so are kept."""

import pytest

from tocsin.base.redact import redacted_text


@pytest.mark.parametrize(
    "text",
    [
        "password: hunterX",
        '{"password": "hunterX"}',
        "--password hunterX",
        "AWS_SECRET_ACCESS_KEY=hunterX",
        "API_TOKEN: hunterX",
        "curl -u root:hunterX https://x.example",
        "Authorization: Bearer hunterXabcdef",
        "ghp_hunterXabc",
        "AKIAhunterX1".replace("hunterX", "HUNTERX123"),
        "xoxb-hunterX-123",
        "https://hooks.slack.com/services/T0/B0/hunterX",
        "postgresql://me:hunterX@db/x",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    masked = redacted_text(text)
    assert "hunterx" not in masked.casefold()
    assert "***" in masked


@pytest.mark.parametrize("text", ["The token bucket is full", "secret handshake failed", "password expired"])
def test_words_are_kept(text: str) -> None:
    assert redacted_text(text) == text
