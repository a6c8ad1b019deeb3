"""`tocsin try-source`: what a source of alerts makes of a request in a file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.base.limits import request_body_bytes_max
from tocsin.faces.cli.document import content_of
from tocsin.faces.cli.errors import REFUSED, CliError
from tocsin.faces.cli.local import PANEL
from tocsin.faces.cli.options import Config, JsonHere
from tocsin.faces.cli.paper import facts, write
from tocsin.faces.cli.services import CliServices, StoreOptions

if TYPE_CHECKING:
    from tocsin.base.problems import Problem
    from tocsin.engine.sources import Parsed


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang the command into the command tree."""

    @app.command("try-source", rich_help_panel=PANEL)
    def try_source(
        kind: Annotated[str, typer.Argument(metavar="KIND", help="The source, such as nagios.")],
        file: Annotated[
            Path, typer.Argument(metavar="FILE", help="The body of a request; - is standard input.")
        ],
        config: Config = None,
        as_json: JsonHere = False,
    ) -> None:
        """Say what a source makes of a request. Nothing is kept, and nobody is paged."""
        import asyncio

        from tocsin.engine.sources import Arrival, SourceError, SourceUnavailableError

        sources = services.sources(StoreOptions(config=config))
        if kind not in sources:
            known = ", ".join(sorted(sources))
            raise CliError(f"There is no source {kind!r}.", f"There are: {known}.")
        body = content_of(file, request_body_bytes_max)
        arrival = Arrival(body=body, received_at=services.clock().now())
        parsed, problems = None, ()
        try:
            parsed = asyncio.run(sources[kind].parse(arrival))
            problems = parsed.problems
        except SourceError as error:
            problems = error.problems
        except SourceUnavailableError as error:
            raise CliError(str(error), "Try it again in a while.") from error
        if as_json:
            write(json.dumps(_document(parsed, problems), ensure_ascii=False, indent=2))
        else:
            _tell(parsed, problems)
        if parsed is None or (problems and not parsed.alerts):
            raise typer.Exit(REFUSED)


def _document(parsed: "Parsed | None", problems: "tuple[Problem, ...]") -> dict[str, Any]:
    import msgspec

    return {
        "alerts": msgspec.to_builtins(parsed.alerts if parsed else ()),
        "problems": msgspec.to_builtins(problems),
        "acknowledged": list(parsed.acknowledged) if parsed else [],
    }


def _tell(parsed: "Parsed | None", problems: "tuple[Problem, ...]") -> None:
    from tocsin.base.problems import Weight

    for problem in problems:
        style = "note" if problem.severity is Weight.WARNING else "trouble"
        write(f"{problem.message} {problem.mend}", style)
    for alert in parsed.alerts if parsed else ():
        write(f"{alert.status.value}: {alert.summary}", "state")
        told = [("fingerprint", alert.fingerprint), ("since", alert.starts_at.isoformat())]
        told += [(f"label {name}", text) for name, text in sorted(alert.labels.items())]
        told += [(f"annotation {name}", text) for name, text in sorted(alert.annotations.items())]
        facts([*told, ("link", alert.generator_url)])
    if parsed is not None and parsed.acknowledged:
        write("It says that somebody works on: " + ", ".join(parsed.acknowledged))
    elif parsed is not None and not parsed.alerts and not problems:
        write("It is taken, and holds no alert.")
