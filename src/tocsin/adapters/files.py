"""The files that a team keeps: read whole, and looked at for changes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tocsin.base.problems import Problem, ProblemsError

LOOK_EVERY_SECONDS = 2.0
_Mark = tuple[int, int, int] | None


def read_bytes(path: Path, what: str) -> bytes:
    """The bytes of a file; `what` names it in the problem.

    Raises:
        ProblemsError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProblemsError(
            [
                Problem(
                    code="unreadable",
                    file=str(path),
                    message=f"The {what} cannot be read: {reason}.",
                    mend="Check the path, and that the user that runs Tocsin may read it.",
                )
            ]
        ) from error


def read_text(path: Path) -> str:
    """The text of a file; empty where there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read, replacing one that is there in a single step."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


async def watch(paths: Sequence[Path], changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` after any of the files has become another one and then kept still for a moment.

    Runs until cancelled. The modification time, size and inode tell, so that editors which write a new
    file in place of the old one are noticed as well.
    """
    known = [_mark(path) for path in paths]
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        seen = [_mark(path) for path in paths]
        if seen == known or None in seen:
            continue
        await asyncio.sleep(LOOK_EVERY_SECONDS / 4)
        if [_mark(path) for path in paths] == seen:
            known = seen
            await changed()


def _mark(path: Path) -> _Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
