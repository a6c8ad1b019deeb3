"""Secrets are named in the settings and read when they are needed; a value never stands there."""

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from tocsin.base.problems import Problem, ProblemsError

REFERENCE = re.compile(r"env:(?P<env>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<file>[^\0\r\n]+)")
REFERENCE_MEND = "Write env:NAME for an environment variable or file:PATH for a file that holds the secret."


class Secrets(Protocol):
    """Looks up the secret that a reference names."""

    def __call__(self, ref: str, field: str) -> str:
        """The secret; `field` is the setting that names it, for the problem.

        Raises:
            ProblemsError: there is none.
        """
        ...


def resolve_secret(
    ref: str, environ: Mapping[str, str], read_file: Callable[[str], str], field: str = ""
) -> str:
    """The secret behind `env:NAME` or `file:PATH`, without the line break at its end.

    `field` is the setting that names it. No error holds a part of the secret, nor of a text that is no
    reference, since that may be a secret in the wrong place.

    Raises:
        ProblemsError: it is no reference, or leads to nothing.
    """
    found = REFERENCE.fullmatch(ref)
    if not found:
        raise _refused(field, "The text is no reference to a secret.", REFERENCE_MEND)
    if name := found["env"]:
        secret = environ.get(name, "").strip("\r\n")
        if not secret:
            message = f"The environment variable {name} is not set or empty."
            raise _refused(field, message, f"Set {name} to the secret, or change {field or 'the reference'}.")
        return secret
    path = found["file"]
    mend = "Put the secret into the file, and let the user that runs Tocsin read it."
    try:
        secret = read_file(path).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise _refused(field, f"The file {path} cannot be read: {why}.", mend) from None
    if not secret:
        raise _refused(field, f"The file {path} is empty.", mend)
    return secret


def _refused(field: str, message: str, mend: str) -> ProblemsError:
    return ProblemsError([Problem(code="no-secret", message=message, mend=mend, field=field)])
