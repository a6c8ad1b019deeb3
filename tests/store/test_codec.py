"""Canonical JSON, the chain's hash, and events of kinds that are no longer written."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.adapters.store.codec import (
    GENESIS,
    KINDS,
    CodecError,
    canonical,
    canonical_text,
    hash_of,
    hash_of_stored,
    kind_of,
    read_entry,
    read_event,
)
from tocsin.adapters.store.rows import chain, event_columns, incident_columns, seal
from tocsin.base.times import format_instant
from tocsin.incident.events import Actor, ActorKind, Entry, Noted
from tocsin.incident.evolve import fold
from tocsin.testing.store_samples import ALICE, INC_1, T0, alert, entries, noted, opened

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def test_canonical_json_is_sorted_without_spaces_in_utf8() -> None:
    entry = Entry(incident=INC_1, seq=1, at=T0, actor=ALICE, event=noted("é"))
    assert canonical(entry).decode() == (
        '{"actor":{"id":"alice","kind":"person","name":"Alicia Ünsal"},"at":"2026-03-29T00:30:00.250000Z",'
        '"event":{"kind":"Noted","text":"é"},"incident":"INC-1","seq":1}'
    )
    assert hash_of(GENESIS, entry) == hashlib.sha256(b"0" * 64 + canonical(entry)).hexdigest()


def test_equal_values_give_equal_bytes_whatever_their_order() -> None:
    one = msgspec.structs.replace(alert(), labels={"a": "1", "b": "2"})
    two = msgspec.structs.replace(alert(), labels={"b": "2", "a": "1"})
    assert canonical(one) == canonical(two)


@given(text=anything, name=anything, at=moments, seq=st.integers(1, 10**9))
def test_an_entry_and_its_columns_give_the_same_hash(text: str, name: str, at: datetime, seq: int) -> None:
    entry = Entry(incident=INC_1, seq=seq, at=at, actor=Actor(ActorKind.PERSON, "p", name), event=noted(text))
    (link,) = chain([entry], GENESIS)
    row = event_columns(link)
    stored = hash_of_stored(GENESIS, INC_1, seq, format_instant(at), row["actor"], row["data"])
    assert stored == link.hash == hash_of(GENESIS, entry)
    assert read_entry(INC_1, seq, format_instant(at), row["actor"], row["kind"], row["data"]) == entry


def test_every_kind_of_event_has_its_name() -> None:
    assert "Opened" in KINDS
    assert len(KINDS) > 30
    assert read_event("Opened", canonical_text(opened(alert()))) == opened(alert())
    assert kind_of(noted()) == "Noted"


def test_a_kind_that_is_unknown_is_told() -> None:
    with pytest.raises(CodecError, match=r"'Teleported' is unknown; a newer version of Tocsin wrote it"):
        read_event("Teleported", '{"kind":"Teleported"}')


@pytest.mark.parametrize(
    "data", ["", "[]", '{"kind":"Noted"}', '{"kind":"Noted","text":1}', '{"text":"x"}', "\udcff"]
)
def test_data_that_do_not_fit_are_told(data: str) -> None:
    with pytest.raises(CodecError, match="cannot be read as Noted"):
        read_event("Noted", data)


def test_an_event_of_an_old_kind_is_brought_up_to_date_step_by_step() -> None:
    upcasters = {
        "Remarked": lambda data: {"kind": "Remarked/2", "words": data["word"]},
        "Remarked/2": lambda data: {"kind": "Noted", "text": data["words"].upper()},
    }
    assert read_event("Remarked", '{"kind":"Remarked","word":"x"}', upcasters) == Noted(text="X")
    assert read_event("Remarked/2", '{"kind":"Remarked/2","words":"y"}', upcasters) == Noted(text="Y")


def test_a_field_that_is_missing_takes_its_default() -> None:
    data = canonical_text(opened()).replace('"because":"",', "").replace('"drill":false,', "")
    assert read_event("Opened", data) == opened()


def test_a_time_in_another_zone_is_the_same_time() -> None:
    moved = T0.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert format_instant(moved) == format_instant(T0)


def test_the_seal_covers_every_column_of_the_incident() -> None:
    row = incident_columns(fold(entries(INC_1, [opened()])), T0, "h")
    sealed = seal(row)
    for name in row.keys() - {"seal"}:
        assert seal({**row, name: "other"}) != sealed, name
