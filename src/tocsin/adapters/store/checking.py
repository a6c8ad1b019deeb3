"""Whether what is stored is what was written: the chains, and the read model of an incident. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from tocsin.adapters.store import rows
from tocsin.adapters.store.codec import GENESIS, CodecError, audit_hash, canonical_text, hash_of_stored
from tocsin.base.times import format_instant
from tocsin.engine.records import Fault
from tocsin.incident.events import Entry
from tocsin.incident.state import Incident

Fold = Callable[[Iterable[Entry]], Incident]
"""Makes an incident of all its entries."""

Row = Mapping[str, Any]
"""Columns as they are stored, times as text; a damaged one may hold anything."""

AUDIT = "audit log"
"""What a fault of the audit log names in place of an incident."""


def fault(incident: object, seq: object, what: str) -> Fault:
    """A fault whose words can be shown, whatever bytes are in what they are about."""
    shown = str(incident).encode("utf-8", "replace").decode()
    return Fault(
        incident=shown,
        seq=seq if isinstance(seq, int) else 0,
        what=what.encode("utf-8", "replace").decode(),
    )


def as_stored(columns: Row) -> dict[str, Any]:
    """Columns that are about to be written, as they will stand in the database."""
    return {name: _as_text(value) for name, value in columns.items()}


def _as_text(value: object) -> object:
    return format_instant(value) if isinstance(value, datetime) else value


class ChainCheck:
    """Checks that links follow each other without a gap from 1, and that each gives its hash.

    Feed it every link in order with `add`, then call `end`. `link_of` computes a link from the hash
    before it and its row. What follows a link tells whether its content or its own hash was changed.
    """

    def __init__(self, name: str, link_of: Callable[[str, Row], str]) -> None:
        self.faults: list[Fault] = []
        self._name = name
        self._link_of = link_of
        self._last: Row | None = None
        self._expected = GENESIS
        self._wanted = 1

    def add(self, link: Row) -> None:
        """The next link."""
        seq = link["seq"]
        gap = seq != self._wanted
        self._judge(None if gap else link["previous"])
        if gap:
            what = f"missing: what follows number {self._wanted - 1} is number {seq}"
            self.faults.append(fault(self._name, self._wanted, what))
            self._expected = link["previous"]
        self._last = link
        self._wanted = seq + 1 if isinstance(seq, int) else self._wanted + 1

    def end(self, last_seq: object, last_hash: object) -> None:
        """All links were fed; number and hash of the last one are these, as kept elsewhere."""
        link = self._last
        reached, link_hash = (link["seq"], link["hash"]) if link else (0, GENESIS)
        cut = reached != last_seq
        self._judge(None if cut else last_hash)
        if cut:
            what = f"its last entry should be number {last_seq}, the last one there is {reached}"
            self.faults.append(fault(self._name, 0, what))
        elif link_hash != last_hash and not self.blames(reached):
            what = "its hash is not the one that is kept as the last"
            self.faults.append(fault(self._name, reached, what))

    def blames(self, seq: object) -> bool:
        """Whether there is a fault with this number."""
        return any(each.seq == seq for each in self.faults)

    def _judge(self, following: object) -> None:
        link = self._last
        if link is None:
            return
        try:
            should, stands = self._link_of(self._expected, link), self._link_of(link["previous"], link)
        except CodecError as error:
            problem = f"its content was changed: {error}"
            should = stands = ""
        else:
            problem = self._problem(link, should, stands, following)
        if problem:
            self.faults.append(fault(self._name, link["seq"], problem))
        # The next link is measured against the one of the two hashes that it goes by.
        goes_by = (link["hash"], should, stands)
        self._expected = str(following) if following in goes_by else link["hash"]

    def _problem(self, link: Row, should: str, stands: str, following: object) -> str | None:
        if link["previous"] != self._expected:
            if should == link["hash"]:
                return "its reference to the entry before it was changed"
            return "it does not follow the entry before it: one of the two was changed or put in"
        if stands == link["hash"]:
            return None
        if following == stands:
            return "its hash was changed"
        return "its content was changed: it no longer gives its hash"


def event_link(previous: str, row: Row) -> str:
    """The hash of an entry from its row."""
    return hash_of_stored(previous, row["incident"], row["seq"], row["at"], row["actor"], row["data"])


def audit_link(previous: str, row: Row) -> str:
    """The hash of a line of the audit log from its row."""
    return audit_hash(previous, row["seq"], row["at"], row["actor"], row["action"], row["detail"])


def check_incident(head: Row, events: Sequence[Row], fold: Fold) -> list[Fault]:
    """Check one incident: its row in the read model, and its events in order."""
    name = str(head["id"])
    chain = ChainCheck(name, event_link)
    entries: list[Entry] = []
    unread: list[tuple[object, str]] = []
    for row in events:
        chain.add(row)
        try:
            entries.append(rows.read_link(row).entry)
        except CodecError as error:
            unread.append((row["seq"], f"it cannot be read: {error}"))
    chain.end(head["last_seq"], head["last_hash"])
    faults = [*chain.faults, *(fault(name, seq, what) for seq, what in unread if not chain.blames(seq))]
    chain_holds = not faults
    faults.extend(_check_seal(name, head))
    if chain_holds and entries:
        faults.extend(_check_fold(name, head, entries, fold))
    return faults


def _check_seal(name: str, head: Row) -> list[Fault]:
    try:
        if rows.seal(head) == head["seal"]:
            return []
    except CodecError as error:
        return [fault(name, 0, f"its row in the read model was changed: {error}")]
    return [fault(name, 0, "its row in the read model was changed: it no longer gives its seal")]


def _check_fold(name: str, head: Row, entries: Sequence[Entry], fold: Fold) -> list[Fault]:
    try:
        folded = fold(entries)
        expected = as_stored(rows.incident_columns(folded, None, head["last_hash"]))
    except Exception as error:
        # Whatever a fold does over entries that nobody would have written is a finding here.
        return [fault(name, 0, f"its events cannot be folded: {type(error).__name__}: {error}")]
    wrong = [column for column in rows.SEALED if column != "next_due_at" and head[column] != expected[column]]
    if wrong == ["body"] and _older_form(head["body"], folded, expected["body"]):
        return []
    if not wrong:
        return []
    return [fault(name, 0, f"its row in the read model is not what its events give: {', '.join(wrong)}")]


def _older_form(stored: object, folded: Incident, today: str) -> bool:
    """Whether the body was written before fields with a default were added to the incident."""
    try:
        plain = msgspec.json.decode(cast("str", stored))
        same = rows.read_body(cast("str", stored), Incident) == folded
        return same and canonical_text(plain) == stored and _within(plain, msgspec.json.decode(today))
    except (msgspec.MsgspecError, CodecError, UnicodeError, TypeError):
        return False


def _within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        known, found = cast("dict[str, Any]", whole), cast("dict[str, Any]", part)
        return all(key in known and _within(value, known[key]) for key, value in found.items())
    if isinstance(part, list) and isinstance(whole, list):
        left, right = cast("list[Any]", part), cast("list[Any]", whole)
        return len(left) == len(right) and all(_within(*pair) for pair in zip(left, right, strict=True))
    return part == whole
