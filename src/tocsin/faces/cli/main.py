"""The command tree: `tocsin COMMAND`. Each command translates to a call of the server or of a service."""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

import tocsin
from tocsin.faces.cli import (
    changing,
    drilling,
    explaining,
    local,
    reading,
    scheduling,
    silences,
    tokens,
    trying,
    why,
)
from tocsin.faces.cli.errors import PlainErrors
from tocsin.faces.cli.services import CliServices

_HELP = """Runs your incident-response playbook.

Exit codes: 0 done; 1 refused, or not found; 2 the command line is wrong; 3 no server answers.
"""


def build(services: CliServices) -> typer.Typer:
    """The whole command tree over these services."""
    app = typer.Typer(
        name="tocsin",
        help=_HELP,
        cls=PlainErrors,
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def common(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
        ] = False,
    ) -> None:
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show an arrow gets a question mark, not a traceback.
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")

    reading.register(app)
    why.register(app)
    changing.register(app)
    silences.register(app)
    local.register(app, services)
    drilling.register(app, services)
    explaining.register(app, services)
    scheduling.register(app, services)
    trying.register(app, services)
    tokens.register(app, services)
    _document(app, services)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tocsin {tocsin.__version__}")
        raise typer.Exit


def _document(app: typer.Typer, services: CliServices) -> None:
    from tocsin.faces.cli import checking, document, exporting

    document.register(app, services)
    checking.register(app, services)
    exporting.register(app, services)
