"""`tocsin why` and `tocsin report`: what they ask, and what they print."""

import json
from typing import Any

RECORD = {
    "alert": {
        "fingerprint": "5f2a",
        "labels": {"alertname": "DatabaseDown", "service": "db"},
        "status": "firing",
        "source": "alertmanager",
    },
    "incident": "INC-7",
    "because": "it is the first alert of its group",
}
WHY = {
    "record": RECORD,
    "lines": [
        {"at": "2026-12-25T02:00:00Z", "about": "arrival", "text": "It came in for the first time."},
        {"at": "2026-12-25T02:00:01Z", "about": "page", "text": "INC-7: Paging Alice."},
    ],
}


def test_why_of_the_one_that_fits(stub: Any, terminal: Any) -> None:
    stub.answer("GET", "/alerts/find", {"alerts": [RECORD]})
    stub.answer("GET", "/alerts/5f2a/why", WHY)
    result = terminal("why", "database", "down")
    assert result.exit_code == 0
    assert stub.asked[0][2] == {"text": ["database down"]}
    out = result.stdout
    assert out.index("DatabaseDown  firing") < out.index("first time") < out.index("Paging Alice")
    assert "service=db" in out
    assert json.loads(terminal("why", "5f2a", "--json").stdout) == WHY


def test_several_are_listed(stub: Any, terminal: Any) -> None:
    other = {"alert": {**RECORD["alert"], "fingerprint": "77aa"}, "incident": None}  # type: ignore[dict-item]
    stub.answer("GET", "/alerts/find", {"alerts": [RECORD, other]})
    result = terminal("why", "DatabaseDown")
    assert result.exit_code == 1
    assert "2 alerts fit" in result.stdout
    assert "5f2a" in result.stdout
    assert "77aa" in result.stdout


def test_none_fits(stub: Any, terminal: Any) -> None:
    stub.answer("GET", "/alerts/find", {"alerts": []})
    result = terminal("why", "kitchen")
    assert result.exit_code == 1
    assert "No alert that was taken in fits 'kitchen'." in result.stderr


def test_report(stub: Any, terminal: Any) -> None:
    made = {"report": {"id": "R-7K2M", "incident": "INC-8"}, "status_url": "http://t/report/status/R-7K2M.x"}
    stub.answer("POST", "/reports", made, 201)
    result = terminal("report", "Checkout is down", "--where", "the till", "--how-bad", "everything")
    assert stub.last == (
        "POST",
        "/reports",
        {"what": "Checkout is down", "where": "the till", "how_bad": "everything", "weakness": False},
    )
    assert "R-7K2M. It opened INC-8." in result.stdout
    assert "http://t/report/status/R-7K2M.x" in result.stdout
    assert "weakness" in terminal("report", "A door", "--weakness").stdout
    assert stub.last[2]["weakness"] is True
