"""The commands as the faces name them: verb, fields, and the least role that may ask for it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tocsin.base.problems import Problem, ProblemsError
from tocsin.engine.views import Principal
from tocsin.incident import commands as c

RANKS = ("viewer", "responder", "commander", "admin")
"""Roles from the least to the most; each may do what those before it may."""


class Verb(msgspec.Struct, frozen=True):
    """One verb: `POST /api/v1/incidents/{id}/{name}`, a button in the room, a command of the CLI."""

    name: str
    command: type[c.Command]
    role: str
    label: str


VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("acknowledge", c.Acknowledge, "responder", "Acknowledge"),
        Verb("take-command", c.TakeCommand, "responder", "Take command"),
        Verb("offer-command", c.OfferCommand, "responder", "Hand over command"),
        Verb("note", c.AddNote, "responder", "Add a note"),
        Verb("check", c.CheckItem, "responder", "Tick off"),
        Verb("triage", c.AnswerTriage, "responder", "Answer the checklist"),
        Verb("severity", c.SetSeverity, "responder", "Change severity"),
        Verb("category", c.AddCategory, "responder", "Mark as"),
        Verb("escalate", c.Escalate, "responder", "Escalate"),
        Verb("message", c.SendMessage, "responder", "Send a status message"),
        Verb("mitigate", c.Mitigate, "responder", "Mitigated"),
        Verb("resolve", c.Resolve, "responder", "Resolve"),
        Verb("reopen", c.Reopen, "responder", "Reopen"),
        Verb("postmortem", c.PublishPostmortem, "responder", "Publish the post-mortem"),
        Verb("close", c.Close, "commander", "Close"),
        Verb("dismiss", c.Dismiss, "responder", "Dismiss as a false alarm"),
        Verb("merge", c.Merge, "commander", "Merge into another incident"),
        Verb("repin", c.Repin, "commander", "Follow the current playbook"),
    )
}


def may(principal: Principal, role: str) -> bool:
    """Whether the principal's role is this one or a greater one. Tokens of sources may nothing of it."""
    return principal.role in RANKS and RANKS.index(principal.role) >= RANKS.index(role)


def build(verb: Verb, body: Mapping[str, Any], principal: Principal) -> c.Command:
    """Make the command that a verb and its JSON body ask for.

    Where the command needs a `person` and the body names none, the principal's own person is taken;
    naming somebody else takes the role of commander.

    Raises:
        ProblemsError: a field is missing, unknown or of the wrong kind.
    """
    fields = dict(body)
    known = {field.name: field for field in msgspec.structs.fields(verb.command)}
    problems = [
        Problem(
            code="unknown-field",
            field=name,
            message=f"`{verb.name}` knows no field {name!r}.",
            mend=f"Leave it out; the fields are: {', '.join(known) or 'none'}.",
        )
        for name in fields
        if name not in known
    ]
    if verb.command is c.Acknowledge:
        fields.setdefault("via", principal.via)
    if "person" in known:
        problems += _fill_person(fields, principal)
    problems += [
        Problem(
            code="missing-field",
            field=name,
            message=f"The field {name!r} is missing.",
            mend=f"Give {name!r}.",
        )
        for name, field in known.items()
        if field.required and name not in fields and name != "person"
    ]
    if problems:
        raise ProblemsError(problems)
    try:
        return msgspec.convert(fields, verb.command)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        field = where.strip("`").removeprefix("$.")
        raise ProblemsError(
            [
                Problem(
                    code="bad-field",
                    field=field,
                    message=f"{what}.",
                    mend="Send the kind of value that is named.",
                )
            ]
        ) from error


def _fill_person(fields: dict[str, Any], principal: Principal) -> list[Problem]:
    named = fields.get("person")
    if named is None:
        named = fields["person"] = principal.person
    if named is None:
        return [
            Problem(
                code="no-person",
                field="person",
                message="This account is not linked to anybody in the roster.",
                mend="Name the person, or link the account or token to one.",
            )
        ]
    if named != principal.person and not may(principal, "commander"):
        return [
            Problem(
                code="not-yourself",
                field="person",
                message=f"Only a commander may do this in the name of {named!r}.",
                mend="Leave `person` out to act as yourself, or ask a commander.",
            )
        ]
    return []
