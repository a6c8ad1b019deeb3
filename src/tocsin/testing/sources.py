"""What every source of alerts promises, as tests, and short ways to ask one.

Make a subclass of `SourceContract` in a module of tests, with a fixture `source` and the body of a request
that it takes in `good`.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import msgspec
import pytest

from tocsin.base.problems import Problem
from tocsin.engine.sources import Arrival, Parsed, Source, SourceError

NOW = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
"""When requests arrive, unless a test says otherwise."""


def arrival(
    body: object, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
) -> Arrival:
    """A request with this body: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    given = {"content-type": "application/json", **(headers or {})}
    return Arrival(body=raw, received_at=NOW, headers=given, query=dict(query or {}))


def parse(source: Source, body: object, headers: Mapping[str, str] | None = None) -> Parsed:
    """What a source makes of a request."""
    return asyncio.run(source.parse(arrival(body, headers)))


def refused(source: Source, body: object, headers: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """The fields and codes for which a source refuses a request whole; each must have a mend."""
    with pytest.raises(SourceError) as caught:
        parse(source, body, headers)
    assert all(each.message and each.mend for each in caught.value.problems)
    return [(each.field, each.code) for each in caught.value.problems]


class SourceContract:
    """What comes from outside is read or refused in plain words, whatever it is."""

    good: ClassVar[Any]
    headers: ClassVar[Mapping[str, str]] = {}

    def test_it_reads_its_own_format(self, source: Source) -> None:
        parsed = parse(source, self.good, self.headers)
        assert parsed.alerts
        for alert in parsed.alerts:
            assert alert.fingerprint
            assert alert.source == source.kind
            assert alert.labels
            assert alert.starts_at.utcoffset() is not None
            assert alert.received_at == NOW

    def test_the_same_request_gives_the_same_alerts(self, source: Source) -> None:
        assert parse(source, self.good, self.headers) == parse(source, self.good, self.headers)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b"{}",
            b"1",
            b'"x"',
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"a":' * 5_000,
            b"[null]",
        ],
        ids=range(11),
    )
    def test_what_is_nothing_of_its_own_is_refused_in_words(self, source: Source, body: bytes) -> None:
        self._ask(source, body)

    @pytest.mark.parametrize(
        "bad", [None, 1, True, "", "\x00", "x" * 100_000, [], {}, [1], {"a": None}, -1e308]
    )
    def test_a_value_of_the_wrong_kind_anywhere_is_refused_in_words_or_left_out(
        self, source: Source, bad: object
    ) -> None:
        raw = self.good if not isinstance(self.good, bytes) else json.loads(self.good)
        for twisted in _twisted(raw, bad):
            self._ask(source, msgspec.json.encode(twisted))

    def _ask(self, source: Source, body: bytes) -> None:
        problems: Sequence[Problem] | None = None
        try:
            parsed = parse(source, body, self.headers)
        except SourceError as error:
            problems = error.problems
        else:
            assert all(each.fingerprint and each.labels for each in parsed.alerts)
            assert all("\x00" not in each.fingerprint for each in parsed.alerts)
        if problems is not None:
            assert problems
            assert all(each.message and each.mend for each in problems)


def _twisted(value: Any, bad: object) -> list[Any]:
    """Copies of a JSON value, in each of which one part, at any depth, is replaced."""
    found: list[Any] = []
    if isinstance(value, dict):
        for key, each in cast("dict[str, Any]", value).items():
            found += [{**cast("dict[str, Any]", value), key: other} for other in [bad, *_twisted(each, bad)]]
    elif isinstance(value, list):
        listed = cast("list[Any]", value)
        for at, each in enumerate(listed):
            found += [[*listed[:at], other, *listed[at + 1 :]] for other in [bad, *_twisted(each, bad)]]
    return found
