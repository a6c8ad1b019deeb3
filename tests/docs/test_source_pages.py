"""What the pages of the sources show works: their settings, and the commands that try a source out."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest
from tests.http.running import Running
from tests.sources.installed import PAGES, SECRET, documented, shown

HERE = "http://127.0.0.1:8800"
FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REFERENCE = re.compile(r'"env:([A-Z_]+)"')


def commands() -> list[tuple[str, str]]:
    """The commands that ask this machine, each with its page; those that need a token are for the reader."""
    found: list[tuple[str, str]] = []
    for page in sorted(PAGES.glob("*.md")):
        for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
            if (
                not language
                and f"curl {HERE}/in/" in block
                and "Authorization" not in block
                and "…" not in block
            ):
                found.append((page.stem, block))
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    made = Running(open_sources=True)
    yield made
    made.stop()


def test_there_is_something_to_look_at() -> None:
    assert {"github", "cloudflare", "sns"} <= set(documented().sources)
    assert {"github", "cloudflare", "cloudevents"} <= {page for page, _ in commands()}


@pytest.mark.parametrize(("page", "block"), commands(), ids=[page for page, _ in commands()])
def test_commands_do_what_they_say(running: Running, page: str, block: str) -> None:
    names = {name for each, toml in shown() if each == page for name in REFERENCE.findall(toml)}
    script = 'set -euo pipefail\ncurl() { command curl -sS --fail-with-body "$@"; }\n'
    done = subprocess.run(
        ["bash", "-c", script + block.replace(HERE, running.url)],
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **dict.fromkeys(names, SECRET)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"kept":1' in done.stdout or "Tocsin hears you." in done.stdout
