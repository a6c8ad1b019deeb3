"""The commands that look: incidents, timelines, post-mortems, who is on call, alerts."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import sleep as pause
from typing import Annotated, Any

import typer

from tocsin.faces.cli.changing import ask
from tocsin.faces.cli.errors import usage
from tocsin.faces.cli.options import (
    IncidentArgument,
    Json,
    Server,
    TokenFile,
    connect,
    incident_name,
    incident_path,
    instant,
    read_document,
)
from tocsin.faces.cli.paper import (
    STYLES,
    clean,
    facts,
    local_time,
    object_of,
    one_line,
    rows_of,
    table,
    text_of,
    write,
    write_json,
    write_json_line,
)
from tocsin.faces.cli.questions import show_questions

PANEL = "Look"

_TRY_AGAIN_SECONDS = 2.0
_STATE_STYLES = {"open": "bold red", "acknowledged": "yellow", "mitigating": "yellow", "mitigated": "cyan"}
_ENDED = ("closed", "merged", "dismissed")


def incidents(
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only in this state; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 100,
    before: Annotated[
        str, typer.Option("--before", metavar="ID", help="Only those that are older than this one.")
    ] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List the incidents that have not ended, the newest first."""
    asked = {"state": state or None, "all": "true" if everything else None, "limit": limit}
    if before:
        asked["before"] = incident_name(before).partition("-")[2]
    answer = connect(server, token_file).get("/incidents", asked)
    if as_json:
        write_json(answer)
        return
    rows = rows_of(answer, "incidents")
    if not rows:
        write("No incidents." if everything or state else "No incident is open.")
        return
    table(
        ("ID", "LEVEL", "STATE", "SINCE", "COMMANDER", "TITLE"),
        [
            (
                text_of(each, "id"),
                text_of(each, "level"),
                text_of(each, "state"),
                local_time(each.get("opened_at")),
                _person(each, "commander"),
                ("[drill] " if each.get("drill") else "") + text_of(each, "title"),
            )
            for each in rows
        ],
        [_STATE_STYLES.get(text_of(each, "state"), "") for each in rows],
    )
    if more := text_of(answer, "before"):
        write(f"There may be more: add --before INC-{more}.")


def _person(document: Mapping[str, Any], name: str) -> str:
    """A person is an id, an object with a name, or an id with the name beside it."""
    value = document.get(name)
    return text_of(document, f"{name}_name") or text_of(value, "name", "id") or (str(value) if value else "")


def incident(
    incident: IncidentArgument, server: Server = None, token_file: TokenFile = None, as_json: Json = False
) -> None:
    """Show one incident: where it stands, what comes next, what can be asked of it."""
    answer = object_of(connect(server, token_file).get(incident_path(incident)))
    if as_json:
        write_json(answer)
        return
    core = object_of(answer, "incident") or object_of(answer)
    drill = " (drill)" if core.get("drill") else ""
    heading = f"{text_of(core, 'id')}  {text_of(core, 'level')}  {text_of(core, 'state')}{drill}"
    write(f"{heading}  {one_line(text_of(core, 'title'))}", _STATE_STYLES.get(text_of(core, "state"), "bold"))
    facts(_facts(core, answer))
    _alerts(rows_of(core, "alerts"))
    _next(rows_of(answer, "deadlines"))
    _checklists(answer, core)
    if choices := rows_of(answer, "choices"):
        write("\nPossible now: " + ", ".join(text_of(each, "label", "verb") for each in choices))


