"""The commands that need no running server: starting one, and proving what a database holds."""

import asyncio

import typer

from tocsin.faces.cli.errors import REFUSED, CliError
from tocsin.faces.cli.options import Config, Data, DatabaseUrl, Json, Playbook, Roster
from tocsin.faces.cli.paper import write, write_json
from tocsin.faces.cli.services import CliServices, ServeOptions, StoreOptions

PANEL = "Here, without a server"


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang these commands into the command tree."""

    @app.command(rich_help_panel=PANEL)
    def serve(
        playbook: Playbook = None,
        roster: Roster = None,
        config: Config = None,
        host: str = typer.Option(None, "--host", help="Address to listen on; default 127.0.0.1."),
        port: int = typer.Option(None, "--port", min=1, max=65535, help="Port to listen on; default 8800."),
        data: Data = None,
        database_url: DatabaseUrl = None,
    ) -> None:
        """Run Tocsin: take alerts in, page people, serve the pages and the API."""
        services.serve(
            ServeOptions(
                playbook=playbook,
                roster=roster,
                config=config,
                host=host,
                port=port,
                data=data,
                database_url=database_url,
            )
        )

    @app.command(rich_help_panel=PANEL)
    def verify(
        config: Config = None, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False
    ) -> None:
        """Prove that the database was not changed behind Tocsin's back: every hash chain holds, and folding
        the events gives what is shown. Exits with 1 and names the event where that is not so."""
        count, faults = asyncio.run(
            _verify(services, StoreOptions(config=config, data=data, database_url=database_url))
        )
        if as_json:
            write_json({"ok": not faults, "incidents": count, "faults": faults})
            if faults:
                raise typer.Exit(REFUSED)
            return
        if faults:
            told = (_fault(each) for each in faults)
            raise CliError(f"The database does not verify: {len(faults)} found.", *told)
        noun = "incident" if count == 1 else "incidents"
        write(
            f"Verified: the hash chains of {count} {noun} and of the audit log hold, and so does every fold."
        )


def _fault(fault: dict[str, object]) -> str:
    event = f", event {fault['seq']}" if fault["seq"] else ""
    return f"{fault['incident']}{event}: {fault['what']}"


async def _verify(services: CliServices, options: StoreOptions) -> tuple[int, list[dict[str, object]]]:
    from tocsin.engine.ports import StoreUnavailableError

    try:
        async with services.open_store(options) as store:
            faults = await store.verify()
            async with store.reading() as reader:
                count = sum((await reader.count_incidents()).values())
    except StoreUnavailableError as error:
        raise CliError(f"The database cannot be read: {error}") from error
    return count, [{"incident": fault.incident, "seq": fault.seq, "what": fault.what} for fault in faults]
