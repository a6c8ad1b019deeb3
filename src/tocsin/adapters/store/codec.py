"""Events and states to canonical JSON and back, and the hash chain over them."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast, get_args

import msgspec

from tocsin.base.ids import IncidentId
from tocsin.base.times import format_instant, parse_instant
from tocsin.incident.events import Actor, AnyEvent, Entry

GENESIS: Final = "0" * 64
"""What the first link of a chain names as its predecessor."""

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the JSON of a kind of event that is no longer written into the JSON of its successor,
whose name it puts under `kind`."""

UPCASTERS: Final[Mapping[str, Upcaster]] = {}
"""By kind. An event whose shape has to change is given a new name, and its old name an upcaster here;
a field that is only added needs none, because it has a default."""

KINDS: Final = frozenset(event.__name__ for event in get_args(AnyEvent))
"""The kinds that are written today."""

_encoder = msgspec.json.Encoder(order="sorted")
_events: Final[msgspec.json.Decoder[AnyEvent]] = msgspec.json.Decoder(cast("type[AnyEvent]", AnyEvent))
_actors = msgspec.json.Decoder(Actor)


class CodecError(ValueError):
    """Stored text cannot be read; the message says why, in plain words."""


def canonical(value: object) -> bytes:
    """JSON as UTF-8 with sorted keys and no spaces: equal values give equal bytes."""
    return _encoder.encode(value)


def canonical_text(value: object) -> str:
    """`canonical` as text, for a column."""
    return canonical(value).decode()


def kind_of(event: AnyEvent) -> str:
    """The name under which an event is stored."""
    return type(event).__name__


def hash_of(previous: str, entry: Entry) -> str:
    """SHA-256, in hexadecimal, over the previous link's hash and the canonical entry."""
    return _digest(previous, canonical(entry))


def hash_of_stored(previous: str, incident: str, seq: int, at: str, actor: str, data: str) -> str:
    """`hash_of` over the columns as they stand, so that it holds for events of an older shape as well.

    Raises:
        CodecError: the time is none.
    """
    head = b'{"actor":' + _bytes(actor) + b',"at":' + canonical(read_instant(at))
    body = b',"event":' + _bytes(data)
    tail = b',"incident":' + canonical(incident) + b',"seq":' + canonical(seq) + b"}"
    return _digest(previous, head + body + tail)


def audit_hash(previous: str, seq: int, at: str, actor: str, action: str, detail: str) -> str:
    """The link of one line of the audit log; `actor` and `detail` are canonical JSON.

    Raises:
        CodecError: a column is no text.
    """
    line = (previous, str(seq), at, actor, action, detail)
    return hashlib.sha256(b"\x00".join(_bytes(part) for part in line)).hexdigest()


def read_instant(text: str) -> datetime:
    """A stored time.

    Raises:
        CodecError: it is not written as this store writes times.
    """
    try:
        at = parse_instant(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise CodecError("its time cannot be read") from error
    if format_instant(at) != text:
        raise CodecError("its time is not written as it should be")
    return at


def read_event(kind: str, data: str, upcasters: Mapping[str, Upcaster] = UPCASTERS) -> AnyEvent:
    """An event from its columns, brought up to today's shape.

    Raises:
        CodecError: the kind is unknown (a newer version wrote it), or the data do not fit it.
    """
    try:
        if kind in KINDS:
            event = _events.decode(data)
        else:
            today = _upcast(kind, msgspec.json.decode(data), upcasters)
            event = msgspec.convert(today, cast("Any", AnyEvent))
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
        raise CodecError(f"its data cannot be read as {kind}: {error}") from error
    if kind in KINDS and kind_of(event) != kind:
        raise CodecError(f"its kind says {kind}, its data say {kind_of(event)}")
    return event


def read_entry(incident: str, seq: int, at: str, actor: str, kind: str, data: str) -> Entry:
    """An entry from its columns.

    Raises:
        CodecError: a column cannot be read.
    """
    event = read_event(kind, data)
    try:
        by = _actors.decode(actor)
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
        raise CodecError(f"its actor cannot be read: {error}") from error
    return Entry(incident=IncidentId(incident), seq=seq, at=read_instant(at), actor=by, event=event)


def _upcast(kind: str, data: Any, upcasters: Mapping[str, Upcaster]) -> Any:
    seen = {kind}
    while kind not in KINDS:
        upcaster = upcasters.get(kind)
        if upcaster is None:
            raise CodecError(
                f"its kind {kind!r} is unknown; a newer version of Tocsin wrote it: upgrade to read it"
            )
        data = upcaster(data)
        kind = data["kind"]
        assert kind not in seen, f"the upcasters of {kind} go round in a circle"
        seen.add(kind)
    return data


def _digest(previous: str, content: bytes) -> str:
    return hashlib.sha256(_bytes(previous) + content).hexdigest()


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except (UnicodeError, AttributeError) as error:
        raise CodecError("a column holds no text") from error
