"""What the documentation says is there is there: its links, and the commands that it names."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<ticks>`{3,})[^\n]*\n(?P<body>.*?)^(?P=ticks)[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
COMMAND = re.compile(r"(?<![\w./@-])tocsin ([a-z][a-z-]*)(?= |$)(.*)")
OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
TARGET = re.compile(r"\bmake (?:-[a-z-]+ )*([a-z]+)\b")


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def prose(text: str) -> str:
    """The text without its code blocks, which may show links that lead nowhere."""
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The names under which a code host links to the headings of a document."""
    heads = (re.sub(r"[^\w\s-]", "", head.lower()) for head in HEADING.findall(prose(text)))
    return {re.sub(r"\s", "-", head.strip()) for head in heads}


def broken(document: Path) -> Iterator[str]:
    text = document.read_text(encoding="utf-8")
    for link in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{link}: there is no such heading"


def snippets(text: str) -> Iterator[str]:
    """What a reader may copy: the lines of code blocks without their comments, and code within a line."""
    for found in FENCE.finditer(text):
        yield from (re.sub(r"\s+#.*", "", line) for line in found["body"].splitlines())
    yield from CODE.findall(prose(text))


def commands(text: str) -> set[tuple[str, tuple[str, ...]]]:
    """The commands of Tocsin in a document, each with the options that it is given."""
    found = (match for line in snippets(text) for match in COMMAND.finditer(line))
    return {(match[1], tuple(OPTION.findall(match[2]))) for match in found}


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert list(broken(document)) == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(document: Path, tree: dict[str, set[str]]) -> None:
    named = commands(document.read_text(encoding="utf-8"))
    assert sorted(command for command, _ in named if command not in tree) == []
    unknown = [
        (command, option) for command, options in named for option in options if option not in tree[command]
    ]
    assert unknown == []


@pytest.fixture(scope="module")
def tree() -> dict[str, set[str]]:
    """Each command with its options, as the program itself declares them."""
    import typer.main

    from tocsin.faces.cli.main import build
    from tocsin.faces.cli.services import CliServices

    # The tree is only looked at, so that nothing stands behind it.
    group = typer.main.get_command(build(cast(CliServices, object())))
    found: dict[str, set[str]] = {}
    for name, command in getattr(group, "commands", {}).items():
        inner = [command, *getattr(command, "commands", {}).values()]
        found[name] = {option for each in inner for parameter in each.params for option in parameter.opts}
    return found


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        target
        for document in documents()
        for line in snippets(document.read_text(encoding="utf-8"))
        for target in TARGET.findall(line)
    }
    assert named - targets == set()
    helped = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert {"run", "test", "check", "simulate", "bench", "docs", "clean"} <= set(TARGET.findall(helped))


def test_the_changelog_knows_the_version() -> None:
    from tocsin import __version__

    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = LINK.findall((folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_the_lock_files_hold_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"requirements.lock": project["dependencies"]}
    wanted["requirements-dev.lock"] = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for name, requirements in wanted.items():
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        asked = {re.split(r"[\[<>=~! ]", each, maxsplit=1)[0].lower() for each in requirements}
        assert asked - locked == set(), name


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A Head\n[a](page.md#a-head) [b](#a-head) [c](none.md) [d](#none) [e](https://example.org)\n"
    )
    assert list(broken(page)) == ["none.md: there is no such file", "#none: there is no such heading"]


def test_commands_are_found() -> None:
    block = "```\ntocsin drill --alert A  # tocsin never\n.venv/bin/tocsin-x y\n```\n"
    text = f"Run `tocsin show FILE` and\n{block}tocsin prose\n"
    assert commands(text) == {("show", ()), ("drill", ("--alert",))}
