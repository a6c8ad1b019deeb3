"""Sources made of settings: generic JSON, of which expressions (JMESPath) say what is an alert's title,
status, labels and so on. Some mappings come along (the folder `mappings`); a table `[mappings.NAME]` of the
settings makes another one, or takes the place of one that comes along."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Literal, cast

import msgspec
from msgspec.structs import replace

from tocsin.adapters.alertjson import (
    Fields,
    RefusedAlert,
    decode,
    few,
    problem,
    read_batch,
    refuse,
    wrong_type,
)
from tocsin.adapters.jmes import Expression, ExpressionError, pairs_of, text_of
from tocsin.adapters.proof import Guard, Proof
from tocsin.alerts.keys import fingerprint_of_key
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError, Weight
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.config.tables import read_table
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
TAKEN = ("alertmanager", "generic")
"""Kinds that no mapping may have."""

DEDUP_KEY_CHARS_MAX = 1_024
STATUS_CHARS_MAX = 256
_SPLIT_MILLISECONDS = 100_000_000_000
"""A larger number is a time in milliseconds since 1970, a smaller one in seconds."""


class MappingTable(Guard, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One mapping, as it stands in the settings. Every text is an expression, besides those of `Guard`.

    `alerts` gives the list of alerts in the body, without it the body is one; all others are asked of each
    alert. The value of `status` is looked for in the four lists, without regard to case: an alert that is
    `ignored` is taken and not kept, of one that is `acknowledged` it is told that somebody works on it; where
    `firing_when` is empty, what is nothing else is firing.
    `severities` gives other words for those of `severity`; `more_labels` names and values at once.
    """

    title: str
    alerts: str = ""
    status: str = ""
    firing_when: tuple[str, ...] = ()
    resolved_when: tuple[str, ...] = ("resolved", "ok")
    ignored_when: tuple[str, ...] = ()
    acknowledged_when: tuple[str, ...] = ()
    severity: str = ""
    severities: dict[str, str] = {}
    description: str = ""
    dedup_key: str = ""
    starts_at: str = ""
    url: str = ""
    labels: dict[str, str] = {}
    more_labels: str = ""
    annotations: dict[str, str] = {}


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """A source for each mapping of the settings, and for each that comes along.

    Raises:
        ProblemsError: everything that is wrong with the mappings of the settings.
    """
    tables: dict[str, Any] = {**shipped(), **settings.tables.get("mappings", {})}
    made: list[Source] = []
    problems: list[Problem] = []
    for name, values in tables.items():
        try:
            made.append(_source(name, values, settings.sources.get(name, {}), secret))
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError(problems)
    return tuple(made)


def shipped() -> dict[str, dict[str, Any]]:
    """The mappings that come along, by the name of their file."""
    folder = files("tocsin.adapters.sources") / "mappings"
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda f: f.name)
    return {
        each.name.removesuffix(".toml"): tomllib.loads(each.read_text(encoding="utf-8")) for each in found
    }


def _source(name: str, values: object, own: Mapping[str, Any], secret: Secrets) -> "MappedSource":
    place = f"mappings.{name}"
    if not NAME.fullmatch(name) or name in TAKEN:
        what = "is the kind of another source" if name in TAKEN else "is no name for a source"
        mend = "Name it with up to 40 small letters, digits, - and _, such as [mappings.deploys]."
        raise ProblemsError(
            [Problem(code="bad-setting", field=place, message=f"{name[:60]!r} {what}.", mend=mend)]
        )
    if not isinstance(values, dict):
        message, mend = f"{place} is no table.", f"Write a table: [{place}]."
        raise ProblemsError([Problem(code="bad-setting", field=place, message=message, mend=mend)])
    table = read_table(cast("dict[str, Any]", values), MappingTable, place)
    guard, guard_place = cast(Guard, table), place
    if own:
        # Whatever the source's own table says goes before the mapping's word.
        given = {key: value for key in Guard.__struct_fields__ if (value := getattr(table, key))}
        guard, guard_place = read_table({**given, **own}, Guard, f"sources.{name}"), f"sources.{name}"
    return MappedSource(name, table, Proof(guard, guard_place, secret))


Said = AlertStatus | Literal["ignored", "acknowledged"]
"""What a body says of an alert."""


