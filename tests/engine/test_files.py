"""The files that are watched: a folder changes with every file in it."""

import asyncio
from pathlib import Path

import pytest

from tocsin.adapters import files
from tocsin.playbook.collection import is_document


def test_a_folder_is_read_by_name_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.md", "a/c.md", ".git/d.md", "policy.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name, encoding="utf-8")
    found = files.read_folder(tmp_path, is_document)
    assert sorted(found) == [("a/c.md", b"a/c.md"), ("b.md", b"b.md")]


def test_a_file_that_comes_goes_or_changes_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOOK_EVERY_SECONDS", 0.02)
    (tmp_path / "a.md").write_text("a", encoding="utf-8")
    changed = asyncio.Event()

    async def note() -> None:
        changed.set()

    async def life() -> None:
        watching = asyncio.create_task(files.watch([tmp_path], note))
        await asyncio.sleep(0.05)
        changes = (
            lambda: (tmp_path / "b.md").write_text("b", encoding="utf-8"),
            lambda: (tmp_path / "b.md").write_text("bb", encoding="utf-8"),
            lambda: (tmp_path / "b.md").unlink(),
        )
        for change in changes:
            changed.clear()
            change()
            await asyncio.wait_for(changed.wait(), 5)
        watching.cancel()

    asyncio.run(life())
