"""Regular expressions of RE2, whose searches take linear time whatever the text is."""

from typing import Any, cast

import re2  # pyright: ignore[reportMissingTypeStubs]

_RE2 = cast(Any, re2)
_MEMORY_BYTES_MAX = 8 * 1024 * 1024


class Expression:
    """An expression that was found to be right."""

    def __init__(self, text: str) -> None:
        """Read an expression.

        Raises:
            ValueError: it is none; the message says why in a few words.
        """
        options = _RE2.Options()
        options.max_mem = _MEMORY_BYTES_MAX
        options.log_errors = False
        try:
            self._compiled = _RE2.compile(text, options)
        except _RE2.error as error:
            cause: object = error.args[0] if error.args else ""
            told = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
            raise ValueError(told[:120]) from None

    def is_in(self, text: str) -> bool:
        """Whether it is found anywhere in a text."""
        return self._compiled.search(text) is not None
