"""Every command that changes an incident sends its verb and its fields, and says what the server answered."""

import json
from pathlib import Path
from typing import Any

import pytest

CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("ack 7", "acknowledge", {"via": "cli"}),
    ("ack INC-7 --as alice", "acknowledge", {"person": "alice", "via": "cli"}),
    ("note inc-7 checked", "note", {"text": "checked"}),
    ("severity 7 P2 --reason calmer", "severity", {"level": "P2", "reason": "calmer"}),
    ("assign 7 me", "take-command", {}),
    ("assign 7 me --as alice", "take-command", {"person": "alice"}),
    ("assign 7 bob", "offer-command", {"to": "bob"}),
    ("escalate 7 Legal --reason breach", "escalate", {"to": "Legal", "reason": "breach"}),
    ("message 7 update --set ETA=soon --set Cause==x", "message",
     {"kind": "update", "values": {"ETA": "soon", "Cause": "=x"}}),
    ("message 7 initial --text hello", "message", {"kind": "initial", "text": "hello"}),
    ("triage 7 is-it-down yes", "triage", {"rule": "is-it-down", "answer": "yes"}),
    ("checkoff 7 find-cause", "check", {"item": "find-cause", "done": True}),
    ("checkoff 7 find-cause --undo --note hm", "check", {"item": "find-cause", "done": False, "note": "hm"}),
    ("category 7 security --reason logs", "category", {"category": "security", "reason": "logs"}),
    ("mitigated 7 --summary rolled-back", "mitigate", {"summary": "rolled-back"}),
    ("resolve 7 --root-cause disk --fix bigger --verification graph", "resolve",
     {"root_cause": "disk", "fix": "bigger", "verification": "graph"}),
    ("reopen 7 --reason again", "reopen", {"reason": "again"}),
    ("close 7", "close", {}),
    ("dismiss 7 --reason test", "dismiss", {"reason": "test"}),
    ("merge 7 8", "merge", {"into": "INC-8"}),
    ("postmortem 7 --publish --link https://wiki.example/7", "postmortem",
     {"text": "", "link": "https://wiki.example/7"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "verb", "body"), CHANGES, ids=[line for line, _, _ in CHANGES])
def test_a_command_sends_its_verb(
    line: str, verb: str, body: dict[str, Any], stub: Any, terminal: Any
) -> None:
    answer = {"incident": {"id": "INC-7", "level": "P1", "state": "acknowledged"}, "said": "It is so."}
    stub.answer("POST", f"/incidents/INC-7/{verb}", answer)
    result = terminal(*line.split())
    assert result.exit_code == 0, result.output
    assert stub.last == ("POST", f"/incidents/INC-7/{verb}", body)
    assert result.stdout == "INC-7 (P1, acknowledged): It is so.\n"


CHECKLIST = {
    "level_because": "Level by default: nothing speaks of it.",
    "questions": [
        {"id": "is-it-down", "question": "Is it down?", "answer": ""},
        {
            "id": "a-breach",
            "question": "A breach?",
            "answer": "no",
            "suggested": "no",
            "because": "it says so",
        },
    ],
}


def test_the_questions_are_listed_and_answered_by_number(stub: Any, terminal: Any) -> None:
    stub.answer("GET", "/incidents/INC-7", CHECKLIST)
    said = terminal("triage", "7").stdout
    assert said.splitlines() == [
        "Level by default: nothing speaks of it.",
        "  1  is-it-down  -   Is it down?",
        "  2  a-breach    no  A breach?",
        "                       suggested no: it says so",
    ]
    assert json.loads(terminal("triage", "7", "--json").stdout) == CHECKLIST["questions"]
    stub.answer("POST", "/incidents/INC-7/triage", {"said": "Answered."})
    assert terminal("triage", "7", "2", "yes").stdout == "Answered.\n"
    assert stub.last == ("POST", "/incidents/INC-7/triage", {"rule": "a-breach", "answer": "yes"})
    beyond = terminal("triage", "7", "3", "yes")
    assert beyond.exit_code == 2
    assert "has 2 of them" in beyond.stderr
    missing = terminal("triage", "7", "2")
    assert missing.exit_code == 2
    assert "yes|no|unknown" in missing.stderr