class MappedSource(PlainSource):
    """Reads what a mapping makes of a JSON body."""

    def __init__(self, kind: str, table: MappingTable, proof: Proof) -> None:
        """Compile the expressions.

        Raises:
            ProblemsError: every one that is none.
        """
        self.kind = kind
        self.proves_itself = proof.wanted
        self._table = table
        self._proof = proof
        self._place = f"mappings.{kind}"
        self._problems: list[Problem] = []
        single = (
            "title",
            "status",
            "severity",
            "description",
            "dedup_key",
            "starts_at",
            "url",
            "more_labels",
        )
        self._one = {name: self._compiled(getattr(table, name), name) for name in single}
        self._labels = {key: self._compiled(text, f"labels.{key}") for key, text in table.labels.items()}
        self._annotations = {
            key: self._compiled(text, f"annotations.{key}") for key, text in table.annotations.items()
        }
        self._alerts = self._compiled(table.alerts, "alerts")
        if not table.title.strip():
            message, mend = f"{self._place}.title is empty.", "Say where the title stands in the body."
            self._problems.append(problem("missing-key", f"{self._place}.title", message, mend))
        if self._problems:
            raise ProblemsError(self._problems)

    def _compiled(self, text: str, name: str) -> Expression | None:
        try:
            return Expression(text, f"{self._place}.{name}") if text.strip() else None
        except ProblemsError as error:
            self._problems += error.problems
            return None

    async def admit(self, arrival: Arrival) -> bool:
        """Whether the secret or the signature is right."""
        return self._proof.holds(arrival)

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no JSON, or nothing of it is an alert that can be kept.
        """
        received_at = require_utc(arrival.received_at)
        document = decode(arrival.body)
        if self._alerts is None:
            return self._single(document, received_at)
        where = f"{self._place}.alerts"
        try:
            listed = self._alerts.of(document)
        except ExpressionError as error:
            raise SourceError([self._does_not_fit(where, self._alerts, error)]) from None
        if not isinstance(listed, list):
            raise SourceError([wrong_type(where, listed, "a body in which it gives a list of alerts")])
        kept, acknowledged = self._sorted(cast("list[object]", listed), received_at)
        parsed = read_batch(kept, where, lambda fields: self._alert(fields.values, fields, received_at))
        return replace(parsed, acknowledged=acknowledged)

    def _sorted(self, listed: list[object], received_at: datetime) -> tuple[list[object], tuple[str, ...]]:
        """Those that are to be kept, and the fingerprints of those that are acknowledged."""
        kept: list[object] = []
        acknowledged: list[str] = []
        for each in listed:
            where = Fields({}, self._place, [])
            said: Said | None = None
            with suppress(RefusedAlert):  # It is told of when the alert is read.
                said = self._said(each, where)
                if said == "acknowledged":
                    acknowledged.append(self._alert(each, where, received_at).fingerprint)
            if said not in ("ignored", "acknowledged"):
                kept.append(each)
        return kept, tuple(acknowledged)

    def _single(self, document: object, received_at: datetime) -> Parsed:
        notes: list[Problem] = []
        where = Fields({}, self._place, notes)
        try:
            said = self._said(document, where)
            if said == "ignored":
                return Parsed(alerts=())
            alert = self._alert(document, where, received_at)
        except RefusedAlert as error:
            raise SourceError(few([error.problem, *notes])) from None
        if said == "acknowledged":
            return Parsed(alerts=(), acknowledged=(alert.fingerprint,))
        return Parsed(alerts=(alert,), problems=few(notes))

    def _alert(self, document: object, where: Fields, received_at: datetime) -> Alert:
        """One alert; `where` has the place of its fields and takes the notes."""
        resolved = self._said(document, where) is AlertStatus.RESOLVED
        values = {name: self._text(name, document, where) for name in self._one if name != "more_labels"}
        fields = Fields(values, where.place, where.notes)
        title = fields.prose("title", limits.title_chars_max)
        if not title:
            expression = self._table.title
            message = f"{fields.at('title')}: the expression {expression!r} gives nothing here."
            mend = "Change the expression, or what is sent; the page of the source shows what arrived."
            raise refuse("missing-field", fields.at("title"), message, mend)
        severity = fields.prose("severity", limits.label_value_chars_max)
        labels = self._named(self._labels, "labels", document, where, limits.label_value_chars_max)
        labels["alertname"] = labels.get("alertname") or title
        if severity:
            labels["severity"] = self._severity(severity)
        for name, text in self._more(document, where).items():
            if len(labels) < limits.labels_per_alert_max and len(name) <= limits.label_name_chars_max:
                labels.setdefault(name, text[: limits.label_value_chars_max].replace("\0", "\ufffd"))
        annotations = self._named(
            self._annotations, "annotations", document, where, limits.annotation_chars_max
        )
        annotations["summary"] = annotations.get("summary") or title
        if description := fields.prose("description", limits.annotation_chars_max):
            annotations["description"] = description
        key = fields.text("dedup_key", DEDUP_KEY_CHARS_MAX)
        # The severity of an alert changes while it lasts, so that it never tells alerts apart.
        lasting = {name: text for name, text in labels.items() if name != "severity"}
        return Alert(
            fingerprint=fingerprint_of_key(self.kind, key) if key else fingerprint(lasting),
            status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
            labels=labels,
            annotations=annotations,
            starts_at=_time(fields) or received_at,
            received_at=received_at,
            source=self.kind,
            ends_at=received_at if resolved else None,
            generator_url=fields.url("url"),
        )

    def _said(self, document: object, where: Fields) -> Said:
        expression, table = self._one["status"], self._table
        if expression is None:
            return AlertStatus.FIRING
        try:
            value = text_of(expression.of(document))
        except ExpressionError as error:
            raise RefusedAlert(self._does_not_fit(where.at("status"), expression, error)) from None
        said = (value or "").strip().casefold()[:STATUS_CHARS_MAX]
        lists: tuple[tuple[tuple[str, ...], Said], ...] = (
            (table.ignored_when, "ignored"),
            (table.acknowledged_when, "acknowledged"),
            (table.resolved_when, AlertStatus.RESOLVED),
            (table.firing_when, AlertStatus.FIRING),
        )
        for words, meaning in lists:
            if said in (word.casefold() for word in words):
                return meaning
        if not table.firing_when:
            return AlertStatus.FIRING
        message = f"{where.at('status')}: {expression.text!r} gives {said[:60]!r}, which is in no list."
        mend = "Add it to firing_when, resolved_when, acknowledged_when or ignored_when of the mapping."
        raise refuse("bad-status", where.at("status"), message, mend)

    def _severity(self, said: str) -> str:
        words = {word.casefold(): other for word, other in self._table.severities.items()}
        return words.get(said.casefold(), said)

    def _text(self, name: str, document: object, where: Fields) -> str:
        expression = self._one[name]
        return self._value(expression, name, document, where) if expression else ""

    def _value(self, expression: Expression, name: str, document: object, where: Fields) -> str:
        """The text that an expression gives; where it gives none that can be used, a note says so."""
        try:
            value = expression.of(document)
        except ExpressionError as error:
            where.notes.append(self._does_not_fit(where.at(name), expression, error, Weight.WARNING))
            return ""
        text = "" if value is None else text_of(value)
        if text is None:
            message = f"{where.at(name)}: {expression.text!r} gives an object, and is left out."
            mend = "Let the expression end with a field of it."
            where.notes.append(problem("wrong-type", where.at(name), message, mend, Weight.WARNING))
            return ""
        return text.strip()

    def _named(
        self,
        expressions: Mapping[str, Expression | None],
        table: str,
        document: object,
        where: Fields,
        chars_max: int,
    ) -> dict[str, str]:
        found: dict[str, str] = {}
        inner = Fields({}, where.at(table), where.notes)
        for name, expression in expressions.items():
            text = self._value(expression, name, document, inner) if expression else ""
            if text:
                found[name] = inner.shortened(text, name, chars_max)
        return found

    def _more(self, document: object, where: Fields) -> dict[str, str]:
        expression = self._one["more_labels"]
        if expression is None:
            return {}
        try:
            return pairs_of(expression.of(document))
        except ExpressionError as error:
            note = self._does_not_fit(where.at("more_labels"), expression, error, Weight.WARNING)
            where.notes.append(note)
            return {}

    def _does_not_fit(
        self, field: str, expression: Expression, error: ExpressionError, weight: Weight = Weight.ERROR
    ) -> Problem:
        message = f"{field}: {expression.text!r} does not fit what was sent: {error}."
        mend = "Change the expression; `… || ''` stands in for what may be missing."
        return problem("bad-expression", field, message, mend, weight)


def _time(fields: Fields) -> datetime | None:
    """When the alert began: RFC 3339, or seconds or milliseconds since 1970. No alert is lost over it."""
    text = str(fields.values.get("starts_at", ""))
    try:
        if re.fullmatch(r"\d{1,16}(\.\d{1,9})?", text):
            number = float(text)
            seconds = number / 1000 if number >= _SPLIT_MILLISECONDS else number
            return datetime.fromtimestamp(seconds, UTC) if seconds else None
        return fields.instant("starts_at")
    except (RefusedAlert, ValueError, OverflowError, OSError) as error:
        message = f"{error}" if isinstance(error, RefusedAlert) else f"{text[:64]!r} is no time."
        mend = "Send RFC 3339 with an offset, or seconds since 1970; the time of arrival stands in for it."
        fields.notes.append(problem("bad-time", fields.at("starts_at"), message, mend, Weight.WARNING))
        return None
