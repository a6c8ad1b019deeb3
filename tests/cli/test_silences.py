"""`tocsin silence`: what is asked of the server, and what is shown."""

from typing import Any

import pytest

from tocsin.alerts.matchers import parse_matchers

SILENCE: dict[str, Any] = {
    "id": "0a1b",
    "state": "active",
    "text": 'alertname="DiskFull"',
    "starts_at": "2026-12-25T02:00:00Z",
    "ends_at": "2026-12-25T04:00:00Z",
    "created_by": "alice",
    "comment": "the disk is being changed",
}


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (["alertname=DiskFull", "--for", "2h"], {"matchers": 'alertname="DiskFull"', "lasts": "2h"}),
        (["DiskFull", "--for", "2h"], {"matchers": 'alertname="DiskFull"', "lasts": "2h"}),
        (
            ["Disk is full", "team=~web|shop", "a!=", "--for", "1h 30m"],
            {"matchers": 'alertname="Disk is full", team=~"web|shop", a!=""', "lasts": "1h 30m"},
        ),
        (
            [r'path=C:\x "y"', "--until", "2026-12-25T03:00+01:00", "--from", "2026-12-25T01:00Z"],
            {
                "matchers": r'path="C:\\x \"y\""',
                "ends_at": "2026-12-25T03:00:00+01:00",
                "starts_at": "2026-12-25T01:00:00+00:00",
            },
        ),
        (['"a b"="c"', "--for", "2h", "--change", "0a1b"],
         {"matchers": '"a b"="c"', "lasts": "2h", "replaces": "0a1b"}),
    ],
)  # fmt: skip
def test_add(words: list[str], body: dict[str, Any], stub: Any, terminal: Any) -> None:
    stub.answer("POST", "/silences", SILENCE, 201)
    result = terminal("silence", "add", "--reason", "why", *words)
    assert result.exit_code == 0, result.output
    assert stub.last == ("POST", "/silences", {"comment": "why", **body})
    assert parse_matchers(body["matchers"]).all
    assert result.stdout.startswith('0a1b: alertname="DiskFull" is silenced until Fri 25 Dec 2026, ')


@pytest.mark.parametrize("words", [[], ["--for", "2h", "--until", "2026-12-25T03:00Z"], ["--for", "long"],
                                   ["--until", "2026-12-25T03:00"]])  # fmt: skip
def test_an_end_has_to_be_given(words: list[str], stub: Any, terminal: Any) -> None:
    result = terminal("silence", "add", "A", "--reason", "why", *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert stub.asked == []


def test_list(stub: Any, terminal: Any) -> None:
    stub.answer("GET", "/silences", {"silences": [SILENCE, {**SILENCE, "id": "2", "state": "pending"}]})
    result = terminal("silence", "list", "--all", "DiskFull", "a=b")
    assert result.exit_code == 0, result.output
    assert stub.query == {"filter": ['alertname="DiskFull"', 'a="b"'], "all": ["true"]}
    first, one, two = result.stdout.splitlines()
    assert first.split() == ["ID", "STATE", "FROM", "UNTIL", "BY", "MATCHERS", "REASON"]
    assert one.startswith("0a1b  active ")
    assert one.endswith('alice  alertname="DiskFull"  the disk is being changed')
    assert two.startswith("2     pending")


def test_none(stub: Any, terminal: Any) -> None:
    stub.answer("GET", "/silences", {"silences": []})
    assert terminal("silence", "list").stdout == "There are no silences.\n"
    assert stub.query == {}


def test_expire(stub: Any, terminal: Any) -> None:
    for each in ("0a1b", "a%2Fb"):
        stub.answer("DELETE", f"/silences/{each}", {**SILENCE, "state": "expired"})
    result = terminal("silence", "expire", "0a1b", "a/b")
    assert result.exit_code == 0, result.output
    assert [each[:2] for each in stub.asked] == [
        ("DELETE", "/api/v1/silences/0a1b"),
        ("DELETE", "/api/v1/silences/a%2Fb"),
    ]
    assert result.stdout.count(" ended Fri 25 Dec 2026, ") == 2


def test_a_refusal_is_told(stub: Any, terminal: Any) -> None:
    stub.refuse("DELETE", "/silences/x", 404, detail="There is no silence x.")
    result = terminal("silence", "expire", "x")
    assert result.exit_code == 1
    assert "There is no silence x." in result.output


def test_windows(stub: Any, terminal: Any) -> None:
    window = {
        "playbook": "playbook.md",
        "name": "night work",
        "matchers": 'service="shop"',
        "start": "every day 02:00 for 2h",
        "zone": "UTC",
        "lasts": "PT2H",
        "holds": True,
        "starts_at": "2026-12-25T02:00:00Z",
        "ends_at": "2026-12-25T04:00:00Z",
    }
    over = {**window, "name": "gone", "holds": False, "starts_at": None, "ends_at": None}
    stub.answer("GET", "/maintenance", {"windows": [window, over]})
    result = terminal("silence", "windows")
    assert result.exit_code == 0, result.output
    head, first, second = result.stdout.splitlines()
    assert head.split() == ["WINDOW", "STATE", "FROM", "UNTIL", "MATCHERS", "BEGINS"]
    assert first.startswith("night work  holds now  Fri 25 Dec 2026, ")
    assert first.endswith('service="shop"  every day 02:00 for 2h (UTC)')
    assert second.split()[:2] == ["gone", "over"]
    stub.answer("GET", "/maintenance", {"windows": []})
    assert terminal("silence", "windows").stdout == "The playbooks have no maintenance windows.\n"
