"""The commands that look: what they ask, what they print, and that --json is the server's document."""

import json
from typing import Any

import pytest

READING = ("incidents", "incident 7", "timeline 7", "oncall", "alerts")

DUTY = {
    "at": "2026-12-25T02:00:00Z",
    "roles": [
        {
            "role": "On-Call Engineer",
            "people": [{"id": "alice", "name": "Alice"}, {"id": "bob", "name": "Bob"}],
            "because": "",
            "until": "2026-12-28T08:00:00Z",
        },
        {"role": "Legal", "people": [], "because": "nobody fills the role Legal", "until": None},
    ],
}

ALERTS = {
    "alerts": [
        {
            "alert": {"labels": {"alertname": "DatabaseDown"}, "status": "firing", "annotations": {}},
            "incident": "INC-7",
            "because": "it is the first alert of its group",
            "last_seen_at": "2026-12-25T02:00:00Z",
            "times": 3,
        }
    ]
}


@pytest.fixture
def full(stub: Any) -> Any:
    stub.answer("GET", "/oncall", DUTY)
    stub.answer("GET", "/alerts", ALERTS)
    return stub


@pytest.mark.parametrize("line", READING)
def test_json_of_a_reading_command_is_the_servers_document(line: str, full: Any, terminal: Any) -> None:
    result = terminal(*line.split(), "--json")
    path = full.last[1]
    assert json.loads(result.stdout) == full.answers["GET", f"/api/v1{path}"][2]


def test_incidents_are_listed_with_local_times(full: Any, terminal: Any) -> None:
    lines = terminal("incidents").stdout.splitlines()
    assert lines[0].split() == ["ID", "LEVEL", "STATE", "SINCE", "COMMANDER", "TITLE"]
    assert lines[1].startswith("INC-7  P1     open   Fri 25 Dec 2026, 03:00 CET")
    assert lines[1].endswith("Database is unreachable")


def test_no_incident_is_said_in_words(full: Any, terminal: Any) -> None:
    full.answer("GET", "/incidents", {"incidents": []})
    assert terminal("incidents").stdout == "No incident is open.\n"
    assert terminal("incidents", "--all").stdout == "No incidents.\n"


def test_states_are_handed_on(full: Any, terminal: Any) -> None:
    terminal("incidents", "--state", "open", "--state", "closed")
    assert full.query == {"state": ["open", "closed"], "limit": ["100"]}
    terminal("incidents", "--all", "--limit", "3", "--before", "INC-7")
    assert full.query == {"all": ["true"], "limit": ["3"], "before": ["7"]}


def test_that_there_may_be_more_is_said(full: Any, terminal: Any) -> None:
    full.answer("GET", "/incidents", {"incidents": [{"id": "INC-7"}], "before": 7})
    assert terminal("incidents").stdout.splitlines()[-1] == "There may be more: add --before INC-7."


def test_one_incident(full: Any, terminal: Any) -> None:
    full.answer(
        "GET",
        "/incidents/INC-7",
        {
            "incident": {
                "id": "INC-7",
                "title": "Database is unreachable",
                "state": "acknowledged",
                "level": "P1",
                "evidence": {"rule": "example", "detail": "DB unreachable"},
                "opened_at": "2026-12-25T02:00:00Z",
                "acknowledged_at": "2026-12-25T02:12:00Z",
                "acknowledged_by": "alice",
                "commander": "alice",
                "checked": ["find-cause"],
                "answers": {"is-it-down": "yes"},
                "alerts": [{"labels": {"alertname": "DatabaseDown"}, "status": "firing", "annotations": {}}],
            },
            "acknowledged_by": {"id": "alice", "name": "Alice"},
            "deadlines": [{"at": "2026-12-25T02:15:00Z", "text": "The next status message is due"}],
            "choices": [{"verb": "note", "label": "Add a note"}, {"verb": "resolve", "label": "Resolve"}],
            "playbook_title": "Security",
            "playbook_is_current": False,
            "level_because": "Level by the playbook's words: DB unreachable.",
            "questions": [
                {
                    "id": "is-it-down",
                    "question": "Is it down?",
                    "answer": "yes",
                    "suggested": "yes",
                    "because": "it says so",
                    "assumed": False,
                    "becomes": {"yes": "P1", "no": "P2"},
                },
                {
                    "id": "is-it-a-breach",
                    "question": "A breach?",
                    "answer": "",
                    "suggested": "yes",
                    "because": "the alert X says “leak”",
                    "assumed": True,
                    "becomes": {"yes": "P1", "no": "P2"},
                },
            ],
            "phases": [{"checklist": [{"id": "find-cause", "title": "Find the cause"}]}],
        },
    )
    said = terminal("incident", "7").stdout
    for words in (
        "INC-7  P1  acknowledged  Database is unreachable",
        "P1. Level by the playbook's words: DB unreachable.",
        "Security (an earlier version of it)",
        "suggested yes: it says so; that makes it P1",
        "2  is-it-a-breach  -    A breach?",
        "counts as yes until answered: the alert X says “leak”; no makes it P2",
        "Fri 25 Dec 2026, 03:12 CET by Alice",
        "DatabaseDown",
        "Fri 25 Dec 2026, 03:15 CET  The next status message is due",
        "1  is-it-down      yes  Is it down?",
        "[x]  find-cause  Find the cause",
        "Possible now: Add a note, Resolve",
    ):
        assert words in said


