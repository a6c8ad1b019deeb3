"""A folder of documents at the command line: what is wrong between its documents, and with a policy."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from tocsin.base.limits import playbook_bytes_max
from tocsin.base.problems import Problem
from tocsin.faces.cli.errors import usage


def findings_between(
    path: Path, at: datetime, rules: Sequence[Path] = (), policy: Path | None = None
) -> list[Problem]:
    """What is wrong between the documents of a folder; with Prometheus rule files also against the alerts
    that they define, with a policy also whether its entries hold at a time. A single file has nothing
    between, but may have a policy. The `file` of each finding is a path that the caller can open.

    Raises:
        CliError: a file or the folder cannot be read (exit code 2).
        ProblemsError: the policy is refused.
    """
    from tocsin.playbook.collection import read_collection
    from tocsin.playbook.policy import lint_policy, read_policy

    if not path.is_dir() and policy is None:
        return []
    files = read_files(path) if path.is_dir() else [(path.name, _read(path))]
    read = read_collection(files, [(each.as_posix(), _read(each)) for each in rules])
    places = {each.name: (path / each.name).as_posix() for each in read.members}
    between = read.findings if path.is_dir() else ()
    found = [replace(each, file=places.get(each.file, each.file or path.as_posix())) for each in between]
    if policy is not None:
        documents = [(each.name, each.playbook) for each in read.members]
        found += lint_policy(documents, read_policy(_read(policy), policy.as_posix()), at)
    return sorted(found, key=lambda each: (each.file, each.line))


def read_files(folder: Path) -> list[tuple[str, bytes]]:
    """The documents of a folder as (path within it, bytes), by name.

    Raises:
        CliError: one of them cannot be read (exit code 2).
    """
    return [(path.relative_to(folder).as_posix(), _read(path)) for path in sorted(_documents(folder))]


def _documents(folder: Path) -> Iterator[Path]:
    from tocsin.playbook.collection import is_document

    for here, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            if is_document((Path(here) / name).relative_to(folder).parts):
                yield Path(here) / name


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(playbook_bytes_max + 1)
    except OSError as error:
        raise usage(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > playbook_bytes_max:
        raise usage(f"{path} has more than {playbook_bytes_max} bytes, which is too large.")
    return content