def _facts(core: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    evidence = object_of(core, "evidence")
    why = ": ".join(part for part in (text_of(evidence, "rule"), text_of(evidence, "detail")) if part)
    told = text_of(answer, "level_because")
    yield "Severity", text_of(core, "level") + (f". {told}" if told else f", by {why}" if why else "")
    earlier = answer.get("playbook_is_current") is False
    yield "Playbook", text_of(answer, "playbook_title") + (" (an earlier version of it)" if earlier else "")
    yield "Opened", local_time(core.get("opened_at"))
    by = _person(answer, "acknowledged_by") or _person(core, "acknowledged_by")
    yield "Acknowledged", f"{local_time(core.get('acknowledged_at'))}{f' by {by}' if by else ''}"
    yield "Commander", _person(answer, "commander") or _person(core, "commander")
    categories: Any = core.get("categories") or ()
    yield "Categories", ", ".join(str(each) for each in categories)
    yield "Mitigated", local_time(core.get("mitigated_at"))
    yield "Resolved", local_time(core.get("resolved_at"))
    yield "Root cause", text_of(core, "root_cause")
    yield "Fix", text_of(core, "fix")
    yield "Verification", text_of(core, "verification")
    yield "Post-mortem due", local_time(core.get("postmortem_due_at"))
    yield "Post-mortem", local_time(core.get("postmortem_at"))
    yield "Merged into", text_of(core, "merged_into")
    yield "Ended", f"{local_time(core.get('ended_at'))} {text_of(core, 'end_reason')}".strip()
    yield "Description", text_of(core, "description")


def _alerts(alerts: list[dict[str, Any]]) -> None:
    if alerts:
        write("\nAlerts:")
        table(("", "", ""), [(f"  {_alert_name(each)}", _firing(each), _summary(each)) for each in alerts])


def _alert_name(alert: Mapping[str, Any]) -> str:
    labels = object_of(alert, "labels")
    return text_of(labels, "alertname", "name", "service") or "Unnamed alert"


def _summary(alert: Mapping[str, Any]) -> str:
    annotations = object_of(alert, "annotations")
    summary = text_of(annotations, "summary", "title", "message", "description")
    return "" if summary == _alert_name(alert) else summary


def _firing(alert: Mapping[str, Any]) -> str:
    ended = local_time(alert.get("ends_at"))
    return f"ended {ended}" if ended else text_of(alert, "status") or "firing"


def _next(deadlines: list[dict[str, Any]]) -> None:
    if deadlines:
        write("\nNext:")
        table(("", ""), [(f"  {local_time(each.get('at'))}", text_of(each, "text")) for each in deadlines])


def _checklists(answer: Mapping[str, Any], core: Mapping[str, Any]) -> None:
    """The questions and items with the ids by which other commands name them."""
    if questions := rows_of(answer, "questions"):
        write("\nSeverity checklist (tocsin triage ID NUMBER yes|no|unknown):")
        show_questions(questions)
    checked: Any = core.get("checked") or ()
    items = [
        ("  [x]" if each.get("id") in checked else "  [ ]", text_of(each, "id"), text_of(each, "title"))
        for phase in rows_of(answer, "phases")
        for each in rows_of(phase, "checklist")
    ]
    if items:
        write("\nChecklist (tocsin checkoff ID ITEM):")
        table(("", "", ""), items)


def timeline(
    incident: IncidentArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Stay, and show what happens as it does.")
    ] = False,
    after: Annotated[int, typer.Option("--after", min=0, help="Only what came after this number.")] = 0,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show what happened, in order. With --follow and --json: one line of JSON for each entry."""
    path = f"{incident_path(incident)}/timeline"
    remote = connect(server, token_file)
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(remote, path, after, as_json)
        return
    answer = remote.get(path, {"after": after or None})
    if as_json:
        write_json(answer)
        return
    lines = rows_of(answer, "lines")
    table(
        ("", "", ""),
        [
            (local_time(each.get("at"), seconds=True), text_of(each, "who"), text_of(each, "text"))
            for each in lines
        ],
        [STYLES.get(text_of(each, "weight"), "") for each in lines],
    )


def _follow(remote: Any, path: str, after: int, as_json: bool) -> None:
    from tocsin.faces.cli.remote import LostError

    seen, warned, reached = after, False, False
    while True:
        try:
            for line in remote.follow(path, seen):
                reached, warned = True, False
                number: Any = line.get("seq")
                if isinstance(number, int):
                    if number <= seen:
                        continue
                    seen = number
                _show_line(line, as_json)
        except LostError as error:
            if not reached:
                raise remote.unreachable(error) from error
            if not warned:
                typer.echo("The server went away; waiting for it.", err=True)
            warned = True
            pause(_TRY_AGAIN_SECONDS)


def _show_line(line: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        write_json_line(line)
        return
    if "text" not in line:
        return
    words = (local_time(line.get("at"), seconds=True), text_of(line, "who"), one_line(text_of(line, "text")))
    write("  ".join(word for word in words if word), STYLES.get(text_of(line, "weight"), ""))


def postmortem(
    incident: IncidentArgument,
    publish: Annotated[bool, typer.Option("--publish", help="Publish it, in place of printing it.")] = False,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="The text to publish (- reads it); default: the draft."),
    ] = None,
    link: Annotated[str, typer.Option("--link", help="Where the document is, if elsewhere.")] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Print the post-mortem in the playbook's own template, or publish it."""
    if (file or link) and not publish:
        raise usage("--file and --link are for publishing.", "Add --publish.")
    if publish:
        body = {"text": read_document(file) if file else "", "link": link}
        if file and not body["text"].strip():
            raise usage(
                f"{file} is empty.", "Write the post-mortem into it, or leave --file out for the draft."
            )
        ask(server, token_file, incident, "postmortem", body, as_json)
        return
    text = connect(server, token_file).get_text(f"{incident_path(incident)}/postmortem", "text/markdown")
    if as_json:
        write_json({"incident": incident_name(incident), "postmortem": text})
    else:
        typer.echo(clean(text).rstrip("\n"))


def oncall(
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="At another time, such as 2026-12-25T03:00Z.")
    ] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show who is on call for each role, and until when."""
    when = instant(at, "--at").isoformat() if at else None
    answer: Any = connect(server, token_file).get("/oncall", {"at": when})
    if as_json:
        write_json(answer)
        return
    rows = rows_of(answer, "roles")
    if not rows:
        write("The playbook and the roster name no role.")
        return
    write(f"On call at {local_time(text_of(answer, 'at') or when)}:")
    table(
        ("ROLE", "WHO", "UNTIL", ""),
        [
            (
                text_of(each, "role"),
                ", ".join(text_of(person, "name", "id") for person in rows_of(each, "people")) or "nobody",
                local_time(each.get("until")),
                text_of(each, "because"),
            )
            for each in rows
        ],
        ["" if rows_of(each, "people") else "bold red" for each in rows],
    )


def alerts(server: Server = None, token_file: TokenFile = None, as_json: Json = False) -> None:
    """List the alerts that were taken in, the last seen first, and what became of each."""
    answer = connect(server, token_file).get("/alerts")
    if as_json:
        write_json(answer)
        return
    rows = rows_of(answer, "alerts")
    if not rows:
        write("No alert was taken in yet.")
        return
    inner = [object_of(each, "alert") or each for each in rows]
    table(
        ("LAST SEEN", "ALERT", "STATUS", "INCIDENT", "TIMES", "BECAUSE"),
        [
            (
                local_time(each.get("last_seen_at")),
                _alert_name(alert),
                text_of(alert, "status"),
                text_of(each, "incident") or "-",
                text_of(each, "times"),
                text_of(each, "because"),
            )
            for each, alert in zip(rows, inner, strict=True)
        ],
        ["bold red" if text_of(alert, "status") == "firing" else "" for alert in inner],
    )


def register(app: typer.Typer) -> None:
    """Hang these commands into the command tree."""
    for command in (incidents, incident, timeline, postmortem, oncall, alerts):
        app.command(rich_help_panel=PANEL)(command)
