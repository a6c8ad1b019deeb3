"""The repair of a document: what is certain, and not one byte more."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.playbook.test_checking import run
from tocsin.playbook.fix import fixed
from tocsin.playbook.read import read_playbook


def damaged(text: str) -> str:
    return text.encode().decode("cp1252")


GOOD = "Grüße — señor, 5 µs → ok"
BAD = damaged("P1 — alarm → page")
CODE = "```bash\necho a\u00a0b 'c\u00a0d' # e\u00a0f\n```"
BOOK = f"# T\r\n{GOOD}\n\n{BAD}\r\n\tlast\u00a0word  \n\n\n{CODE}\nno end"
REPAIRED = BOOK.replace(BAD, "P1 — alarm → page").replace("echo a\u00a0b", "echo a b")


def test_good_and_damaged_lines_in_one_document() -> None:
    fix = fixed(BOOK.encode())
    assert fix.after == REPAIRED.encode()
    assert fix.changed == (4, 9)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n\r\n"])
def test_marks_and_line_ends_stay(mark: bytes, end: str, last: str) -> None:
    lines = ["# T", BAD, "", GOOD]
    source = mark + (end.join(lines) + last).encode()
    lines[1] = "P1 — alarm → page"
    assert fixed(source).after == mark + (end.join(lines) + last).encode()


def test_a_second_repair_finds_nothing() -> None:
    once = fixed(BOOK.encode()).after
    assert fixed(once) == fixed(fixed(once).after)
    assert fixed(once).changed == ()


def test_the_diff_shows_the_changed_lines_only() -> None:
    diff = fixed(BOOK.encode()).diff("a.md")
    lines = [line for line in diff.split("\n") if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert lines == [
        f"-{BAD}",
        "+P1 — alarm → page",
        "-echo a\u00a0b 'c\u00a0d' # e\u00a0f",
        "+echo a b 'c\u00a0d' # e\u00a0f",
    ]
    assert diff.startswith("--- a.md\n+++ a.md (repaired)\n@@ ")
    assert fixed(b"# T\n").diff("a.md") == ""


def test_a_command_in_a_list_keeps_its_indentation() -> None:
    source = "# T\n\n1. Do\n\n   ```sh\n   ls\u00a0-l\n   ```\n"
    assert fixed(source.encode()).after == source.replace("\u00a0", " ").encode()


def test_other_languages_and_here_documents_stay() -> None:
    for block in ("```python\na =\u00a01\n```", "```bash\ncat <<E\na\u00a0b\nE\n```"):
        source = f"# T\n\n{block}\n".encode()
        assert fixed(source).after == source


@pytest.mark.parametrize("source", ["# Grüße".encode("cp1252"), "# T".encode("utf-16"), b"\xff\xfe\x00", b""])
def test_what_is_a_guess_is_left_alone(source: bytes) -> None:
    assert fixed(source).after == source
    assert fixed(source).changed == ()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([GOOD, BAD, "", "plain", "a\u00a0b", "```bash", "```", "\x0c", "\u2028x", "Ã©"])
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_only_the_lines_that_are_told_change(lines: list[str], end: str) -> None:
    source = end.join(lines).encode()
    fix = fixed(source)
    before, after = source.split(end.encode()), fix.after.split(end.encode())
    assert len(before) == len(after)
    differs = [at for at, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new]
    assert tuple(differs) == fix.changed
    told = [each.code for each in read_playbook(fix.after, "x.md").findings]
    assert "PB001" not in told


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_repaired_or_left(source: bytes) -> None:
    fix = fixed(source)
    assert (fix.after == source) == (not fix.changed)


def test_the_command_shows_asks_and_writes(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_bytes(BOOK.encode())
    file.chmod(0o640)
    asked = run("check", "--fix", file)
    assert asked.exit_code == 2
    assert "+P1 — alarm → page" in asked.stdout
    assert file.read_bytes() == BOOK.encode()
    done = run("check", "--fix", "--yes", file)
    assert done.exit_code == 0
    assert done.stdout.endswith(f"{file}: 2 lines repaired.\n")
    assert file.read_bytes() == REPAIRED.encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a.md"]
    assert run("check", "--fix", file).stdout == f"{file}: nothing to repair.\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "a.md", tmp_path / "b.md"
    target.write_bytes(BAD.encode())
    link.symlink_to(target)
    assert run("check", "--fix", "--yes", link).exit_code == 0
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "P1 — alarm → page"


def test_a_folder_that_cannot_be_written_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.md"
    file.write_bytes(BAD.encode())

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run("check", "--fix", "--yes", file)
    assert result.exit_code == 2
    assert result.stderr == f"{file} cannot be written: No space left on device.\n"
    assert file.read_bytes() == BAD.encode()
    assert os.listdir(tmp_path) == ["a.md"]


def test_standard_input_cannot_be_repaired() -> None:
    assert run("check", "--fix", "-", given=BAD.encode()).exit_code == 2


@pytest.mark.parametrize(
    ("script", "mended"),
    [
        ("ping -c1 <HOST>", 'ping -c1 "<HOST>"'),
        ("docker compose restart <service-name>  ", 'docker compose restart "<service-name>"  '),
        ("ls <DIR>\nuptime", 'ls "<DIR>"\nuptime'),
        # What is in quotes already, may be a redirection, or is only words.
        ('ping "<HOST>"', None),
        ("cat <HOST> | wc", None),
        ("sort <input >output", None),
        ("# restart <HOST>", None),
        ("cat <<EOF\nhello <HOST>\nEOF", None),
        ("echo 'a\nb <HOST>\n'", None),
    ],
)
def test_a_placeholder_at_the_end_of_a_command_gets_its_quotes(script: str, mended: str | None) -> None:
    book = f"# T\n\n```bash\n{script}\n```\n\nSee <HOST>\n"
    assert fixed(book.encode()).after.decode() == book.replace(script, mended or script)
    if mended:
        assert "PB010" not in {each.code for each in read_playbook(fixed(book.encode()).after, "x").findings}
