"""`tocsin check`: what is wrong with playbooks, and the repair of what is certain."""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tocsin.base.ids import role_key
from tocsin.base.limits import playbook_bytes_max, roster_bytes_max
from tocsin.base.problems import Problem, Weight
from tocsin.faces.cli.document import PANEL, content_of
from tocsin.faces.cli.errors import REFUSED, USAGE, CliError, complain, usage
from tocsin.faces.cli.living import live_findings
from tocsin.faces.cli.paper import write
from tocsin.faces.cli.services import CliServices
from tocsin.faces.cli.telling import Format, tell
from tocsin.playbook.kinds import Profile

if TYPE_CHECKING:
    from tocsin.oncall.model import Roster
    from tocsin.playbook.model import Playbook

SUFFIXES = frozenset([".md", ".markdown"])
_NAMED = re.compile(r"run\s?-?_?book|play\s?-?_?book|incident|\bsop\b", re.IGNORECASE)
_NOT_LOOKED_INTO = re.compile(r"^\.|^(?:node_modules|vendor|site-packages)$")
_NEEDS_A_ROSTER = "PB079"
"""The finding that a roster answers."""

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Playbooks, or folders of them; `-` is standard input."),
]
Profiled = Annotated[
    Profile,
    typer.Option(
        "--profile",
        help="For what: to read it, to run it (adds what matters to programs), to audit it (adds all else).",
    ),
]


