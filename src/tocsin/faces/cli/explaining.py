"""`tocsin explain`: what a playbook makes happen, in plain words or as a page."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.base.limits import playbook_bytes_max, roster_bytes_max
from tocsin.faces.cli.document import File, content_of
from tocsin.faces.cli.errors import usage
from tocsin.faces.cli.local import PANEL
from tocsin.faces.cli.options import Config, instant, settings
from tocsin.faces.cli.paper import one_line, write
from tocsin.faces.cli.services import CliServices, DrillMaterial

if TYPE_CHECKING:
    from tocsin.playbook.model import Playbook


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang the command into the command tree."""

    @app.command(rich_help_panel=PANEL)
    def explain(
        file: File,
        level: Annotated[
            list[str] | None,
            typer.Option("--level", metavar="LEVEL", help="Only this level, such as P1; repeatable."),
        ] = None,
        roster: Annotated[
            Path | None, typer.Option("--roster", metavar="FILE", help="Name the people who fill the roles.")
        ] = None,
        policy: Annotated[
            Path | None, typer.Option("--policy", metavar="FILE", help="Explain it as this policy has it.")
        ] = None,
        config: Config = None,
        at: Annotated[
            str, typer.Option("--at", metavar="TIME", help="Who is on call then; default: now.")
        ] = "",
        html: Annotated[
            Path | None,
            typer.Option("--html", metavar="FILE", help="Write one page of HTML; - is standard output."),
        ] = None,
    ) -> None:
        """Say in plain words what a playbook makes happen: who is paged when, what is due, what waits."""
        from tocsin.oncall.read import read_roster
        from tocsin.playbook.policy import apply_policy, read_policy
        from tocsin.playbook.read import read_playbook

        content = content_of(file, playbook_bytes_max)
        playbook = read_playbook(content, "-" if str(file) == "-" else file.name)
        moment = instant(at, "--at") if at else services.clock().now()
        if policy is not None:
            rules = read_policy(content_of(policy, playbook_bytes_max), str(policy))
            playbook = apply_policy(playbook, rules, moment, file.name)
        people = read_roster(content_of(roster, roster_bytes_max), str(roster)) if roster else None
        material = DrillMaterial(
            playbook=playbook,
            digest=hashlib.sha256(content).hexdigest(),
            roster=people,
            clocks=settings(config).clocks,
        )
        explained = services.explain(material, _levels(playbook, level or []), moment)
        if html is None:
            for line in explained.lines():
                write(line)
        elif str(html) == "-":
            typer.echo(explained.page(), nl=False)
        else:
            _keep(html, explained.page())


def _levels(playbook: "Playbook", wanted: list[str]) -> list[str]:
    """The levels that were asked for as the playbook writes them; all without any."""
    from tocsin.base.ids import LevelId

    chosen: list[str] = []
    for name in wanted:
        found = playbook.severity(LevelId(name))
        if found is None:
            known = ", ".join(each.level for each in playbook.severities) or "none"
            raise usage(f"The playbook has no level {one_line(name)!r}.", f"It has: {one_line(known)}.")
        chosen.append(found.level)
    return chosen or [each.level for each in playbook.severities]


def _keep(file: Path, page: str) -> None:
    try:
        file.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise usage(f"{file} cannot be written: {error.strerror}.") from error
    write(f"Wrote {file}.")
