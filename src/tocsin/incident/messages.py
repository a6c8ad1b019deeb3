"""Status messages: what is known fills the playbook's template, what is not known is asked for."""

import msgspec


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message as far as it can be written now.

    `text` still shows `[field]` where a value is missing; `fields` holds every field with the value
    that is known, or the empty string. It can be sent once nothing is in `missing`.
    """

    text: str
    fields: dict[str, str]
    missing: tuple[str, ...]
