"""`tocsin silence`: keep alerts from opening incidents and paging people, for a while and with a reason."""

import re
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tocsin.faces.cli.changing import PANEL
from tocsin.faces.cli.errors import usage
from tocsin.faces.cli.options import Json, Server, TokenFile, connect, duration, instant
from tocsin.faces.cli.paper import local_time, object_of, rows_of, table, text_of, write, write_json

Matchers = Annotated[
    list[str],
    typer.Argument(metavar="MATCHER...", help='Which alerts: alertname=DiskFull, or team=~"web|shop".'),
]
_WORD = re.compile(r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<operator>=~|!~|!=|=)(?P<value>.*)", re.DOTALL)
_STYLES = {"pending": "yellow", "expired": "dim"}


def register(app: typer.Typer) -> None:
    """Hang these commands into the command tree."""
    silences = typer.Typer(no_args_is_help=True, help="Silences: alerts that page nobody for a while.")
    silences.command("add")(add)
    silences.command("list")(list_silences)
    silences.command("expire")(expire)
    silences.command("windows")(list_windows)
    app.add_typer(silences, name="silence", rich_help_panel=PANEL)


def add(
    matchers: Matchers,
    reason: Annotated[str, typer.Option("--reason", help="Why; others read it.")],
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="For how long: 90m, 2h, 3d.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Or until when.")] = "",
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="From when on; default: now.")] = "",
    replaces: Annotated[str, typer.Option("--change", metavar="ID", help="The silence to change.")] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Silence the alerts that match all of these; they open nothing and page nobody."""
    if bool(lasts) == bool(until):
        raise usage("Say for how long, or until when.", "Give --for 2h, or --until 2026-12-25T03:00+01:00.")
    body: dict[str, Any] = {"matchers": ", ".join(_matcher(each) for each in matchers), "comment": reason}
    if lasts:
        duration(lasts, "--for")
        body["lasts"] = lasts
    if until:
        body["ends_at"] = instant(until, "--until").isoformat()
    if start:
        body["starts_at"] = instant(start, "--from").isoformat()
    if replaces:
        body["replaces"] = replaces
    made = connect(server, token_file).post("/silences", body)
    if as_json:
        write_json(made)
        return
    write(f"{text_of(made, 'id')}: {text_of(made, 'text')} {_times(object_of(made))}.")


def list_silences(
    matchers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MATCHER]...", help="Only those that name such labels: alertname=DiskFull."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that ended not long ago.")] = False,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List the silences that are in force or to come."""
    asked = {
        "filter": [_matcher(each) for each in matchers or ()] or None,
        "all": "true" if everything else None,
    }
    answer = connect(server, token_file).get("/silences", asked)
    if as_json:
        write_json(answer)
        return
    rows = rows_of(answer, "silences")
    if not rows:
        write("There are no silences.")
        return
    table(
        ("ID", "STATE", "FROM", "UNTIL", "BY", "MATCHERS", "REASON"),
        [
            (
                text_of(each, "id"),
                text_of(each, "state"),
                local_time(each.get("starts_at")),
                local_time(each.get("ends_at")),
                text_of(each, "created_by"),
                text_of(each, "text"),
                text_of(each, "comment"),
            )
            for each in rows
        ],
        [_STYLES.get(text_of(each, "state"), "") for each in rows],
    )


def expire(
    silences: Annotated[list[str], typer.Argument(metavar="ID...", help="The silences, by their ids.")],
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """End silences now."""
    remote = connect(server, token_file)
    ended = [remote.delete(f"/silences/{quote(each, safe='')}") for each in silences]
    if as_json:
        write_json(ended)
        return
    for each in ended:
        write(f"{text_of(each, 'id')}: {text_of(each, 'text')} ended {local_time(each.get('ends_at'))}.")


def list_windows(server: Server = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """List the maintenance windows of the playbooks: which hold now, and when each does next."""
    answer = connect(server, token_file).get("/maintenance")
    if as_json:
        write_json(answer)
        return
    rows = rows_of(answer, "windows")
    if not rows:
        write("The playbooks have no maintenance windows.")
        return
    table(
        ("WINDOW", "STATE", "FROM", "UNTIL", "MATCHERS", "BEGINS"),
        [
            (
                text_of(each, "name"),
                "holds now" if each.get("holds") else "to come" if each.get("starts_at") else "over",
                local_time(each.get("starts_at")),
                local_time(each.get("ends_at")),
                text_of(each, "matchers"),
                f"{text_of(each, 'start')} ({text_of(each, 'zone')})",
            )
            for each in rows
        ],
        ["" if each.get("holds") else "dim" for each in rows],
    )


def _matcher(word: str) -> str:
    """A matcher as the server reads it: the shell has taken the quotes away, and a word alone is a name of
    alerts, as with amtool."""
    found = _WORD.fullmatch(word)
    if found and not found["value"].lstrip().startswith('"'):
        return f"{found['name']}{found['operator']}{_quoted(found['value'].strip())}"
    return word if any(sign in word for sign in '="{~') else f"alertname={_quoted(word)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _times(silence: dict[str, Any]) -> str:
    until = f"is silenced until {local_time(silence.get('ends_at'))}"
    if text_of(silence, "state") == "pending":
        return f"{until}, from {local_time(silence.get('starts_at'))} on"
    return until
