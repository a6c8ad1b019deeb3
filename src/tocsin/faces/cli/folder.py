"""A folder of documents at the command line: its files, and everything that is wrong in and between them."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from tocsin.base.limits import playbook_bytes_max
from tocsin.base.problems import Problem
from tocsin.faces.cli.errors import usage


def folder_findings(
    folder: Path, at: datetime, rules: Sequence[Path] = (), policy: Path | None = None
) -> list[Problem]:
    """Every finding of a folder: of each playbook and service runbook, and between all of them; with rule
    files also against the alerts that they define, with a policy also whether it holds at a time. The
    `file` of each is a path that the caller can open.

    Raises:
        CliError: a file or the folder cannot be read (exit code 2).
        ProblemsError: the policy is refused.
    """
    from tocsin.playbook.collection import Kind, read_collection
    from tocsin.playbook.policy import lint_policy, read_policy

    rule_files = [(path.as_posix(), _read(path)) for path in rules]
    read = read_collection(read_files(folder), rule_files)
    places = {each.name: (folder / each.name).as_posix() for each in read.members}
    found: list[Problem] = []
    for member in read.members:
        # What is neither playbook nor runbook is for reading only, and has nothing to be missing.
        own = member.playbook.findings if member.kind is not Kind.REFERENCE else ()
        spared = OF_A_PLAYBOOK if member.kind is Kind.RUNBOOK else frozenset[str]()
        found += [replace(each, file=places[member.name]) for each in own if each.code not in spared]
    found += [replace(each, file=places.get(each.file, each.file or str(folder))) for each in read.findings]
    if policy is not None:
        documents = [(each.name, each.playbook) for each in read.members]
        found += lint_policy(documents, read_policy(_read(policy), policy.as_posix()), at)
    return sorted(found, key=lambda each: (each.file, each.line))


OF_A_PLAYBOOK = frozenset({"PB070", "PB072", "PB090", "PB091"})
"""What a service runbook need not have: its playbook has it."""


def read_files(folder: Path) -> list[tuple[str, bytes]]:
    """The documents of a folder as (path within it, bytes), by name.

    Raises:
        CliError: one of them cannot be read, or there is none (exit code 2).
    """
    found = [(path.relative_to(folder).as_posix(), _read(path)) for path in sorted(_documents(folder))]
    if not found:
        raise usage(f"{folder} holds no document.", "Put Markdown files into it.")
    return found


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
