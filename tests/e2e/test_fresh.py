"""A new user's first minutes: a fresh clone, `make run`, the curl that is printed, the incident. It installs
everything anew, so it runs in CI, and elsewhere with TOCSIN_FRESH=1."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e.house import ROOT, Output, die_with_parent, free_port, until

BOUND_SECONDS = 900
pytestmark = pytest.mark.skipif(
    os.environ.get("CI") != "true" and os.environ.get("TOCSIN_FRESH") != "1",
    reason="installs everything anew; set TOCSIN_FRESH=1",
)


def test_the_first_minutes_of_a_new_user(tmp_path: Path) -> None:
    clone = tmp_path / "tocsin"
    trusting = ["-c", "safe.directory=*", "-c", "core.hooksPath="]
    subprocess.run(
        ["git", *trusting, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)],
        check=True,
        timeout=120,
        env={
            **os.environ,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        },
    )
    _first_start(clone)
    _second_start(clone)


def _first_start(clone: Path) -> None:
    port = free_port()
    began = time.monotonic()
    with Made(clone, port) as made:
        until(lambda: made.ready(port), 600, "`make run` does not come up")
        print(f"installed and ready after {time.monotonic() - began:.0f} s")
        assert f"Tocsin runs at http://127.0.0.1:{port}" in made.text
        setup = re.search(rf"http://127.0.0.1:{port}/setup/\S+", made.text)
        assert setup
        assert httpx.get(setup[0], trust_env=False).status_code == 200
        curl = re.search(r"^  (curl .*\\)\n +(-d .*)$", made.text, re.MULTILINE)
        assert curl, made.text
        sent = subprocess.run(
            ["bash", "-c", f"{curl[1]}\n{curl[2]}"], check=True, capture_output=True, text=True, timeout=30
        )
        assert '"INC-1"' in sent.stdout
        seen = subprocess.run(
            [".venv/bin/tocsin", "incidents"],
            cwd=clone,
            env={**environment(), "TOCSIN_URL": f"http://127.0.0.1:{port}"},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert re.search(r"INC-1 +P1 +open", seen.stdout), seen.stdout
        outbox = clone / "data/outbox.jsonl"
        until(
            lambda: outbox.exists() and "INC-1" in outbox.read_text(encoding="utf-8"), 15, "nobody is paged"
        )


def _second_start(clone: Path) -> None:
    port = free_port()
    began = time.monotonic()
    with Made(clone, port) as made:
        until(lambda: made.ready(port), 60, "the second start does not come up")
        took = time.monotonic() - began
        print(f"the second `make run` is ready after {took:.2f} s")
        assert took < 10


def environment() -> dict[str, str]:
    """What a new user's shell has, and nothing of ours."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


class Made:
    """`make run` in the clone, in a process group that is ended as a whole."""

    def __init__(self, clone: Path, port: int) -> None:
        self._process = subprocess.Popen(
            ["make", "run", f"ARGS=--port {port}"],
            cwd=clone,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        self._output = Output(self._process)

    def __enter__(self) -> "Made":
        return self

    def __exit__(self, *_: object) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
                break
        self._output.close()

    @property
    def text(self) -> str:
        """What it has written until now."""
        return self._output.text

    def ready(self, port: int) -> bool:
        """Whether the server answers."""
        assert self._process.poll() is None, f"`make run` ended:\n{self.text}"
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
        return False
