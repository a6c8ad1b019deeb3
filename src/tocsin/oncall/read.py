"""The roster file as bytes: its size and its encoding, before anything is read out of it."""

from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.oncall.methods import CheckAddress
from tocsin.oncall.model import Roster
from tocsin.oncall.roster import parse_roster


def read_roster(content: bytes, file: str, check_address: CheckAddress | None = None) -> Roster:
    """Read a roster from the bytes of its file; see `parse_roster`.

    Raises:
        ProblemsError: everything that is wrong, in the order of the lines.
    """
    if len(content) > limits.roster_bytes_max:
        message = f"The roster has {len(content)} bytes."
        mend = f"Keep it under {limits.roster_bytes_max} bytes."
        raise ProblemsError([Problem(code="too-large", message=message, mend=mend, file=file)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"Byte {error.start} is not UTF-8."
        raise ProblemsError(
            [Problem(code="not-text", message=message, mend="Save the file as UTF-8.", file=file, line=line)]
        ) from error
    return parse_roster(text, file, check_address)
