"""The settings of the form by which users report troubles: `[report_form]` of the settings file."""

from datetime import timedelta

import msgspec

from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.secrets import Secrets
from tocsin.config.settings import Settings
from tocsin.config.tables import Span, read_table

TABLE = "report_form"
KEY_CHARS_MIN = 16
REPORTS_MAX = 10_000
PLACES_MAX = 50


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    enabled: bool = False
    key_ref: str = ""
    per_address: int = 5
    in_all: int = 60
    within: Span = Span(hours=1)
    places: list[str] = []


class ReportForm(msgspec.Struct, frozen=True, kw_only=True):
    """The public form, where it is open. With a `key` it stands at `/report/{key}` instead of `/report`.

    Within the time `within`, one address may send `per_address` reports and all together `in_all`.
    `places` are the services that a reporter may choose from; the choice becomes the alert's label.
    """

    key: str = ""
    per_address: int = 5
    in_all: int = 60
    within: timedelta = timedelta(hours=1)
    places: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """A short form, so that no log shows the key."""
        return f"ReportForm(keyed={bool(self.key)})"


def report_form(settings: Settings, secret: Secrets) -> ReportForm | None:
    """The form as the settings want it; None where it is off.

    Raises:
        ProblemsError: a setting is wrong, or the key cannot be found.
    """
    table = read_table(settings.tables.get(TABLE, {}), _Table, TABLE)
    problems = [
        _problem(name, f"{TABLE}.{name} is {value}.", f"Write a number from 1 to {REPORTS_MAX}.")
        for name, value in (("per_address", table.per_address), ("in_all", table.in_all))
        if not 1 <= value <= REPORTS_MAX
    ]
    if len(table.places) > PLACES_MAX or not all(0 < len(each.strip()) <= 100 for each in table.places):
        mend = f"Name at most {PLACES_MAX} places, each in 1 to 100 characters."
        problems.append(_problem("places", f"{TABLE}.places cannot be used.", mend))
    if problems:
        raise ProblemsError(problems)
    if not table.enabled:
        return None
    return ReportForm(
        key=_key(secret(table.key_ref, f"{TABLE}.key_ref")) if table.key_ref else "",
        per_address=table.per_address,
        in_all=table.in_all,
        within=table.within,
        places=tuple(each.strip() for each in table.places),
    )


def _key(key: str) -> str:
    """The key stands in an address, so that it may hold only what needs no escape there."""
    plain = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    if len(key) < KEY_CHARS_MIN or not plain or key == "status":
        mend = f"Use at least {KEY_CHARS_MIN} letters, digits, hyphens and underscores, chosen by chance."
        raise ProblemsError([_problem("key_ref", "The key of the report form cannot be used.", mend)])
    return key


def _problem(name: str, message: str, mend: str) -> Problem:
    return Problem(code="bad-setting", field=f"{TABLE}.{name}", message=message, mend=mend)
