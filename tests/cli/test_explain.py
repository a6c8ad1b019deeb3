"""`tocsin explain` as it is typed, and its page in a browser."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.playbook.golden import HARBOUR
from tests.web.test_browser import ARGUMENTS
from tocsin.__main__ import Services

SEED = Path(__file__).resolve().parents[3] / "shared" / "seed" / "incident-response-playbook.txt"
EXAMPLE = Path(__file__).resolve().parents[2] / "src" / "tocsin" / "examples" / "playbook.md"
SHOTS = os.environ.get("TOCSIN_TEST_SHOTS", "")


@pytest.fixture
def explain(terminal: Any, tmp_path: Path) -> Any:
    """Types the command on a playbook of this project's own words."""
    terminal.services = Services()
    shutil.copy(HARBOUR, tmp_path / "playbook.md")
    roster = (
        '[people.ann]\nname = "Ann"\nmethods = [{ kind = "outbox", address = "ann" }]\n\n'
        '[roles]\n"Duty Engineer" = { people = ["ann"] }\n'
    )
    (tmp_path / "roster.toml").write_text(roster, encoding="utf-8")
    return lambda *words, **given: terminal("explain", *words, **given)


def test_all_levels(explain: Any) -> None:
    result = explain("playbook.md")
    assert result.exit_code == 0, result.stderr
    assert [line for line in result.stdout.splitlines() if line[:1] == "S" and line[2:4] == " ("] == [
        "S1 (Standstill)",
        "S2 (Serious)",
        "S3 (Annoying)",
        "S4 (Harmless)",
    ]


def test_one_level_with_people(explain: Any) -> None:
    result = explain("playbook.md", "--level", "s2", "--roster", "roster.toml")
    assert result.exit_code == 0, result.stderr
    assert "Duty Engineer: Ann" in result.stdout
    assert "nobody can be reached" in result.stdout
    assert "S1 (Standstill)" not in result.stdout


def test_a_policy_is_explained(explain: Any, tmp_path: Path) -> None:
    playbook = tmp_path / "playbook.md"
    playbook.write_text("# T\n\n## Mitigation\n\n### Group\n\n```bash\n# Look\n#@ id=look\nuptime\n```\n")
    assert "No step runs by itself" in explain("playbook.md").stdout
    entry = '[steps.look]\nrun = "auto"\nreason = "It ends"\nowner = "ann"\nexpires = 2027-01-01\n'
    (tmp_path / "policy.toml").write_text(entry, encoding="utf-8")
    told = explain("playbook.md", "--policy", "policy.toml", "--at", "2026-12-31T00:00Z")
    assert told.exit_code == 0, told.stderr
    assert "1 of the steps run by themselves, as the policy allows" in told.stdout
    later = explain("playbook.md", "--policy", "policy.toml", "--at", "2027-01-02T00:00Z")
    assert "No step runs by itself" in later.stdout, "the entry has ended by then"
    assert explain("playbook.md", "--policy", "none.toml").exit_code == 2
    (tmp_path / "policy.toml").write_text("[steps.look]\nrun = 1\n", encoding="utf-8")
    assert explain("playbook.md", "--policy", "policy.toml").exit_code != 0


WINDOWS = """---
tocsin:
  maintenance:
    - {name: backup, matchers: 'service="db"', start: every sunday 02:00 for 2h, zone: Europe/Paris}
---
"""


def test_maintenance_windows_are_explained_and_shown(explain: Any, terminal: Any, tmp_path: Path) -> None:
    playbook = tmp_path / "windows.md"
    playbook.write_text(WINDOWS + HARBOUR.read_text(encoding="utf-8"), encoding="utf-8")
    assert "Maintenance windows" not in explain("playbook.md").stdout
    told = explain("windows.md", "--at", "2026-12-24T12:00Z")
    assert told.exit_code == 0, told.stderr
    assert "open nothing and page nobody until it ends" in told.stdout
    words = " ".join(told.stdout.split())
    assert re.search(r"next Sun\b.*27 Dec 2026\b", words)
    held = explain("windows.md", "--at", "2026-12-27T02:00Z").stdout
    assert re.search(r"now, until Sun\b.*27 Dec\b", " ".join(held.split()))
    assert "<h2>Maintenance windows</h2>" in explain("windows.md", "--html", "-").stdout
    shown = terminal("show", "windows.md")
    assert shown.exit_code == 0, shown.stderr
    assert "Maintenance windows" in shown.stdout
    assert 'service="db"' in shown.stdout
    assert "every sunday 02:00 for 2h" in " ".join(shown.stdout.split())
    assert "Maintenance windows" not in terminal("show", "playbook.md").stdout


def test_a_level_that_is_not_there(explain: Any) -> None:
    result = explain("playbook.md", "--level", "P9")
    assert result.exit_code == 2
    assert "no level 'P9'" in result.stderr
    assert "S1, S2, S3, S4" in result.stderr


def test_a_file_that_is_not_there(explain: Any) -> None:
    assert explain("none.md").exit_code == 2


def test_a_page_into_a_file_and_a_pipe(explain: Any, tmp_path: Path) -> None:
    assert explain("playbook.md", "--html", "page.html").stdout == "Wrote page.html.\n"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert explain("playbook.md", "--html", "-").stdout == page or "<svg" in page


@pytest.mark.parametrize("source", [HARBOUR, EXAMPLE, SEED], ids=["harbour", "example", "seed"])
def test_the_page_in_a_browser(explain: Any, tmp_path: Path, source: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium on the PATH")
        pytest.skip("no chromium on the PATH")
    if not source.is_file():
        assert os.environ.get("CI") != "true", "CI has the first playbook at hand"
        pytest.skip("the first playbook is not here")
    shutil.copy(source, tmp_path / "playbook.md")
    assert explain("playbook.md", "--html", "page.html").exit_code == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        try:
            for scheme, width in (("light", 1280), ("dark", 390)):
                context = browser.new_context(
                    color_scheme=scheme,  # pyright: ignore[reportArgumentType]
                    viewport={"width": width, "height": 900},
                )
                page = context.new_page()
                said: list[str] = []
                page.on("console", lambda message, said=said: said.append(message.text))
                page.goto((tmp_path / "page.html").as_uri())
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert page.locator("svg rect").count() > 2
                assert Axe().run(page).violations_count == 0
                assert not said
                if SHOTS:
                    name = f"explain-{source.stem}-{scheme}.png"
                    page.screenshot(path=str(Path(SHOTS) / name), full_page=True)
                context.close()
        finally:
            browser.close()
