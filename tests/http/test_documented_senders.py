"""What the pages of the sources tell a reader to send is taken."""

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.http.house import open_house
from tests.sources.test_mapped import made
from tocsin.adapters.sources.opsgenie import OpsgenieSource
from tocsin.adapters.sources.pagerduty import PagerDutySource

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "guide" / "sources"
PAGES = ("mapped", "nagios", "zabbix", "uptime-kuma", "datadog", "pagerduty", "opsgenie")


def page(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
async def test_the_request_of_the_page_is_taken(name: str) -> None:
    (command,) = re.findall(r"^curl http.*$", page(name), re.MULTILINE)
    words = shlex.split(command)
    body = json.loads(words[words.index("--json") + 1])
    settings = page("mapped").split("```toml\n")[1].split("```")[0]
    sources = [*made(settings).values(), PagerDutySource(), OpsgenieSource()]
    async with open_house(sources=sources, open_sources=True) as (house, client):
        answer = await client.post(urlsplit(words[1]).path, json=body)
        assert answer.status_code in (200, 202), answer.text
        assert answer.json().get("problems", []) == []
        (record,) = await house.engine.queries.alerts()
        assert record.incident == "INC-1"


def test_the_payload_for_datadog_is_json_with_the_fields_of_the_mapping() -> None:
    payload = json.loads(page("datadog").split("```json\n")[1].split("```")[0])
    recorded = Path(__file__).parents[1] / "sources" / "bodies" / "datadog-documented.json"
    assert set(payload) == set(json.loads(recorded.read_text(encoding="utf-8")))


def test_the_parameters_for_zabbix_are_the_fields_of_the_mapping() -> None:
    named = set(re.findall(r"^\| `([a-z_]+)` \| `?[{h]", page("zabbix"), re.MULTILINE))
    recorded = Path(__file__).parents[1] / "sources" / "bodies" / "zabbix-problem.json"
    assert named - {"tocsin_url"} == set(json.loads(recorded.read_text(encoding="utf-8"))) - {
        "event_update_status"
    }
