"""The files that a team keeps: read whole, and looked at for changes."""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tocsin.base.problems import Problem, ProblemsError

LOOK_EVERY_SECONDS = 2.0
_Mark = tuple[tuple[str, int, int, int], ...] | None


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


def read_folder(folder: Path, wanted: Callable[[Sequence[str]], bool]) -> list[tuple[str, bytes]]:
    """The files of a folder and of the folders in it that are wanted, as (path within, with slashes; bytes),
    by name. `wanted` is asked with the parts of the path within.

    Raises:
        ProblemsError: one of them cannot be read.
    """
    found = [(path.relative_to(folder), path) for path in _files(folder)]
    return [(inner.as_posix(), read_bytes(path, "document")) for inner, path in found if wanted(inner.parts)]


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for here, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        found += [Path(here) / name for name in sorted(names)]
    return found


def read_text(path: Path) -> str:
    """The text of a file; empty where there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


@contextmanager
def held_alone(path: Path) -> Generator[None, None, None]:
    """Hold a file for this process while it lives; the system lets go of it however the process ends.

    Raises:
        ProblemsError: another process holds it.
    """
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            problem = Problem(
                code="served-already",
                file=str(path.parent),
                message="Another Tocsin serves the database in this directory.",
                mend="Stop it first. With PostgreSQL, any number may serve one database.",
            )
            raise ProblemsError([problem]) from error
        yield


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read, replacing one that is there in a single step."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


async def watch(paths: Sequence[Path], changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` after any of the files, or any file in one of the folders, has come, gone or become
    another one and then kept still for a moment.

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
        found = [(each, each.stat()) for each in ([path] if path.is_file() else _files(path))]
    except OSError:
        return None
    marks = tuple((str(each), stat.st_mtime_ns, stat.st_size, stat.st_ino) for each, stat in found)
    return marks or None
