"""What people report in their own words: its fields, its records, and what the playbook may make of it."""

from datetime import datetime
from enum import StrEnum

import msgspec

from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.base.problems import Problem, ProblemsError
from tocsin.incident.severity import words_of
from tocsin.playbook.model import Playbook

SOURCE = "report"
ALERT_NAME = "User report"

HOW_BAD = {
    "everything": "Nothing works any more",
    "much": "Something important does not work",
    "some": "Something does not work, but I can go on",
    "little": "It is only a nuisance",
    "data": "Data may be lost, or seen by the wrong people",
}
"""How bad it is, in the words of people who do not know the playbook. Leaving it out is fine."""

_DATA = words_of("security breach exposure compromise leak data")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a reporter wrote. Only `what` must be given; `how_bad` is a key of `HOW_BAD` or empty, `place`
    one of the places that the form offers."""

    what: str
    where: str = ""
    since: str = ""
    how_bad: str = ""
    contact: str = ""
    place: str = ""

    @property
    def title(self) -> str:
        """Its first line, short enough for a title."""
        return " ".join(self.what.strip().splitlines()[0].split())[: limits.title_chars_max]

    @property
    def description(self) -> str:
        """Everything but the contact address, which is for those who work on it alone."""
        parts = (
            self.what if self.what.strip() != self.title else "",
            f"With: {self.place}" if self.place else "",
            f"Where, or what they were doing: {self.where}" if self.where else "",
            f"Since: {self.since}" if self.since else "",
        )
        return "\n".join(part for part in parts if part)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was reported. `id` is the number on the receipt, `by` the account or the person who was
    signed in ("" for a visitor of the public form). `fingerprint` is that of its alert, where it became one;
    `incident` where a person declared it. `told_at` (UTC) is when the reporter was told of the end."""

    id: str
    at: datetime
    told: Told
    by: str = ""
    weakness: bool = False
    fingerprint: str = ""
    incident: IncidentId | None = None
    told_at: datetime | None = None


class WeaknessState(StrEnum):
    """What became of a weakness."""

    OPEN = "open"
    HANDLED = "handled"
    INCIDENT = "incident"


class Weakness(msgspec.Struct, frozen=True, kw_only=True):
    """A weakness that somebody noticed or suspects, without an incident so far (ISO/IEC 27001:2013,
    A.16.1.3). `id` is that of its report. `changed_at` (UTC) and `changed_by` say who decided, `note` why."""

    id: str
    at: datetime
    told: Told
    by: str = ""
    state: WeaknessState = WeaknessState.OPEN
    incident: IncidentId | None = None
    changed_at: datetime | None = None
    changed_by: str = ""
    note: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A report whose end has not been seen yet."""

    report: str


def checked(told: Told, places: tuple[str, ...] = ()) -> Told:
    """The same, with its edges trimmed.

    Raises:
        ProblemsError: a field is missing, too long or none of the choices.
    """
    trimmed = Told(**{name: str(value).strip() for name, value in msgspec.structs.asdict(told).items()})
    problems: list[Problem] = []

    def refuse(field: str, message: str, mend: str) -> None:
        problems.append(Problem(code="bad-report", field=field, message=message, mend=mend))

    if not trimmed.what:
        refuse("what", "The report does not say what happened.", "Write what you saw, in a line or two.")
    elif len(trimmed.what) > limits.report_text_chars_max:
        mend = f"Shorten it to {limits.report_text_chars_max} characters."
        refuse("what", "The report is too long.", mend)
    for field in ("where", "since", "contact"):
        if len(getattr(trimmed, field)) > limits.report_field_chars_max:
            mend = f"Shorten it to {limits.report_field_chars_max} characters."
            refuse(field, f"The field {field!r} is too long.", mend)
    if trimmed.how_bad and trimmed.how_bad not in HOW_BAD:
        mend = f"Leave it out, or send one of: {', '.join(HOW_BAD)}."
        refuse("how_bad", f"There is no such choice as {trimmed.how_bad[:40]!r}.", mend)
    if trimmed.place and trimmed.place not in places:
        offered = f"Leave it out, or send one of: {', '.join(places)}." if places else "Leave it out."
        refuse("place", f"There is no such place as {trimmed.place[:40]!r}.", offered)
    if problems:
        raise ProblemsError(problems)
    return trimmed


def alert_of(report: Report, playbook: Playbook, ended_at: datetime | None = None) -> Alert:
    """The alert that a report becomes. No label of it comes from free text, so that a reporter can set
    neither a level nor a group; the words alone are the evidence of how severe it is."""
    told = report.told
    labels = {"alertname": ALERT_NAME, "source": SOURCE, "report": report.id}
    if told.place:
        labels["service"] = told.place
    said = suggestion(told.how_bad, playbook)
    annotations = {"summary": told.title, "description": told.description, "reporter_says": said}
    return Alert(
        fingerprint=fingerprint(labels),
        status=AlertStatus.RESOLVED if ended_at else AlertStatus.FIRING,
        labels=labels,
        annotations={name: text for name, text in annotations.items() if text},
        starts_at=report.at,
        received_at=ended_at or report.at,
        source=SOURCE,
        ends_at=ended_at,
    )


def suggestion(how_bad: str, playbook: Playbook) -> str:
    """What the reporter's choice would mean in the playbook's terms. It suggests and decides nothing."""
    if how_bad not in HOW_BAD:
        return ""
    said = f"“{HOW_BAD[how_bad]}”"
    levels = sorted(playbook.severities, key=lambda each: each.rank)
    if how_bad == "data":
        asked = next(
            (rule for rule in playbook.triage if words_of(rule.question) & _DATA and rule.sets), None
        )
        return f"{said}. The checklist asks: {asked.question} (→ {asked.sets})" if asked else f"{said}."
    if not levels:
        return f"{said}."
    last = len(levels) - 1
    at = {"everything": 0, "much": min(1, last), "some": max(last - 1, 0), "little": last}[how_bad]
    level = levels[at]
    name = f" {level.name}" if level.name and level.name != level.level else ""
    return f"{said}. That would be a {level.level}{name}, if it is so."
