"""`tocsin drill`: rehearse an alert on the playbook's clock, and print what would happen, with its times."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.base.problems import ProblemsError
from tocsin.faces.cli.errors import usage
from tocsin.faces.cli.local import PANEL
from tocsin.faces.cli.options import Config, JsonHere, Playbook, Roster, duration, instant, pairs, settings
from tocsin.faces.cli.paper import STYLES, one_line, table, write, write_json
from tocsin.faces.cli.services import CliServices, DrillLine, DrillMaterial, DrillReport, DrillRequest

if TYPE_CHECKING:
    from tocsin.engine.shelf import Book
    from tocsin.incident.rules import Clocks

EXAMPLES = "tocsin.examples"


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang the command into the command tree."""

    @app.command(rich_help_panel=PANEL)
    def drill(
        alert: Annotated[str, typer.Option("--alert", metavar="NAME", help="The alert that fires.")],
        playbook: Playbook = None,
        roster: Roster = None,
        config: Config = None,
        label: Annotated[
            list[str] | None,
            typer.Option("--label", metavar="NAME=VALUE", help="A label of the alert; repeatable."),
        ] = None,
        annotation: Annotated[
            list[str] | None,
            typer.Option("--annotation", metavar="NAME=VALUE", help="An annotation; repeatable."),
        ] = None,
        ack_after: Annotated[
            str, typer.Option("--ack-after", metavar="TIME", help="Acknowledged after 12m.")
        ] = "",
        ack_by: Annotated[
            str, typer.Option("--ack-by", metavar="PERSON", help="By whom; default: whoever was paged first.")
        ] = "",
        nobody: Annotated[bool, typer.Option("--nobody", help="Nobody answers; the default.")] = False,
        resolve_after: Annotated[
            str, typer.Option("--resolve-after", metavar="TIME", help="Resolved after 3h.")
        ] = "",
        at: Annotated[
            str,
            typer.Option(
                "--at", metavar="TIME", help="When it fires, as 2026-12-25T03:00+01:00; default: now."
            ),
        ] = "",
        until: Annotated[str, typer.Option("--until", metavar="TIME", help="How much is rehearsed.")] = "6h",
        brief: Annotated[
            bool, typer.Option("--brief", help="Leave out contact methods and deliveries.")
        ] = False,
        as_json: JsonHere = False,
    ) -> None:
        """Rehearse an alert: who would be paged, when, why and over what. Nothing is sent."""
        if nobody and (ack_after or ack_by or resolve_after):
            raise usage(
                "--nobody is against --ack-after, --ack-by and --resolve-after.", "Leave one of them out."
            )
        if ack_by and not ack_after:
            raise usage("--ack-by needs --ack-after.", "Say when, such as --ack-after 12m.")
        start = instant(at, "--at") if at else services.clock().now().astimezone()
        request = DrillRequest(
            alert=alert,
            at=start,
            labels=pairs(label or [], "--label"),
            annotations=pairs(annotation or [], "--annotation"),
            until=duration(until, "--until"),
            ack_after=duration(ack_after, "--ack-after") if ack_after else None,
            ack_by=ack_by,
            resolve_after=duration(resolve_after, "--resolve-after") if resolve_after else None,
        )
        chosen = settings(config, playbook=playbook, roster=roster)
        labels = {"alertname": alert, **request.labels}
        material = _material(labels, chosen.playbook, chosen.roster, chosen.clocks)
        report = services.drill(request, material)
        if as_json:
            write_json(report.document())
        else:
            _print(report, start, brief)


def _book_for(labels: dict[str, str], folder: Path) -> "Book":
    """Of a folder, the playbook that an alert with these labels goes to, with the runbooks beside it."""
    from tocsin.engine.shelf import put_on_shelf
    from tocsin.faces.cli.folder import read_files
    from tocsin.playbook.policy import Policy

    shelf, fatal = put_on_shelf(read_files(folder), True, Policy())
    if shelf is None:
        raise ProblemsError(fatal)
    return shelf.for_labels(labels)


def _material(
    labels: dict[str, str], playbook: Path | None, roster: Path | None, clocks: "Clocks"
) -> DrillMaterial:
    """The documents to rehearse: those of the settings, else the examples that come along. A playbook without
    a roster has none: the example's people do not fill its roles."""
    from tocsin.base.problems import Weight
    from tocsin.engine.shelf import Book, keyed, read_document
    from tocsin.oncall.read import read_roster

    if playbook is not None and playbook.is_dir():
        book = _book_for(labels, playbook)
        playbook = playbook / book.name
    else:
        content = _bytes_of(playbook) if playbook else _bundled("playbook.md")
        book = Book(document=read_document(str(playbook or "playbook.md"), content))
    people = None
    if roster or not playbook:
        people = read_roster(
            _bytes_of(roster) if roster else _bundled("roster.toml"), str(roster or "roster.toml")
        )
    errors = sum(1 for finding in book.playbook.findings if finding.severity is Weight.ERROR)
    told = (
        f"`tocsin check {playbook}` finds {errors} {'error' if errors == 1 else 'errors'} in this playbook."
    )
    return DrillMaterial(
        playbook=book.playbook,
        digest=book.hash,
        roster=people,
        clocks=clocks,
        notes=(told,) if errors and playbook else (),
        runbooks=keyed([(each.name, each.playbook) for each in book.runbooks]),
    )


def _bundled(name: str) -> bytes:
    from importlib.resources import files

    return files(EXAMPLES).joinpath(name).read_bytes()


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise usage(f"{file} cannot be read: {error.strerror}.") from error


def _print(report: DrillReport, start: datetime, brief: bool) -> None:
    lines = [line for line in report.lines if not (brief and line.weight == "detail")]
    for line in report.notes:
        write(line, "yellow")
    shown = f"{start:%a %d %b %Y, %H:%M} {zone_name(start)}"
    write(f"Drill of {one_line(report.playbook)!r}, beginning {shown}", "bold")
    table(
        ("OFFSET", f"TIME ({zone_name(start)})", "WHAT", "WORDS"),
        [(line.clock, _wall(line, start), line.kind, line.text) for line in lines],
        [STYLES.get(line.weight, "") for line in lines],
    )
    write()
    for line in report.verdict:
        write(line)


def _wall(line: DrillLine, start: datetime) -> str:
    at = line.at.astimezone(start.tzinfo)
    return at.strftime("%H:%M:%S" if at.date() == start.date() else "%d %b %H:%M:%S")


def zone_name(start: datetime) -> str:
    """The zone in which a rehearsal is told: its name, or its offset from UTC."""
    return start.strftime("%Z") or "UTC"
