"""What sources that carry a proof of their own share: secrets in constant time, flat values as text."""

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import cast

from tocsin.adapters.alertjson import Fields, RefusedAlert, problem, refuse, wrong_type
from tocsin.base import limits
from tocsin.base.problems import Weight
from tocsin.config import Secrets

NUMBER_BELOW = 10**18


def secrets_of(kind: str, secret_ref: str, previous_secret_ref: str, secret: Secrets) -> tuple[bytes, ...]:
    """The secrets of a source: the present one, and the one before while senders are changed over.

    Raises:
        ProblemsError: a reference leads to nothing.
    """
    found = [secret(secret_ref, f"sources.{kind}.secret_ref").encode()]
    if previous_secret_ref:
        found.append(secret(previous_secret_ref, f"sources.{kind}.previous_secret_ref").encode())
    return tuple(found)


def is_one_of(given: bytes, expected: Iterable[bytes]) -> bool:
    """Whether a text is one of some secrets. How long it takes tells nothing of them."""
    matches = [hmac.compare_digest(given, each) for each in expected]
    return any(matches)


def within(fields: Fields, key: str) -> Fields:
    """The object under a key; one without anything where there is none."""
    value = fields.values.get(key)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise RefusedAlert(wrong_type(fields.at(key), value, "an object"))
    return Fields(cast("dict[str, object]", value), fields.at(key), fields.notes)


def number(fields: Fields, key: str) -> int:
    """A whole number from 0 to below 10 to the power of 18; 0 where there is none."""
    value = fields.values.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedAlert(wrong_type(fields.at(key), value, "a whole number"))
    if not 0 <= value < NUMBER_BELOW:
        message = f"{fields.at(key)} is out of bounds."
        raise refuse("bad-number", fields.at(key), message, "Send a number from 0 to 10^18.")
    return value


def as_text(value: object) -> str | None:
    """Text as it is, numbers and truths as JSON shows them; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return None


def label(text: str) -> str:
    """A text as the value of a label, cut where it is too long."""
    return text.replace("\0", "\ufffd")[: limits.label_value_chars_max]


def labels_of(given: Mapping[str, str]) -> dict[str, str]:
    """Labels without those that have nothing to say."""
    return {name: label(text) for name, text in given.items() if text}


def flat_texts(fields: Fields, chars_max: int) -> dict[str, str]:
    """The values of an object that are no objects or lists themselves, as text, each cut where it is too
    long. There is a note where something is left out."""
    found: dict[str, str] = {}
    left_out = 0
    for name, value in fields.values.items():
        text = as_text(value)
        if text is None or not text.strip():
            continue
        fits = len(name) <= limits.label_name_chars_max and "\0" not in name
        if not fits or len(found) >= limits.labels_per_alert_max:
            left_out += 1
            continue
        found[name] = fields.shortened(text.strip(), name, chars_max)
    if left_out:
        message = f"{fields.place} has {left_out} values too many, or with names that cannot be kept."
        mend = f"Send at most {limits.labels_per_alert_max}, with short names."
        fields.notes.append(problem("too-many", fields.place, message, mend, Weight.WARNING))
    return found


def first_line(text: str) -> str:
    """The first line of a text that has something in it."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