def test_without_a_checklist_there_is_nothing_to_answer(stub: Any, terminal: Any) -> None:
    stub.answer("GET", "/incidents/INC-7", {"questions": []})
    assert terminal("triage", "7").stdout == "The playbook has no checklist for the severity.\n"


def test_every_verb_of_the_engine_has_a_command() -> None:
    from tocsin.engine.verbs import VERBS

    assert set(VERBS) == {verb for _, verb, _ in CHANGES} | {"repin"}


def test_the_bodies_are_what_the_engine_takes(stub: Any) -> None:
    from tocsin.engine.verbs import VERBS, build
    from tocsin.engine.views import Principal

    principal = Principal(name="alice", role="admin", person="alice", via="cli")  # type: ignore[arg-type]
    for _, verb, body in CHANGES:
        assert build(VERBS[verb], body, principal)


def test_declare_opens_an_incident(stub: Any, terminal: Any) -> None:
    stub.answer(
        "POST", "/incidents", {"incident": {"id": "INC-9", "level": "P2", "state": "open"}, "said": ""}
    )
    result = terminal(
        *("declare", "Checkout fails", "--level", "P2", "--category", "security"),
        *("--description", "since noon", "--playbook", "security.md"),
    )
    wanted = {
        "title": "Checkout fails",
        "level": "P2",
        "description": "since noon",
        "categories": ["security"],
        "playbook": "security.md",
    }
    assert stub.last == ("POST", "/incidents", wanted)
    assert result.stdout == "INC-9 (P2, open): Done.\n"


def test_the_environment_says_who_you_are(stub: Any, terminal: Any) -> None:
    stub.answer("POST", "/incidents/INC-7/acknowledge", {"said": "Yes."})
    terminal.env["TOCSIN_PERSON"] = "alice"
    terminal("ack", "7")
    assert stub.last[2] == {"person": "alice", "via": "cli"}


def test_json_is_the_servers_answer(stub: Any, terminal: Any) -> None:
    answer = {"incident": {"id": "INC-7"}, "said": "Noted."}
    stub.answer("POST", "/incidents/INC-7/note", answer)
    assert json.loads(terminal("note", "7", "hi", "--json").stdout) == answer


def test_a_postmortem_is_published_from_a_file_and_from_standard_input(
    stub: Any, terminal: Any, tmp_path: Path
) -> None:
    stub.answer("POST", "/incidents/INC-7/postmortem", {"said": "Published."})
    written = tmp_path / "pm.md"
    written.write_text("## What happened\n", encoding="utf-8")
    assert terminal("postmortem", "7", "--publish", "--file", str(written)).stdout == "Published.\n"
    assert stub.last[2] == {"text": "## What happened\n", "link": ""}
    terminal("postmortem", "7", "--publish", "--file", "-", input="from a pipe")
    assert stub.last[2] == {"text": "from a pipe", "link": ""}


def test_a_draft_is_shown_before_it_is_sent(stub: Any, terminal: Any) -> None:
    draft = {"text": "P1: [What]\nBy: Alice", "fields": {"What": ""}, "missing": ["What"]}
    stub.answer("GET", "/incidents/INC-7", {"incident": {"id": "INC-7"}, "drafts": {"initial": draft}})
    shown = terminal("message", "7", "initial", "--preview")
    assert shown.stdout == "P1: [What]\nBy: Alice\n\nStill to be given:\n  --set 'What=…'\n"
    assert json.loads(terminal("message", "7", "initial", "--preview", "--json").stdout) == draft
    none = terminal("message", "7", "update", "--preview")
    assert (none.exit_code, none.stderr.splitlines()[0]) == (
        1,
        "The playbook has no update message for this level.",
    )
    assert {method for method, *_ in stub.asked} == {"GET"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ack", "seven"), "'seven' names no incident."),
        (("merge", "7", "INC-7"), "INC-7 cannot be merged into itself."),
        (("message", "7", "update", "--set", "ETA"), "--set 'ETA' is no name and value."),
        (("postmortem", "7", "--file", "x.md"), "--file and --link are for publishing."),
        (("postmortem", "7", "--publish", "--file", "missing.md"), "missing.md cannot be read: No such file"),
    ],
)
def test_a_wrong_command_line_is_told_plainly(
    words: tuple[str, ...], said: str, stub: Any, terminal: Any
) -> None:
    result = terminal(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith(said)
    assert len(result.stderr.splitlines()) <= 2
    assert stub.asked == []
