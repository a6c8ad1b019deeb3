"""The program as it is really started: its speed, its output in a pipe, its exit codes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SOURCE = str(Path(__file__).parents[2] / "src")


def tocsin(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m tocsin` in a directory, with nothing of Tocsin in the environment but what is given."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    env |= {"PYTHONPATH": SOURCE, "TZ": "Europe/Paris", **environment}
    command = [sys.executable, "-m", "tocsin", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_help_comes_at_once_and_imports_neither_server_nor_database(tmp_path: Path) -> None:
    begun = time.perf_counter()
    ran = tocsin("--help", cwd=tmp_path)
    took = time.perf_counter() - begun
    assert ran.returncode == 0
    assert "incidents" in ran.stdout
    assert took < 5, f"{took:.2f} s; it is 0.2 s on an idle machine"
    code = "import sys, tocsin.__main__; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    env = {**os.environ, "PYTHONPATH": SOURCE}
    loaded = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    for heavy in (
        "sqlalchemy",
        "litestar",
        "httpx",
        "markdown_it",
        "asyncio",
        "tree_sitter",
        "sqlglot",
        "ftfy",
    ):
        assert f"'{heavy}'" not in loaded.stdout


def test_a_remote_command_in_a_pipe(stub: Any, tmp_path: Path) -> None:
    ran = tocsin("incidents", cwd=tmp_path, TOCSIN_URL=stub.url, TOCSIN_TOKEN="tocsin_test")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[1].startswith("INC-7  P1     open   Fri 25 Dec 2026, 03:00 CET")
    as_json = tocsin("incidents", "--json", cwd=tmp_path, TOCSIN_URL=stub.url, TOCSIN_TOKEN="tocsin_test")
    assert json.loads(as_json.stdout)["incidents"][0]["id"] == "INC-7"


def test_an_encoding_that_has_no_arrows_shows_question_marks(stub: Any, tmp_path: Path) -> None:
    stub.answer("GET", "/incidents", {"incidents": [{"id": "INC-7", "title": "Vault → sealed"}]})
    environment = {"TOCSIN_URL": stub.url, "TOCSIN_TOKEN": "tocsin_test", "PYTHONIOENCODING": "ascii"}
    ran = tocsin("incidents", cwd=tmp_path, **environment)
    assert ran.returncode == 0, ran.stderr
    assert "Vault ? sealed" in ran.stdout


def test_exit_codes(tmp_path: Path) -> None:
    unreachable = tocsin("incidents", "--server", "http://127.0.0.1:9", cwd=tmp_path)
    assert unreachable.returncode == 3
    assert unreachable.stdout == ""
    assert "tocsin serve" in unreachable.stderr
    assert tocsin("ack", "x", cwd=tmp_path).returncode == 2
    assert tocsin("--version", cwd=tmp_path).stdout.startswith("tocsin ")


def test_a_reader_that_leaves_early_is_no_error(stub: Any, tmp_path: Path) -> None:
    rows = [{"id": f"INC-{number}", "title": "x" * 200} for number in range(1, 2000)]
    stub.answer("GET", "/incidents", {"incidents": rows})
    env = {**os.environ, "PYTHONPATH": SOURCE, "TOCSIN_URL": stub.url, "TOCSIN_TOKEN": "tocsin_test"}
    script = f"{sys.executable} -m tocsin incidents | head -n 1"
    ran = subprocess.run(
        ["sh", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.startswith("ID")
    assert "Traceback" not in ran.stderr
