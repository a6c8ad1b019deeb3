"""What every object of a CACAO export is made with: identifiers, names of variables, safe text, commands."""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any, cast

Json = dict[str, Any]

NAMESPACE = bytes.fromhex("5d0c1ba4c0de5a11a17e0b5e55ed0c51")
"""The namespace of all identifiers of this export; a changed one would change every identifier."""

NAME_CHARS_MAX = 200
VARIABLE = re.compile(r"__[A-Za-z_][A-Za-z0-9_-]{0,199}__")
REFERENCE = re.compile(r"(__[A-Za-z_][A-Za-z0-9_-]{0,199}?__):value")
REDACTED = "[redacted]"

# Values that are secrets by their form, wherever they stand. Every quantifier is bounded, so that no text
# makes a search long.
_SECRET_VALUES = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8000}(?:-----END [A-Z ]{0,40}-----)?"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,255}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,200}"
    r"|\bhvs\.[A-Za-z0-9_-]{20,200}"
    r"|\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}"
    r"|(?<=://)[^\s:/@<>${}\"']{1,100}:[^\s/@<>${}\"']{1,200}(?=@)"
    r"|(?i:(?<=password=)|(?<=passwd=)|(?<=secret=)|(?<=token=)|(?<=api_key=)|(?<=apikey=))"
    r"[^\s<>$\"'{}()\[`;|&_][^\s<>$\"'{}()`;|&]{5,200}"
)


def uuid5(*parts: str) -> str:
    """A name-based identifier (UUID version 5): the same parts always give the same one."""
    digest = bytearray(hashlib.sha1(NAMESPACE + "\x1f".join(parts).encode("utf-8", "replace")).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def redact(text: str) -> str:
    """The text without what is a secret by its form."""
    return _SECRET_VALUES.sub(REDACTED, text)


def holds_secret(text: str) -> bool:
    """Whether something in the text is a secret by its form."""
    return _SECRET_VALUES.search(text) is not None


def words(text: str) -> str:
    """Text of the playbook as it may stand in the export: no secret, and no reference to a variable that
    an executor would put a value in for."""
    return redact(text).replace("__:value", "__ :value")


def label(text: str, otherwise: str) -> str:
    """A name in one line, cut where it is long."""
    shown = " ".join(words(text).split())
    return (shown[: NAME_CHARS_MAX - 1] + "…" if len(shown) > NAME_CHARS_MAX else shown) or otherwise


def command(kind: str, text: str, activity: str) -> Json:
    """A command of this type. What is quoted, spaced or has several lines goes in base64, as the standard
    asks for."""
    made: Json = {"type": kind, "playbook_activity": activity}
    if re.fullmatch(r"[^\s\"'\\$`<>|&;(){}\[\]*?!#~]+(?: [^\s\"'\\$`<>|&;(){}\[\]*?!#~]+)*", text):
        return {**made, "command": text}
    return {**made, "command_b64": base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")}


def strings(value: object) -> Iterator[str]:
    """Every text in a JSON value, keys excluded."""
    waiting: list[object] = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, str):
            yield here
        elif isinstance(here, dict):
            waiting.extend(cast(dict[str, object], here).values())
        elif isinstance(here, list):
            waiting.extend(cast(list[object], here))


class Variables:
    """The variables of one playbook. Two names that would become one variable get two."""

    def __init__(self) -> None:
        self.declared: dict[str, Json] = {}
        self._of: dict[str, str] = {}

    def declare(self, name: str, kind: str, description: str, value: str | None = None) -> str:
        """The variable for this name; one with a value is constant, one without comes from outside."""
        if name in self._of:
            return self._of[name]
        stem = re.sub(r"[^a-z0-9_]", "_", name.lower())[:180]
        stem = stem if re.match(r"[a-z_]", stem) else f"v_{stem}"
        variable, count = f"__{stem}__", 1
        while variable in self.declared:
            count += 1
            variable = f"__{stem}_{count}__"
        made: Json = {"type": kind, "description": description}
        made.update({"external": True} if value is None else {"value": value, "constant": True})
        self.declared[variable] = made
        self._of[name] = variable
        return variable

    def answer(self, name: str, description: str) -> str:
        """A variable that a person sets while the playbook runs."""
        variable = self.declare(name, "string", description)
        self.declared[variable] = {"type": "string", "description": description, "external": False}
        return variable
