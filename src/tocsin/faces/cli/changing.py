"""The commands that change an incident: each sends one verb and says what the server answered."""

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tocsin.faces.cli.errors import CliError, usage
from tocsin.faces.cli.options import (
    IncidentArgument,
    Json,
    Server,
    TokenFile,
    connect,
    incident_name,
    incident_path,
    pairs,
)
from tocsin.faces.cli.paper import object_of, rows_of, text_of, write, write_json
from tocsin.faces.cli.questions import list_questions

PANEL = "Work on an incident"

As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="PERSON",
        envvar="TOCSIN_PERSON",
        help="In whose name, by the roster's id; default: the person of the token.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the timeline.")]
OptionalReason = Annotated[str, typer.Option("--reason", help="Why; it stands in the timeline.")]


def ask(
    server: str | None,
    token_file: Path | None,
    incident: str,
    verb: str,
    body: dict[str, Any],
    as_json: bool,
) -> None:
    """Send a verb and print the answer: its sentence, else the state in which the incident is now."""
    answer = connect(server, token_file).post(f"{incident_path(incident)}/{verb}", body)
    say(answer, as_json)


def say(answer: Any, as_json: bool) -> None:
    """Print what the server answered to a command."""
    if as_json:
        write_json(answer)
        return
    incident = object_of(answer, "incident") or object_of(answer)
    name, state, level = (text_of(incident, key) for key in ("id", "state", "level"))
    where = ", ".join(part for part in (level, state) if part)
    head = f"{name} ({where}): " if name and where else f"{name}: " if name else ""
    write(head + (text_of(answer, "said") or "Done."))


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def declare(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is wrong, in one line.")],
    level: Annotated[
        str, typer.Option("--level", help="Severity; judged from the words where left out.")
    ] = "",
    category: Annotated[
        list[str] | None, typer.Option("--category", help="A category; may be repeated.")
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What is known so far.")] = "",
    playbook: Annotated[
        str,
        typer.Option(
            "--playbook", metavar="NAME", help="The playbook to follow, by its file's name or its title."
        ),
    ] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Open an incident by hand."""
    body = _given(title=title, level=level, description=description, playbook=playbook)
    if category:
        body["categories"] = category
    say(connect(server, token_file).post("/incidents", body), as_json)


def ack(
    incident: IncidentArgument,
    person: As = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Acknowledge: take the incident on, which ends the paging."""
    ask(server, token_file, incident, "acknowledge", _given(person=person, via="cli"), as_json)


def note(
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write into the timeline.")],
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Write a note into the timeline."""
    ask(server, token_file, incident, "note", {"text": text}, as_json)


def severity(
    incident: IncidentArgument,
    level: Annotated[str, typer.Argument(metavar="LEVEL", help="The new level, as the playbook calls it.")],
    reason: Reason,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Change the severity by your own judgement."""
    ask(server, token_file, incident, "severity", {"level": level, "reason": reason}, as_json)


def assign(
    incident: IncidentArgument,
    to: Annotated[str, typer.Argument(metavar="PERSON|me", help="Whom to offer command; `me` takes it.")],
    person: As = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Hand over command, or take it yourself."""
    if to.casefold() == "me":
        ask(server, token_file, incident, "take-command", _given(person=person), as_json)
    else:
        ask(server, token_file, incident, "offer-command", {"to": to}, as_json)


def escalate(
    incident: IncidentArgument,
    to: Annotated[str, typer.Argument(metavar="ROLE|PERSON", help="Whom to page.")],
    reason: Reason,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Page a role or a person by hand."""
    ask(server, token_file, incident, "escalate", {"to": to, "reason": reason}, as_json)


def message(
    incident: IncidentArgument,
    kind: Annotated[
        Literal["initial", "update", "resolution"], typer.Argument(help="Which of the messages.")
    ],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of the template; may be repeated."),
    ] = None,
    text: Annotated[str, typer.Option("--text", help="The whole text, in place of the template.")] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show the draft, and which fields are missing.")
    ] = False,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Send a status message from the playbook's template."""
    if not preview:
        body = _given(kind=kind, values=pairs(values or [], "--set"), text=text)
        ask(server, token_file, incident, "message", body, as_json)
        return
    if values or text:
        raise usage("--preview shows the draft as it is.", "Leave --set and --text out.")
    document = connect(server, token_file).get(incident_path(incident))
    _preview(object_of(object_of(document, "drafts"), kind), kind, as_json)


def _preview(draft: dict[str, Any], kind: str, as_json: bool) -> None:
    if not draft:
        raise CliError(
            f"The playbook has no {kind} message for this level.", "Give the whole text with --text."
        )
    if as_json:
        write_json(draft)
        return
    write(text_of(draft, "text"))
    if missing := draft.get("missing"):
        write("\nStill to be given:")
        for field in missing:
            write(f"  --set {shlex.quote(f'{field}=…')}")


def triage(
    incident: IncidentArgument,
    rule: Annotated[
        str | None,
        typer.Argument(metavar="RULE", help="The question: its number or its id; without, all are listed."),
    ] = None,
    answer: Annotated[Literal["yes", "no", "unknown"] | None, typer.Argument(help="The answer.")] = None,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Answer a question of the severity checklist, or list them with what is suggested and why."""
    if rule is not None and answer is None:
        raise usage("The answer is missing.", f"Write: tocsin triage {incident} {rule} yes|no|unknown.")
    if rule is not None and not rule.isdecimal():
        ask(server, token_file, incident, "triage", {"rule": rule, "answer": answer}, as_json)
        return
    document = object_of(connect(server, token_file).get(incident_path(incident)))
    questions = rows_of(document, "questions")
    if rule is None:
        list_questions(document, questions, as_json)
        return
    if not 1 <= int(rule) <= len(questions):
        raise usage(f"There is no question {rule}.", f"The checklist has {len(questions)} of them.")
    chosen = text_of(questions[int(rule) - 1], "id")
    ask(server, token_file, incident, "triage", {"rule": chosen, "answer": answer}, as_json)


def checkoff(
    incident: IncidentArgument,
    item: Annotated[
        str, typer.Argument(metavar="ITEM", help="The item's id; `tocsin incident ID` lists them.")
    ],
    undo: Annotated[bool, typer.Option("--undo", help="Take the tick back.")] = False,
    remark: Annotated[str, typer.Option("--note", help="A remark; it stands in the timeline.")] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Tick off an item of a phase's checklist."""
    body = {"item": item, "done": not undo, **_given(note=remark)}
    ask(server, token_file, incident, "check", body, as_json)


def category(
    incident: IncidentArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The category, as the playbook calls it.")],
    reason: OptionalReason = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say of what category the incident is; whoever the playbook wants for that is paged."""
    ask(server, token_file, incident, "category", _given(category=name, reason=reason), as_json)


def mitigated(
    incident: IncidentArgument,
    summary: Annotated[str, typer.Option("--summary", help="What ended the impact.")] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say that the impact has ended."""
    ask(server, token_file, incident, "mitigate", _given(summary=summary), as_json)


def resolve(
    incident: IncidentArgument,
    root_cause: Annotated[str, typer.Option("--root-cause", help="What the cause was.")],
    fix: Annotated[str, typer.Option("--fix", help="What mended it.")],
    verification: Annotated[str, typer.Option("--verification", help="How that was verified.")] = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Resolve: it is over."""
    body = _given(verification=verification) | {"root_cause": root_cause, "fix": fix}
    ask(server, token_file, incident, "resolve", body, as_json)


def reopen(
    incident: IncidentArgument,
    reason: Reason,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Reopen: it was not over, and the clocks start again."""
    ask(server, token_file, incident, "reopen", {"reason": reason}, as_json)


def close(
    incident: IncidentArgument,
    reason: OptionalReason = "",
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Close: nothing is left to do."""
    ask(server, token_file, incident, "close", _given(reason=reason), as_json)


def dismiss(
    incident: IncidentArgument,
    reason: Reason,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Dismiss as a false alarm."""
    ask(server, token_file, incident, "dismiss", {"reason": reason}, as_json)


def merge(
    incident: IncidentArgument,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The incident that takes over its alerts.")],
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Merge an incident into another one."""
    target = incident_name(into)
    if target == incident_name(incident):
        raise usage(f"{target} cannot be merged into itself.", "Name another incident as INTO.")
    ask(server, token_file, incident, "merge", {"into": target}, as_json)


def repin(
    incident: IncidentArgument,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Let an open incident follow the playbook as it is now."""
    ask(server, token_file, incident, "repin", {}, as_json)


def register(app: typer.Typer) -> None:
    """Hang these commands into the command tree."""
    commands = (
        declare, ack, note, severity, assign, escalate, message, triage, checkoff, category,
        mitigated, resolve, reopen, close, dismiss, merge, repin,
    )  # fmt: skip
    for command in commands:
        app.command(rich_help_panel=PANEL)(command)
