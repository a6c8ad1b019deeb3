"""One channel a file: how pages and messages reach people.

Each module has `channel(settings, secret, clock)`, which makes the channel, or returns None where the
settings do not set it up. Packages add theirs under the entry point `tocsin.channels` with the same
signature; their own settings are `settings.channels[KIND]`.
"""

import difflib
from collections.abc import Callable, Mapping

from tocsin.engine.ports import Channel


def address_checker(
    channels: Mapping[str, Channel], off: Mapping[str, str]
) -> Callable[[str, str], str | None]:
    """The check of the roster's addresses: the channel's own, or that there is no such channel.

    `off` maps the kinds that exist but are not set up to what sets them up.
    """

    def check(kind: str, address: str) -> str | None:
        if channel := channels.get(kind):
            return channel.check(address)
        if kind in off:
            return f"The channel {kind!r} is not set up: {off[kind]}."
        known = sorted({*channels, *off})
        near = difflib.get_close_matches(kind, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        return f"There is no channel {kind!r}; {hint}"

    return check
