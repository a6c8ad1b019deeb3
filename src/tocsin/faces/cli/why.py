"""The commands `why`, which tells what was decided about an alert, and `report`, for plain words."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from tocsin.faces.cli.errors import REFUSED, CliError
from tocsin.faces.cli.options import Json, Server, TokenFile, connect
from tocsin.faces.cli.paper import facts, local_time, object_of, rows_of, table, text_of, write, write_json

PANEL = "Look"


def why(
    alert: Annotated[
        list[str],
        typer.Argument(
            metavar="ALERT", help="Its fingerprint, or how that begins; its name; or words of it."
        ),
    ],
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Tell everything that was decided about an alert, in order, and why."""
    remote, meant = connect(server, token_file), " ".join(alert)
    found = rows_of(remote.get("/alerts/find", {"text": meant}), "alerts")
    if not found:
        raise CliError(
            f"No alert that was taken in fits {meant!r}.", "`tocsin alerts` lists them.", exit_code=REFUSED
        )
    if len(found) > 1:
        write(f"{len(found)} alerts fit; ask again with the fingerprint of one.")
        table(
            ("FINGERPRINT", "ALERT", "STATUS", "INCIDENT", "LABELS"),
            [_row(object_of(each, "alert"), text_of(each, "incident")) for each in found],
        )
        raise typer.Exit(REFUSED)
    fingerprint = text_of(object_of(found[0], "alert"), "fingerprint")
    answer = remote.get(f"/alerts/{quote(fingerprint, safe='')}/why")
    if as_json:
        write_json(answer)
        return
    _show(answer)


def _row(alert: dict[str, Any], incident: str) -> tuple[str, ...]:
    labels = {name: text for name, text in object_of(alert, "labels").items() if name != "alertname"}
    listed = ", ".join(f"{name}={text}" for name, text in sorted(labels.items()))
    fingerprint, status = text_of(alert, "fingerprint"), text_of(alert, "status")
    return (fingerprint, _name(alert), status, incident or "-", listed)


def _name(alert: dict[str, Any]) -> str:
    return text_of(object_of(alert, "labels"), "alertname", "name", "service") or "Unnamed alert"


def _show(answer: Any) -> None:
    record = object_of(answer, "record")
    alert = object_of(record, "alert")
    firing = text_of(alert, "status") == "firing"
    write(f"{_name(alert)}  {text_of(alert, 'status')}", "bold red" if firing else "bold")
    facts(
        (
            ("Fingerprint", text_of(alert, "fingerprint")),
            ("Labels", _row(alert, "")[-1]),
            ("Source", text_of(alert, "source")),
            ("Incident", text_of(record, "incident") or "none"),
            ("Last decision", text_of(record, "because")),
        )
    )
    write()
    table(
        ("", "", ""),
        [
            (local_time(line.get("at"), seconds=True), text_of(line, "about"), text_of(line, "text"))
            for line in rows_of(answer, "lines")
        ],
    )


def report(
    what: Annotated[str, typer.Argument(metavar="TEXT", help="What happened, in your own words.")],
    where: Annotated[str, typer.Option("--where", help="Where, or what you were doing.")] = "",
    since: Annotated[str, typer.Option("--since", help="Since when.")] = "",
    how_bad: Annotated[
        str, typer.Option("--how-bad", help="everything, much, some, little or data; it only suggests.")
    ] = "",
    contact: Annotated[str, typer.Option("--contact", help="How to reach you.")] = "",
    weakness: Annotated[
        bool, typer.Option("--weakness", help="Nothing has happened yet: nobody is paged.")
    ] = False,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Report a problem, or a weakness, in plain words."""
    fields = {"what": what, "where": where, "since": since, "how_bad": how_bad, "contact": contact}
    body: dict[str, Any] = {name: text for name, text in fields.items() if text}
    answer = connect(server, token_file).post("/reports", {**body, "weakness": weakness})
    if as_json:
        write_json(answer)
        return
    made = object_of(answer, "report")
    incident = text_of(made, "incident")
    became = " It is noted as a weakness." if weakness else f" It opened {incident}." if incident else ""
    write(f"The report was received as {text_of(made, 'id')}.{became}")
    write(f"How it goes on: {text_of(answer, 'status_url')}")


def register(app: typer.Typer) -> None:
    """Hang these commands into the command tree."""
    app.command(rich_help_panel=PANEL)(why)
    app.command(rich_help_panel="Work on an incident")(report)
