"""Maintenance windows where people and programs see them: the page, both APIs, why, and the commands."""

from importlib.resources import files
from typing import Any

import pytest
import pytest_asyncio

from tests.http.house import Client, House
from tocsin.engine.shelf import put_on_shelf
from tocsin.playbook.policy import Policy

WINDOWS = """---
tocsin:
  maintenance:
    - name: night work
      matchers: 'service="shop"'
      start: every day 02:00 for 2h
      zone: UTC
    - name: patch day
      matchers: 'env=~"staging|test"'
      start: FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22
      for: 3h
      zone: America/New_York
    - name: the move
      matchers: 'site="old"'
      start: FREQ=DAILY;BYHOUR=3;UNTIL=20260101
      for: 1h
---
"""


@pytest_asyncio.fixture
async def windows(house: House) -> None:
    """The example's playbook with windows, of which the first holds now (Tue 24 Nov 2026, 02:47 UTC)."""
    content = files("tocsin").joinpath("examples/playbook.md").read_text()
    content = content.partition("---\n")[2].partition("---\n")[2] if content[:3] == "---" else content
    shelf, fatal = put_on_shelf([("playbook.md", (WINDOWS + content).encode())], False, Policy())
    assert shelf is not None, fatal
    await house.engine.library.replace(shelf, house.engine.library.rules().roster)


async def get(house: House, client: Client, path: str, **query: Any) -> Any:
    answer = await client.get(path, headers=await house.bearer("viewer"), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.usefixtures("windows")
async def test_our_api_lists_them(house: House, client: Client) -> None:
    found = (await get(house, client, "/api/v1/maintenance"))["windows"]
    assert [(each["name"], each["holds"], each["starts_at"], each["ends_at"]) for each in found] == [
        ("night work", True, "2026-11-24T02:00:00Z", "2026-11-24T04:00:00Z"),
        ("patch day", False, "2026-12-06T03:00:00Z", "2026-12-06T06:00:00Z"),
        ("the move", False, None, None),
    ]
    assert found[1]["start"] == "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22"
    assert (found[1]["zone"], found[1]["lasts"], found[1]["matchers"]) == (
        "America/New_York",
        "PT10800S",
        'env=~"staging|test"',
    )


@pytest.mark.usefixtures("windows")
async def test_alertmanagers_api_says_by_which_an_alert_is_muted(house: House, client: Client) -> None:
    alerts = [{"labels": {"alertname": "A", "service": name}} for name in ("shop", "search")]
    sent = await client.post("/api/v2/alerts", headers=await house.bearer("source"), json=alerts)
    assert sent.status_code == 200
    found = {each["labels"]["service"]: each for each in await get(house, client, "/api/v2/alerts")}
    assert found["shop"]["status"] == {
        "state": "suppressed",
        "silencedBy": [],
        "inhibitedBy": [],
        "mutedBy": ["night work"],
    }
    assert found["search"]["status"]["mutedBy"] == []
    assert found["search"]["status"]["state"] == "active"
    groups = await get(house, client, "/api/v2/alerts/groups", muted="false")
    assert [each["labels"]["service"] for each in groups] == ["search"]
    active = await get(house, client, "/api/v2/alerts", active="false")
    assert [each["labels"]["service"] for each in active] == ["shop"]
    why = await get(house, client, f"/api/v1/alerts/{found['shop']['fingerprint']}/why")
    assert "The maintenance window night work matches it, for another 1 h 13 min." in [
        each["text"] for each in why["lines"]
    ]
