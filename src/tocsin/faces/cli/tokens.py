"""`tocsin token`: make, list and revoke the tokens of people, tools and senders of alerts."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import quote

import typer

from tocsin.faces.cli.database import on_database
from tocsin.faces.cli.errors import CliError, usage
from tocsin.faces.cli.local import PANEL
from tocsin.faces.cli.options import Config, Data, DatabaseUrl, JsonHere, Server, TokenFile, connect
from tocsin.faces.cli.paper import facts, local_time, rows_of, table, text_of, write, write_json
from tocsin.faces.cli.services import CliServices, StoreOptions

if TYPE_CHECKING:
    from tocsin.engine.access import Access
    from tocsin.engine.records import Token
    from tocsin.incident.events import Actor

T = TypeVar("T")
Scope = Literal["viewer", "responder", "commander", "admin", "source"]

_NOT_BOTH = "--server speaks with a running server, --data and --database-url open the database itself."


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang these commands into the command tree."""
    tokens = typer.Typer(no_args_is_help=True, help="Tokens for people, tools and senders of alerts.")
    app.add_typer(tokens, name="token", rich_help_panel=PANEL)
    _add_create(tokens, services)
    _add_list(tokens, services)
    _add_revoke(tokens, services)


def _add_create(tokens: typer.Typer, services: CliServices) -> None:
    @tokens.command()
    def create(
        name: Annotated[str, typer.Option("--name", help="What it is for.")],
        scope: Annotated[Scope, typer.Option("--scope", help="What it may do; `source` only sends alerts.")],
        person: Annotated[str, typer.Option("--person", help="Whose it is, by the roster's id.")] = "",
        server: Server = None,
        token_file: TokenFile = None,
        config: Config = None,
        data: Data = None,
        database_url: DatabaseUrl = None,
        as_json: JsonHere = False,
    ) -> None:
        """Make a token. It is shown once, and only its hash is kept."""
        where = _where(server, config, data, database_url)
        if where is None:
            body = {"name": name, "scope": scope, **({"person": person} if person else {})}
            made = connect(server, token_file).post("/tokens", body)
        else:
            made = _on_database(services, where, lambda access: _create(access, name, scope, person))
        if as_json:
            write_json(made)
            return
        secret = text_of(made, "token", "secret")
        facts(
            (
                ("Token", secret),
                ("Id", text_of(made, "id")),
                ("Name", name),
                ("Scope", scope),
                ("Person", person),
            )
        )
        write("It is not shown again. Put it into TOCSIN_TOKEN, or a file for --token-file.")


def _add_list(tokens: typer.Typer, services: CliServices) -> None:
    @tokens.command("list")
    def list_tokens(
        server: Server = None,
        token_file: TokenFile = None,
        config: Config = None,
        data: Data = None,
        database_url: DatabaseUrl = None,
        as_json: JsonHere = False,
    ) -> None:
        """List the tokens, the newest first, without their secrets."""
        where = _where(server, config, data, database_url)
        found: Any = (
            connect(server, token_file).get("/tokens")
            if where is None
            else _on_database(services, where, _list)
        )
        if as_json:
            write_json(found)
            return
        rows = rows_of(found, "tokens")
        if not rows:
            write("There are no tokens.")
            return
        table(
            ("ID", "NAME", "SCOPE", "PERSON", "CREATED", "LAST USED", "REVOKED"),
            [
                (
                    *(text_of(each, key) for key in ("id", "name", "scope", "person")),
                    *(local_time(each.get(key)) for key in ("created_at", "last_used_at", "revoked_at")),
                )
                for each in rows
            ],
            ["dim" if each.get("revoked_at") else "" for each in rows],
        )


def _add_revoke(tokens: typer.Typer, services: CliServices) -> None:
    @tokens.command()
    def revoke(
        token: Annotated[
            str, typer.Argument(metavar="ID", help="The token's id; `tocsin token list` shows it.")
        ],
        server: Server = None,
        token_file: TokenFile = None,
        config: Config = None,
        data: Data = None,
        database_url: DatabaseUrl = None,
    ) -> None:
        """Revoke a token: from now on it opens nothing."""
        where = _where(server, config, data, database_url)
        if where is None:
            connect(server, token_file).delete(f"/tokens/{quote(token, safe='')}")
        else:
            _on_database(services, where, lambda access: _revoke(access, token))
        write(f"Token {token} is revoked.")


def _where(
    server: str | None, config: Path | None, data: Path | None, url: str | None
) -> StoreOptions | None:
    """Which database is meant; None where a running server is."""
    local = config or data or url
    if server and local:
        raise usage(_NOT_BOTH, "Leave one of them out.")
    if server or (os.environ.get("TOCSIN_URL") and not local):
        return None
    return StoreOptions(config=config, data=data, database_url=url)


def _on_database(services: CliServices, where: StoreOptions, work: "Callable[[Access], Awaitable[T]]") -> T:
    from tocsin.engine.access import Access, AccessError

    try:
        return on_database(
            services, where, lambda store: work(Access(store, services.clock(), services.randomness()))
        )
    except AccessError as error:
        raise CliError(error.message) from error


async def _create(access: "Access", name: str, scope: Scope, person: str) -> dict[str, object]:
    from tocsin.base.ids import PersonId

    secret = await access.create_token(name, scope, PersonId(person) if person else None, _here())
    made = next((token for token in await access.tokens() if token.id in secret), None)
    return {"token": secret, **(_shown(made) if made else {})}


async def _list(access: "Access") -> dict[str, object]:
    return {"tokens": [_shown(token) for token in await access.tokens()]}


async def _revoke(access: "Access", token: str) -> None:
    if not await access.revoke_token(token, _here()):
        raise CliError(f"There is no token {token!r}.", "`tocsin token list` shows their ids.")


def _here() -> "Actor":
    """Whoever may write the database needs no account; the audit log says that it was done there."""
    from tocsin.incident.events import Actor, ActorKind

    return Actor(ActorKind.SYSTEM, "command-line", "the command line on the server")


def _shown(token: "Token") -> dict[str, object]:
    """A token without its secret's hash, in JSON's own values."""
    import msgspec

    fields: dict[str, object] = msgspec.to_builtins(token)
    return {name: value for name, value in fields.items() if name != "secret_hash"}
