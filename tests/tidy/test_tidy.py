"""The tidiness that no other tool holds, each rule with the fault that it must catch."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_CHARS_MAX = 110
BLOB_BYTES_MAX = 1024 * 1024

# One letter of each word stands in brackets, so that this file does not contain what it forbids.
LEFTOVER = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b")
PLACE = re.compile(
    r"p[y]pi\.org|python[h]osted|registry\.n[p]m|deb\.d[e]bian|index-[u]rl|find-[l]inks \S"
    r"|/(?:work|farm|root)/|/tmp/[s]etup|/opt/(?:w[h]eels|p[y]pi)|\.py[e]nv|/home/[a-z]+/|/Us[e]rs/[A-Za-z]+/"
)
# The Makefile tells the lock writer to leave these lines out, so it has to name the options.
OPTION = re.compile(r"--no-emit-[a-z-]+")

Rule = Callable[[str], Iterable[str]]


def listed() -> list[str]:
    """Every file of the project, committed or about to be, as a path from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted({name for name in names.split("\0") if name and (ROOT / name).is_file()})


def sources() -> list[str]:
    return [name for name in listed() if name.startswith("src/tocsin/") and name.endswith(".py")]


def text_of(name: str) -> str:
    """The text of a file; nothing for one that is not text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def short_file(text: str) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        yield f"has {lines} lines; split it by meaning (at most {FILE_LINES_MAX})"


def short_functions(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {lines} lines (at most {FUNCTION_LINES_MAX})"


def short_lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE_CHARS_MAX:
            yield f"line {number}: {len(line)} characters (at most {LINE_CHARS_MAX})"


def says_what_it_is(text: str) -> Iterator[str]:
    if not ast.get_docstring(ast.parse(text)):
        yield "has no module docstring"


def nothing_left_over(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := LEFTOVER.search(line):
            yield f"line {number}: {found[0]}"


def no_swallowed_errors(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            yield f"line {node.lineno}: a bare except"
        elif _catches_all(node.type) and all(_does_nothing(each) for each in node.body):
            yield f"line {node.lineno}: every exception is caught and dropped"


def _catches_all(caught: ast.expr) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(each, ast.Name) and each.id in ("Exception", "BaseException") for each in names)


def _does_nothing(statement: ast.stmt) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant or isinstance(statement, ast.Pass | ast.Continue)


def finished(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield f"line {node.lineno}: NotImplementedError"


def of_no_place(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := PLACE.search(OPTION.sub("", line)):
            yield f"line {number}: {found[0]!r} is the name of a registry or the path of one machine"


def modules_of(names: Iterable[str]) -> dict[str, str]:
    """Module name to file. Migrations are left out: Alembic finds them by their folder."""
    return {
        name.removeprefix("src/").removesuffix(".py").replace("/", "."): name
        for name in names
        if not name.endswith("/__init__.py") and "/migrations/" not in name
    }


def imported_by(text: str) -> set[str]:
    """What a module imports; `from a import b` may mean the module `a` or the module `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def entry_points(pyproject: str) -> set[str]:
    project = tomllib.loads(pyproject)["project"]
    groups = [project.get("scripts", {}), *project.get("entry-points", {}).values()]
    return {target.partition(":")[0] for group in groups for target in group.values()}


def unused(modules: dict[str, str], texts: dict[str, str], entries: set[str]) -> list[str]:
    """The files of modules that nothing but themselves asks for."""
    used = set(entries)
    for name, text in texts.items():
        used |= {module for module in imported_by(text) if modules.get(module) != name}
    return sorted(name for module, name in modules.items() if module not in used)


def too_large(sizes: dict[str, int]) -> list[str]:
    return sorted(f"{name}: {size} bytes" for name, size in sizes.items() if size > BLOB_BYTES_MAX)


SOURCE_RULES: list[Rule] = [
    short_file,
    short_functions,
    short_lines,
    says_what_it_is,
    no_swallowed_errors,
    finished,
]


def show(faults: Iterable[str]) -> str:
    """All of them at once, since each is mended in another place."""
    return "\n".join(["", *faults])


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=lambda rule: rule.__name__)
def test_source(rule: Rule) -> None:
    faults = [f"{name}: {fault}" for name in sources() for fault in rule(text_of(name))]
    assert not faults, show(faults)


def test_nothing_is_left_over() -> None:
    code = ("src/", ".ci/", "Makefile")
    names = [name for name in listed() if name.endswith(".py") or name.startswith(code)]
    faults = [f"{name}: {fault}" for name in names for fault in nothing_left_over(text_of(name))]
    assert not faults, show(faults)


def test_no_file_names_a_registry_or_a_machine() -> None:
    faults = [f"{name}: {fault}" for name in listed() for fault in of_no_place(text_of(name))]
    assert not faults, show(faults)


def test_every_module_is_used() -> None:
    texts = {name: text_of(name) for name in listed() if name.endswith(".py")}
    alone = unused(modules_of(sources()), texts, entry_points(text_of("pyproject.toml")))
    assert not alone, show(f"{name}: nothing imports it" for name in alone)


def test_no_file_is_large() -> None:
    large = too_large({name: (ROOT / name).stat().st_size for name in listed()})
    assert not large, show(large)


PLANTED: list[tuple[Rule, str, str]] = [
    (short_file, "x = 1\n" * FILE_LINES_MAX, "x = 1\n" * (FILE_LINES_MAX + 1)),
    (
        short_functions,
        "def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1),
        "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
    ),
    (
        short_functions,
        "@decorated\nasync def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1),
        "class C:\n    async def f():\n" + "        x = 1\n" * FUNCTION_LINES_MAX,
    ),
    (short_lines, "#" * LINE_CHARS_MAX, "#" * (LINE_CHARS_MAX + 1)),
    (says_what_it_is, '"""What it is."""\n', "x = 1\n"),
    (nothing_left_over, "# todos los santos", "# TO" + "DO: later"),
    (nothing_left_over, "HACKNEY = 1", "# HAC" + "K"),
    (nothing_left_over, "XXXL = 1", "# XX" + "X"),
    (nothing_left_over, "fixme = 1", "# FIX" + "ME"),
    (
        no_swallowed_errors,
        "try:\n    f()\nexcept ValueError:\n    pass\n",
        "try:\n    f()\nexcept:\n    raise\n",
    ),
    (
        no_swallowed_errors,
        "try:\n    f()\nexcept Exception as error:\n    tell(error)\n",
        "try:\n    f()\nexcept (OSError, Exception):\n    ...\n",
    ),
    (finished, "raise ValueError", "raise NotImplemented" + "Error('soon')"),
    (of_no_place, "see https://example.org/simple", "see https://py" + "pi.org/simple"),
    (of_no_place, "files are hosted", "files.python" + "hosted.org"),
    (of_no_place, "npm", "registry.np" + "m"),
    (of_no_place, "Debian", "deb.de" + "bian.org"),
    (of_no_place, "pip-compile --no-emit-index-" + "url", "--index-" + "url https://example.org"),
    (of_no_place, "/var/lib/tocsin/data", "/wor" + "k/main"),
    (of_no_place, "~/tocsin", "/roo" + "t/.cache"),
    (of_no_place, "/opt/tocsin", "/opt/whe" + "els"),
    (of_no_place, "/home/", "/ho" + "me/alice/tocsin"),
]


@pytest.mark.parametrize(("rule", "good", "bad"), PLANTED)
def test_a_planted_fault_is_found(rule: Rule, good: str, bad: str) -> None:
    assert list(rule(good)) == []
    assert len(list(rule(bad))) == 1


def test_an_unused_module_is_found() -> None:
    modules = modules_of(
        [
            "src/tocsin/a/__init__.py",
            "src/tocsin/a/used.py",
            "src/tocsin/a/entry.py",
            "src/tocsin/a/alone.py",
            "src/tocsin/store/migrations/versions/0001_start.py",
        ]
    )
    texts = {
        "src/tocsin/a/entry.py": "from tocsin.a import used\n",
        "src/tocsin/a/alone.py": "import tocsin.a.alone\n",
    }
    entries = entry_points('[project]\nname = "x"\n[project.entry-points.g]\ne = "tocsin.a.entry:e"\n')
    assert unused(modules, texts, entries) == ["src/tocsin/a/alone.py"]
    assert unused(modules, {**texts, "tests/t.py": "from tocsin.a.alone import x\n"}, entries) == []


def test_a_large_file_is_found() -> None:
    assert too_large({"small": BLOB_BYTES_MAX, "large": BLOB_BYTES_MAX + 1}) == [
        f"large: {BLOB_BYTES_MAX + 1} bytes"
    ]


def test_the_files_of_the_project_are_listed() -> None:
    assert {"pyproject.toml", "src/tocsin/__init__.py"} <= set(listed())
    assert "src/tocsin/__init__.py" in sources()