class _Found(msgspec.Struct):
    """What the checking of several files came to."""

    findings: list[Problem] = []
    read: int = 0
    skipped: int = 0
    unreadable: list[CliError] = []


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang this command into the command tree."""

    @app.command(rich_help_panel=PANEL)
    def check(
        files: Files,
        roster: Annotated[
            Path | None, typer.Option("--roster", metavar="FILE", help="Also check who fills the roles.")
        ] = None,
        rules: Annotated[
            list[Path] | None,
            typer.Option("--rules", metavar="FILE", help="Prometheus rule file, to compare alerts with."),
        ] = None,
        policy: Annotated[
            Path | None, typer.Option("--policy", metavar="FILE", help="Also check the policy file.")
        ] = None,
        profile: Profiled = Profile.RUN,
        form: Annotated[Format, typer.Option("--format", help="How to print the findings.")] = Format.TEXT,
        fix: Annotated[
            bool, typer.Option("--fix", help="Repair what is certain instead; shows the changes first.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: do not ask.")] = False,
        live: Annotated[
            bool, typer.Option("--live", help="Also ask the real world: programs, hosts, contacts, secrets.")
        ] = False,
    ) -> None:
        """Tell what is wrong with playbooks, with line and remedy. Exits with 1 on errors, with 2 where a
        file cannot be read."""
        from tocsin.faces.cli.folder import findings_between
        from tocsin.playbook.codes import shown_in

        if fix:
            _fix(files, is_agreed=yes)
            return
        people = None if roster is None else _people(roster)
        filled = None if people is None else _filled_roles(people)
        now = services.clock().now()

        def ask(playbook: "Playbook", file: Path) -> tuple[Problem, ...]:
            return live_findings(playbook, people, services, folder=file.parent)

        found = _check(files, filled, profile, now.date(), ask if live else None)
        for path in files:
            found.findings += shown_in(findings_between(path, now, rules or [], policy), profile)
        if found.read:
            tell(found.findings, form)
        if found.skipped and form is Format.TEXT:
            noun = "file holds" if found.skipped == 1 else "files hold"
            write(f"{found.skipped} {noun} no part of a playbook, and {_were(found.skipped)} left out.")
        for error in found.unreadable:
            complain([error.message])
        if found.unreadable:
            raise typer.Exit(USAGE)
        if any(each.severity is Weight.ERROR for each in found.findings):
            raise typer.Exit(REFUSED)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _check(
    files: Sequence[Path],
    filled: frozenset[str] | None,
    profile: Profile,
    today: date,
    asking: "Callable[[Playbook, Path], tuple[Problem, ...]] | None",
) -> _Found:
    from tocsin.playbook.read import read_playbook

    found = _Found()
    for path in files:
        try:
            for file, is_named in _documents(path):
                name = "-" if str(file) == "-" else file.name
                playbook = read_playbook(content_of(file, playbook_bytes_max), name, today)
                if not is_named and not _is_playbook(playbook, file):
                    found.skipped += 1
                    continue
                found.read += 1
                found.findings += _findings(playbook, file, filled, profile)
                if asking:
                    found.findings += [
                        msgspec.structs.replace(each, file=str(file)) for each in asking(playbook, file)
                    ]
        except CliError as error:
            found.unreadable.append(error)
    return found


def _documents(path: Path) -> Iterator[tuple[Path, bool]]:
    """The files of a path, and whether the caller named them; a folder gives its Markdown files."""
    if not path.is_dir():
        yield path, True
        return
    none = True
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if not _NOT_LOOKED_INTO.match(name))
        for name in sorted(names):
            if Path(name).suffix.casefold() in SUFFIXES:
                none = False
                yield Path(folder) / name, False
    if none:
        raise usage(f"{path} cannot be read: it is a folder without Markdown files.")


def _is_playbook(playbook: "Playbook", file: Path) -> bool:
    """Whether a document of a folder is one to check: by what was recognised, or by its name."""
    parts = (playbook.severities, playbook.escalation, playbook.contacts, playbook.triage, playbook.templates)
    is_named = bool(playbook.actions) and bool(_NAMED.search(f"{file.stem} {playbook.title}"))
    return is_named or bool(playbook.alerts) or any(parts)


def _findings(
    playbook: "Playbook", file: Path, filled: frozenset[str] | None, profile: Profile
) -> list[Problem]:
    from tocsin.playbook.codes import shown_in
    from tocsin.playbook.lint import lint_with_roster

    found = list(playbook.findings)
    if filled is not None:
        found = [each for each in found if each.code != _NEEDS_A_ROSTER]
        found += lint_with_roster(playbook, filled)
    named = (msgspec.structs.replace(each, file=file.as_posix()) for each in shown_in(found, profile))
    return sorted(named, key=lambda each: each.line)


def _people(file: Path) -> "Roster":
    from tocsin.oncall.read import read_roster

    return read_roster(content_of(file, roster_bytes_max), str(file))


def _filled_roles(found: "Roster") -> frozenset[str]:
    """The roles that somebody fills who can be reached."""
    reachable = {person.id for person in found.people if person.methods}
    filled: set[str] = set()
    for fill in found.roles:
        if reachable.intersection(fill.everybody):
            filled.add(role_key(fill.role))
    return frozenset(filled)


def _fix(files: Sequence[Path], *, is_agreed: bool) -> None:
    """Repair files after showing what would change.

    Raises:
        CliError: a file cannot be read or written (exit code 2), or the answer was no (1).
    """
    from tocsin.playbook.fix import fixed

    if any(str(path) == "-" for path in files):
        raise usage("Standard input cannot be repaired.", "Name the file.")
    for path in files:
        for file, _ in _documents(path):
            fix = fixed(content_of(file, playbook_bytes_max))
            if not fix.changed:
                write(f"{file}: nothing to repair.")
                continue
            write(fix.diff(str(file)))
            if not is_agreed and not _agrees(f"Repair {len(fix.changed)} lines of {file}?"):
                raise CliError("Nothing was written.")
            _replace(file, fix.after)
            count = len(fix.changed)
            write(f"{file}: {count} {'line' if count == 1 else 'lines'} repaired.")


def _agrees(question: str) -> bool:
    if not sys.stdin.isatty():
        raise usage("There is nobody to ask, so nothing was written.", "Say --yes to repair without asking.")
    return typer.confirm(question)


def _replace(file: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees it as it was or as it is, and a crash leaves one of both."""
    target = file.resolve()
    partial: str | None = None
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(partial).chmod(target.stat().st_mode & 0o7777)
        Path(partial).replace(target)
    except OSError as error:
        if partial is not None:
            with suppress(OSError):
                Path(partial).unlink()
        raise usage(f"{file} cannot be written: {error.strerror}.") from error
