"""Verbs and their bodies become commands, or problems that name the field and the mend."""

from typing import Any

import msgspec
import pytest

from tests.core.sample import ANNA, BEN
from tocsin.base.problems import ProblemsError
from tocsin.engine.verbs import RANKS, VERBS, build, may
from tocsin.engine.views import Principal
from tocsin.incident import commands as c
from tocsin.playbook.model import MessageKind

FULL: dict[str, tuple[dict[str, Any], c.Command]] = {
    "acknowledge": ({}, c.Acknowledge(person=ANNA, via="web")),
    "take-command": ({}, c.TakeCommand(person=ANNA)),
    "offer-command": ({"to": "ben"}, c.OfferCommand(to=BEN)),
    "note": ({"text": "a note"}, c.AddNote(text="a note")),
    "check": ({"item": "i", "done": False, "note": "n"}, c.CheckItem(item="i", done=False, note="n")),
    "triage": ({"rule": "r", "answer": "yes"}, c.AnswerTriage(rule="r", answer="yes")),
    "severity": ({"level": "P1", "reason": "r"}, c.SetSeverity(level="P1", reason="r")),  # type: ignore[arg-type]
    "category": ({"category": "security"}, c.AddCategory(category="security")),
    "escalate": ({"to": "CISO", "reason": "r"}, c.Escalate(to="CISO", reason="r")),
    "message": (
        {"kind": "update", "values": {"a": "b"}},
        c.SendMessage(kind=MessageKind.UPDATE, values={"a": "b"}),
    ),
    "mitigate": ({}, c.Mitigate()),
    "resolve": ({"root_cause": "a", "fix": "b"}, c.Resolve(root_cause="a", fix="b")),
    "reopen": ({"reason": "r"}, c.Reopen(reason="r")),
    "postmortem": ({"link": "l"}, c.PublishPostmortem(link="l")),
    "close": ({}, c.Close()),
    "dismiss": ({"reason": "r"}, c.Dismiss(reason="r")),
    "merge": ({"into": "INC-2"}, c.Merge(into="INC-2")),  # type: ignore[arg-type]
    "repin": ({"playbook": "ab"}, c.Repin(playbook="ab")),
}


def principal(role: str = "responder", person: str | None = "anna") -> Principal:
    return Principal(name="Anna", role=role, person=person, via="web")  # type: ignore[arg-type]


def refused(verb: str, body: dict[str, Any], who: Principal | None = None) -> list[tuple[str, str]]:
    with pytest.raises(ProblemsError) as problems:
        build(VERBS[verb], body, who or principal())
    assert all(each.mend for each in problems.value.problems)
    return [(each.code, each.field) for each in problems.value.problems]


def test_no_verb_is_left_out_here() -> None:
    assert set(FULL) == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_makes_its_command(verb: str) -> None:
    body, command = FULL[verb]
    assert build(VERBS[verb], body, principal()) == command
    assert VERBS[verb].role in RANKS
    assert VERBS[verb].label


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_missing_unknown_or_of_the_wrong_kind_is_told_at_once(verb: str) -> None:
    needed = [
        field.name
        for field in msgspec.structs.fields(VERBS[verb].command)
        if field.required and field.name != "person"
    ]
    told = refused(verb, {"colour": "red", "command": "Tick"})
    assert told == [
        ("unknown-field", "colour"),
        ("unknown-field", "command"),
        *(("missing-field", name) for name in needed),
    ]
    body, _ = FULL[verb]
    for name in body:
        assert refused(verb, {**body, name: ["wrong"]}) == [("bad-field", name)]


def test_a_null_is_no_value_but_for_the_person_who_asks() -> None:
    assert refused("note", {"text": None}) == [("bad-field", "text")]
    assert build(VERBS["acknowledge"], {"person": None}, principal()) == c.Acknowledge(person=ANNA, via="web")


def test_the_place_of_a_wrong_value_is_named() -> None:
    assert refused("message", {"kind": "update", "values": {"a": 1}}) == [("bad-field", "values[...]")]
    assert refused("message", {"kind": "song"}) == [("bad-field", "kind")]
    assert refused("triage", {"rule": "r", "answer": "maybe"}) == [("bad-field", "answer")]


def test_only_a_commander_acts_in_the_name_of_somebody_else() -> None:
    assert refused("acknowledge", {"person": "ben"}) == [("not-yourself", "person")]
    made = build(VERBS["acknowledge"], {"person": "ben"}, principal("commander"))
    assert made == c.Acknowledge(person=BEN, via="web")
    assert build(VERBS["acknowledge"], {"person": "anna"}, principal()) == c.Acknowledge(
        person=ANNA, via="web"
    )


def test_who_is_nobody_in_the_roster_has_to_name_somebody() -> None:
    assert refused("acknowledge", {}, principal(person=None)) == [("no-person", "person")]
    made = build(VERBS["take-command"], {"person": "ben"}, principal("admin", None))
    assert made == c.TakeCommand(person=BEN)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {"viewer"}),
        ("responder", {"viewer", "responder"}),
        ("commander", {"viewer", "responder", "commander"}),
        ("admin", {"viewer", "responder", "commander", "admin"}),
        ("source", set[str]()),
    ],
)
def test_roles_and_what_they_may(role: str, allowed: set[str]) -> None:
    assert {each for each in RANKS if may(principal(role), each)} == allowed
