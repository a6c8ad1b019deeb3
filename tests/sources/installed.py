"""Every source that is installed, set up as its page in the documentation shows it."""

import re
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tocsin.config import Settings, load_settings
from tocsin.engine.sources import Source

PAGES = Path(__file__).resolve().parents[2] / "docs" / "guide" / "sources"
BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECRET = "a secret of the tests, 32 letter"
"""As long as senders of PagerDuty's events take a key."""


def shown() -> list[tuple[str, str]]:
    """The settings that the pages show, each with the page that it stands on."""
    pages = sorted(PAGES.glob("*.md"))
    return [(page.stem, block) for page in pages for block in BLOCK.findall(page.read_text(encoding="utf-8"))]


@cache
def documented() -> Settings:
    """What the pages show, put together; of what several of them set, the last stands."""
    sources: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for page, block in shown():
        read = load_settings({}, {}, block, f"/{page}.toml")
        sources.update(read.sources)
        for name, table in read.tables.items():
            tables.setdefault(name, {}).update(table)
    return replace(load_settings({}, {}, "", "/tocsin.toml"), sources=sources, tables=tables)


def made_by(name: str) -> list[Source]:
    """The sources of one entry point."""
    (entry,) = entry_points(group="tocsin.sources", name=name)
    return list(entry.load()(documented(), lambda ref, field: SECRET))


def installed() -> list[str]:
    """The names of the entry points."""
    return sorted(entry.name for entry in entry_points(group="tocsin.sources"))
