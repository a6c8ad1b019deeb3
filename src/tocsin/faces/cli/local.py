"""The commands that need no running server: starting one, and proving what a database holds."""

from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.faces.cli.database import on_database, unusable
from tocsin.faces.cli.errors import REFUSED, CliError
from tocsin.faces.cli.options import Config, Data, DatabaseUrl, JsonHere, Playbook, Policy, Roster
from tocsin.faces.cli.paper import write, write_json
from tocsin.faces.cli.services import CliServices, ServeOptions, StoreOptions

if TYPE_CHECKING:
    from tocsin.engine.ports import Store
    from tocsin.engine.records import Fault

PANEL = "Here, without a server"
FAULTS_SHOWN_MAX = 20


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang these commands into the command tree."""

    @app.command(rich_help_panel=PANEL)
    def serve(
        playbook: Playbook = None,
        roster: Roster = None,
        policy: Policy = None,
        config: Config = None,
        host: Annotated[
            str | None, typer.Option("--host", help="Address to listen on; default 127.0.0.1.")
        ] = None,
        port: Annotated[
            int | None, typer.Option("--port", min=1, max=65535, help="Port to listen on; default 8800.")
        ] = None,
        data: Data = None,
        database_url: DatabaseUrl = None,
    ) -> None:
        """Run Tocsin: take alerts in, page people, serve the pages and the API."""
        options = ServeOptions(
            playbook=playbook,
            roster=roster,
            policy=policy,
            config=config,
            host=host,
            port=port,
            data=data,
            database_url=database_url,
        )
        _serve(services, options)

    @app.command(rich_help_panel=PANEL)
    def verify(
        config: Config = None, data: Data = None, database_url: DatabaseUrl = None, as_json: JsonHere = False
    ) -> None:
        """Prove that the database was not changed behind Tocsin's back: every hash chain holds, and folding
        the events gives what is shown. Exits with 1 and names the event where that is not so."""
        where = StoreOptions(config=config, data=data, database_url=database_url)
        count, faults = on_database(services, where, _verify)
        if as_json:
            told = [{"incident": each.incident, "seq": each.seq, "what": each.what} for each in faults]
            write_json({"ok": not faults, "incidents": count, "faults": told})
            if faults:
                raise typer.Exit(REFUSED)
        elif faults:
            raise _not_verified(faults)
        else:
            noun = "incident" if count == 1 else "incidents"
            write(f"Verified: {count} {noun} and the audit log. Every hash chain and every fold holds.")


def _serve(services: CliServices, options: ServeOptions) -> None:
    from tocsin.engine.ports import StoreUnavailableError

    try:
        services.serve(options)
    except StoreUnavailableError as error:
        raise unusable(error) from error


def _not_verified(faults: "list[Fault]") -> CliError:
    told = [
        f"{each.incident}{f', event {each.seq}' if each.seq else ''}: {each.what}"
        for each in faults[:FAULTS_SHOWN_MAX]
    ]
    if more := len(faults) - len(told):
        told.append(f"and {more} more; --json prints all of them.")
    noun = "fault" if len(faults) == 1 else "faults"
    return CliError(f"The database does not verify: {len(faults)} {noun}.", *told)


async def _verify(store: "Store") -> "tuple[int, list[Fault]]":
    faults = await store.verify()
    async with store.reading() as reader:
        return sum((await reader.count_incidents()).values()), faults
