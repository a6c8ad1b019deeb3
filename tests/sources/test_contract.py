"""The sources that come along keep what every source promises."""

from datetime import timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from tocsin.adapters.sources.alertmanager import AlertmanagerSource
from tocsin.adapters.sources.generic import GenericSource
from tocsin.base.problems import ProblemsError
from tocsin.config.tables import Span, read_table
from tocsin.engine.sources import Source
from tocsin.testing.sources import SourceContract


class TestAlertmanager(SourceContract):
    good: ClassVar[Any] = {
        "version": "4",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "A"},
                "annotations": {"summary": "s"},
                "startsAt": "2026-03-02T09:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://p/",
                "fingerprint": "0123456789abcdef",
            }
        ],
    }

    @pytest.fixture
    def source(self) -> Source:
        return AlertmanagerSource()


class TestGeneric(SourceContract):
    good: ClassVar[Any] = {"title": "Disk full", "labels": {"host": "a"}, "severity": "critical"}

    @pytest.fixture
    def source(self) -> Source:
        return GenericSource()


class Own(msgspec.Struct, forbid_unknown_fields=True):
    secret_ref: str
    every: Span = Span(minutes=1)


def test_a_table_of_the_settings_is_read_with_every_problem_named() -> None:
    read = read_table({"secret_ref": "env:X", "every": "5m"}, Own, "sources.own")
    assert read == Own("env:X", Span(minutes=5))
    assert read.every == timedelta(minutes=5)
    for bad, words in [
        ({}, "sources.own: Object missing required field `secret_ref`."),
        ({"secret_ref": "x", "evry": 1}, "sources.own: Object contains unknown field `evry`."),
        ({"secret_ref": 1}, "sources.own.secret_ref: Expected `str`, got `int`."),
        (
            {"secret_ref": "x", "every": "soon"},
            "sources.own.every: 'soon' is no duration; write one such as \"5m\".",
        ),
    ]:
        with pytest.raises(ProblemsError) as caught:
            read_table(bad, Own, "sources.own")
        assert caught.value.problems[0].message == words
        assert "docs/guide/settings.md" in caught.value.problems[0].mend
