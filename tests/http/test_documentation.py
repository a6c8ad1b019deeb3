"""The guide of the API names every verb with its fields and role, and every address."""

import re
from pathlib import Path

import msgspec

from tests.http.house import Client
from tocsin.engine.verbs import VERBS

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "api.md").read_text(encoding="utf-8")


def test_every_verb_stands_in_the_guide() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", GUIDE, re.MULTILINE))
    for name, verb in VERBS.items():
        fields, _, role = rows[name].rpartition(" | ")
        assert role == verb.role, name
        told = re.findall(r"`([a-z_]+)`", fields)
        assert told == [field.name for field in msgspec.structs.fields(verb.command)], name


async def test_every_address_stands_in_the_guide(client: Client) -> None:
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    for path in paths:
        short = path.replace("{incident}", "{id}").replace("{token}", "{id}").replace("{silence}", "{id}")
        assert short in GUIDE, short
