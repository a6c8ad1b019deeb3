"""`tocsin export` and `tocsin lsp`: a playbook in other tools, and in the editor."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.faces.cli.document import File, load
from tocsin.faces.cli.errors import CliError, usage
from tocsin.faces.cli.paper import clean
from tocsin.faces.cli.services import CliServices

PANEL = "Here, without a server"


class Flavor(StrEnum):
    """For which executor the export is made."""

    PLAIN = "plain"
    SOARCA = "soarca"


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang these commands into the command tree."""

    @app.command(rich_help_panel=PANEL)
    def lsp() -> None:
        """Serve an editor: findings, hover and completion while a playbook is written."""
        try:
            services.language_server()
        except ModuleNotFoundError as error:
            if error.name not in ("pygls", "lsprotocol"):
                raise
            raise CliError(
                "The language server needs the package pygls, which is not installed.",
                "Install Tocsin with it: pip install 'tocsin[lsp]'",
            ) from error

    exporter = typer.Typer(help="A playbook in the formats of other tools.", no_args_is_help=True)
    app.add_typer(exporter, name="export", rich_help_panel=PANEL)

    @exporter.command()
    def cacao(
        file: File,
        out: Annotated[
            Path | None, typer.Option("--out", metavar="FILE", help="Write there; default: standard output.")
        ] = None,
        flavor: Annotated[Flavor, typer.Option("--flavor", help="For which executor.")] = Flavor.PLAIN,
        origin: Annotated[
            str, typer.Option("--origin", metavar="URL", help="Where the playbook lives; it makes the ids.")
        ] = "",
        identity: Annotated[
            Path | None,
            typer.Option("--identity", metavar="FILE", help="Also write the author as a STIX identity."),
        ] = None,
    ) -> None:
        """Export a playbook as CACAO 2.0 JSON. The same file always gives the same bytes."""
        from tocsin.playbook.cacao import to_cacao
        from tocsin.playbook.cacao_check import check_cacao

        made = to_cacao(load(file), origin=origin or file.name, flavor=flavor.value)
        if wrong := check_cacao(made.document):
            raise CliError(
                f"{file} cannot be exported: {wrong[0]}.", "Please report this, with the playbook if you may."
            )
        for remark in made.remarks:
            sys.stderr.write(clean(f"{file}: {remark}.\n"))
        if identity is not None:
            _write(identity, made.identity)
        if out is not None:
            _write(out, made.document)
        else:
            sys.stdout.write(_text(made.document))


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _write(path: Path, document: Any) -> None:
    try:
        path.write_text(_text(document), encoding="utf-8", newline="\n")
    except OSError as error:
        raise usage(f"{path} cannot be written: {error.strerror}.") from error
