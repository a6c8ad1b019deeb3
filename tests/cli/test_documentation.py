"""The guide names every command and every option that there is, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from tocsin.faces.cli.main import build

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "cli.md"
SHARED = {"--server", "--token-file", "--json", "--data", "--database-url", "--config", "--help", "-h"}
"""Options that the guide explains once for all commands that have them."""


def commands() -> dict[str, Any]:
    """Every command of the tree by its full name."""

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        for each, child in (inner or {}).items():
            yield from walk(f"{name} {each}", child)

    services: Any = object()
    return dict(walk("tocsin", typer.main.get_command(build(services))))


def sections() -> dict[str, str]:
    """The text under each command's heading."""
    parts = re.split(r"^### `(tocsin [^`]+)`\n", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (text.split("\n## ")[0] for text in parts[2::2]), strict=True))


def test_every_command_has_a_section() -> None:
    assert set(sections()) == set(commands())


def test_every_option_is_named_and_no_other() -> None:
    for name, command in commands().items():
        options = {flag for each in command.params for flag in each.opts if flag.startswith("--")}
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", sections()[name]))
        assert options - SHARED - named == set(), f"the guide does not name these options of {name}"
        others = {"--json"} if name == "tocsin token create" else set()
        assert named - options - others == set(), f"the guide names options that {name} does not have"


def test_every_command_says_what_it_does() -> None:
    for name, command in commands().items():
        assert command.help, name
        assert len(command.help.strip().splitlines()[0]) <= 130, name
        for each in command.params:
            assert getattr(each, "help", None) or each.opts == ["--help"], (name, each.opts)