def test_the_timeline(full: Any, terminal: Any) -> None:
    lines = terminal("timeline", "7").stdout.splitlines()
    assert lines[0].startswith("Fri 25 Dec 2026, 03:00:00 CET  alertmanager  Opened as P1")
    assert lines[1].startswith("Fri 25 Dec 2026, 03:00:00 CET  Tocsin        Paging Alice")


def test_what_comes_from_outside_cannot_reach_the_terminal(full: Any, terminal: Any) -> None:
    evil = "\x1b]0;owned\x07\x1b[2Jgone\u202e"
    full.answer("GET", "/incidents", {"incidents": [{"id": "INC-7", "title": evil, "opened_at": None}]})
    said = terminal("incidents").stdout
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "\u202e" not in said
    assert "]0;owned[2Jgone" in said


def events(*documents: dict[str, Any]) -> str:
    """A stream of server-sent events, with a comment and an event of another kind between."""
    told = [f"id: {each['seq']}\nevent: line\ndata: {json.dumps(each)}\n\n" for each in documents]
    return ": hello\n\n" + "data: not json\n\n" + "".join(told)


def test_following_takes_up_again_after_the_server_went_away(
    full: Any, terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {
        "seq": 3,
        "at": "2026-12-25T02:12:00Z",
        "who": "Alice",
        "text": "Alice acknowledged.",
        "weight": "state",
    }
    path = "/incidents/INC-7/timeline#events"
    full.answer("GET", path, events(line), kind="text/event-stream")

    def came_back(seconds: float) -> None:
        if len(full.asked) > 1:
            raise KeyboardInterrupt
        full.answer(
            "GET", path, events(line, line | {"seq": 4, "text": "Resolved."}), kind="text/event-stream"
        )

    monkeypatch.setattr("tocsin.faces.cli.reading.pause", came_back)
    result = terminal("timeline", "7", "--follow", "--after", "2")
    assert result.exit_code == 0
    assert [each.split("  ", 1)[1] for each in result.stdout.splitlines()] == [
        "Alice  Alice acknowledged.",
        "Alice  Resolved.",
    ]
    assert [query["after"] for _, _, query, _ in full.asked] == [["2"], ["3"]]
    assert full.headers[-1]["last-event-id"] == "3"
    assert result.stderr == "The server went away; waiting for it.\n" * 2


def test_following_as_json_is_one_line_for_each_entry(
    full: Any, terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"seq": 1, "at": "2026-12-25T02:12:00Z", "who": "Alice", "text": "Two\nlines.", "weight": "note"}
    stream = events(line, line | {"seq": 2})
    full.answer("GET", "/incidents/INC-7/timeline#events", stream, kind="text/event-stream")

    def enough(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tocsin.faces.cli.reading.pause", enough)
    told = terminal("timeline", "7", "--follow", "--json").stdout.splitlines()
    assert [json.loads(each) for each in told] == [line, line | {"seq": 2}]


def test_the_postmortem_is_printed_as_it_is(full: Any, terminal: Any) -> None:
    assert terminal("postmortem", "7").stdout == "## Incident Post-Mortem\n\nGone.\n"
    assert json.loads(terminal("postmortem", "7", "--json").stdout) == {
        "incident": "INC-7",
        "postmortem": "## Incident Post-Mortem\n\nGone.\n",
    }


def test_who_is_on_call(full: Any, terminal: Any) -> None:
    lines = terminal("oncall", "--at", "2026-12-25T03:00+01:00").stdout.splitlines()
    assert full.query == {"at": ["2026-12-25T03:00:00+01:00"]}
    assert lines[0] == "On call at Fri 25 Dec 2026, 03:00 CET:"
    assert lines[2].startswith("On-Call Engineer  Alice, Bob  Mon 28 Dec 2026, 09:00 CET")
    assert lines[3].split("  ")[0] == "Legal"
    assert lines[3].endswith("nobody fills the role Legal")


def test_alerts_say_what_became_of_them(full: Any, terminal: Any) -> None:
    lines = terminal("alerts").stdout.splitlines()
    assert lines[1].startswith("Fri 25 Dec 2026, 03:00 CET  DatabaseDown  firing  INC-7     3")
    assert lines[1].endswith("it is the first alert of its group")


@pytest.mark.parametrize(
    ("at", "said"), [("yesterday", "--at 'yesterday' is no time."), ("2026-12-25T03:00", "has no time zone.")]
)
def test_a_wrong_time_is_told(at: str, said: str, full: Any, terminal: Any) -> None:
    result = terminal("oncall", "--at", at)
    assert (result.exit_code, said in result.stderr) == (2, True)
