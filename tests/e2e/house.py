"""A real server in a process of its own, on a free port of this machine, and its real command line."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

LATER = str(Path(__file__).with_name("later.py"))
ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
READY_WITHIN_SECONDS = 30.0
STOP_WITHIN_SECONDS = 20.0
COMMAND_WITHIN_SECONDS = 60.0
_PORTS = range(20_000, 32_000)
"""Under the range from which Linux takes the ports of outgoing connections, so that none is taken twice."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def free_port() -> int:
    """A port of this machine that nobody listens on; two workers of pytest seek in different places."""
    start = (os.getpid() * 7919 + time.monotonic_ns() // 1000) % len(_PORTS)
    for step in range(len(_PORTS)):
        port = _PORTS[(start + step) % len(_PORTS)]
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("every port is taken")


def die_with_parent() -> None:
    """Between fork and exec: the process is killed when pytest dies, however it does."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def until(found: Callable[[], T | None], within: float = 20.0, what: str = "") -> T:
    """The first thing that is found; asking again and again, for so many seconds at most."""
    ends = time.monotonic() + within
    while True:
        got = found()
        if got:
            return got
        assert time.monotonic() < ends, f"not within {within:g} s: {what or found}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Ran:
    """What a command of the command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as the document that it is."""
        return json.loads(self.out)


class Output:
    """Reads what a process writes, so that it never waits for us; nothing of it touches a disk."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._pipe = process.stdout
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._pipe is not None
        with suppress(OSError, ValueError):
            while piece := os.read(self._pipe.fileno(), 65536):
                self._pieces.append(piece)

    def close(self) -> None:
        """After the end of the process: take what is left."""
        self._thread.join(5)
        if self._pipe is not None and not self._thread.is_alive():
            self._pipe.close()

    @property
    def text(self) -> str:
        """Everything until now."""
        return b"".join(self._pieces).decode(errors="replace")


class House:
    """A server with its own directory; `start`, `kill` and `start` again go on with the same data."""

    def __init__(
        self,
        folder: Path,
        *,
        playbook: Path | str | None = None,
        roster: str | None = None,
        settings: str | None = None,
        env: Mapping[str, str] | None = None,
        own_clock: bool = False,
    ) -> None:
        """`playbook` is a file or a text, the others are texts; they are written into `folder`. A server
        with its own clock can be sent ahead."""
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._ahead = folder / "ahead"
        self._program = (LATER,) if own_clock else ("-m", "tocsin")
        if own_clock:
            self.be_ahead(timedelta(0))
        self.process: subprocess.Popen[bytes] | None = None
        self._outputs: list[Output] = []
        self._env = dict(env or {})
        self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.playbook = self._written("playbook.md", playbook)
        self.roster = self._written("roster.toml", roster)
        self.settings = self._written("tocsin.toml", settings)

    def _written(self, name: str, content: Path | str | None) -> Path | None:
        if content is None or isinstance(content, Path):
            return content
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def environment(self, **more: str) -> dict[str, str]:
        """An environment in which nothing of the tester's own settings is left."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        kept["PYTHONPATH"] = os.pathsep.join([str(SRC), kept.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return {
            **kept,
            "COLUMNS": "220",
            "NO_COLOR": "1",
            "TZ": "UTC",
            "AHEAD_FILE": str(self._ahead),
            **self._env,
            **more,
        }

    def be_ahead(self, by: timedelta) -> None:
        """Set the server's clock ahead of this machine's, in one step that it never sees half-way."""
        beside = self._ahead.with_name("ahead.new")
        beside.write_text(str(by.total_seconds()), encoding="utf-8")
        beside.replace(self._ahead)

    @property
    def serve_command(self) -> list[str]:
        """What starts the server."""
        flags = ["--data", str(self.data), "--port", str(self.port)]
        for flag, path in (
            ("--playbook", self.playbook),
            ("--roster", self.roster),
            ("--config", self.settings),
        ):
            flags += [flag, str(path)] if path else []
        return [sys.executable, *self._program, "serve", *flags]

    def spawn(self, stderr: Any = subprocess.STDOUT) -> None:
        """Start the server and do not wait for it."""
        assert self.process is None, "it runs already"
        self.process = subprocess.Popen(
            self.serve_command,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            preexec_fn=die_with_parent,
        )
        self._outputs.append(Output(self.process))

    def start(self, stderr: Any = subprocess.STDOUT) -> float:
        """Start the server, wait until it is ready, and return how many seconds that took."""
        began = time.monotonic()
        self.spawn(stderr)
        until(self._ready, READY_WITHIN_SECONDS, "the server is not ready")
        return time.monotonic() - began

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended:\n{self.log}"
        with suppress(httpx.TransportError):
            return self._client.get("/readyz").status_code == 200
        return False

    def refused(self) -> tuple[int, str]:
        """Start a server that must end by itself: its exit code, and what it wrote."""
        self.spawn()
        assert self.process is not None
        code = self.process.wait(READY_WITHIN_SECONDS)
        self._ended()
        return code, self._outputs[-1].text

    def kill(self) -> None:
        """End the server at once, as a power failure would."""
        assert self.process is not None, "it does not run"
        self.process.kill()
        self.process.wait(STOP_WITHIN_SECONDS)
        self._ended()

    def stop(self) -> tuple[int, float]:
        """Ask the server to stop: its exit code, and how many seconds it took."""
        assert self.process is not None, "it does not run"
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_WITHIN_SECONDS)
        took = time.monotonic() - began
        self._ended()
        return code, took

    def _ended(self) -> None:
        self._outputs[-1].close()
        self.process = None

    def close(self) -> None:
        """Leave nothing running."""
        self._client.close()
        if self.process is not None:
            self.kill()

    @property
    def log(self) -> str:
        """Everything that the server has written, over all its starts."""
        return "".join(output.text for output in self._outputs)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "tocsin.db"

    @property
    def token(self) -> str:
        """The token that the server made for the command line of its machine."""
        return (self.data / "cli.token").read_text(encoding="utf-8").strip()

    def run(self, *words: str, code: int | None = 0, person: str = "", within: float = 0) -> Ran:
        """Run a command of the command line; its exit code must be `code`, where that is not None."""
        ran = subprocess.run(
            [sys.executable, "-m", "tocsin", *words],
            cwd=self.folder,
            env=self.environment(
                TOCSIN_URL=self.url,
                TOCSIN_DATA=str(self.data),
                **({"TOCSIN_PERSON": person} if person else {}),
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within or COMMAND_WITHIN_SECONDS,
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        told = f"{words} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
        assert code is None or ran.returncode == code, told
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request to the server, without a token."""
        return self._client.request(method, path, **request)

    def api(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """One request to the API with the token of this machine; the answer's document."""
        answer = self._client.request(
            method,
            f"/api/v1{path}",
            headers={"authorization": f"Bearer {self.token}"},
            **({} if body is None else {"json": body}),
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def alert(self, title: str, **fields: Any) -> str:
        """Send an alert of our own format; the incident that it belongs to."""
        answer = self.ask("POST", "/in/generic", json={"title": title, **fields})
        assert answer.status_code == 200, answer.text
        return (answer.json()["incidents"] or [""])[0]

    def incident(self, name: str) -> Any:
        """The read model of an incident."""
        return self.api("GET", f"/incidents/{name}")["incident"]

    def lines(self, name: str) -> list[Any]:
        """The timeline of an incident."""
        return self.api("GET", f"/incidents/{name}/timeline")["lines"]

    def texts(self, name: str) -> list[str]:
        """The sentences of the timeline of an incident."""
        return [line["text"] for line in self.lines(name)]

    def kinds(self, name: str) -> list[str]:
        """The kinds of the entries of an incident's timeline."""
        return [line["kind"] for line in self.lines(name)]

    def outbox(self) -> list[Any]:
        """What was delivered into the local file, line by line. A line that a crash cut short is left out."""
        path = self.data / "outbox.jsonl"
        found: list[Any] = []
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            with suppress(ValueError):
                found.append(json.loads(line))
        return found


@contextmanager
def house(folder: Path, **wanted: Any) -> Iterator[House]:
    """A house that is started, and ended with the block."""
    made = House(folder, **wanted)
    try:
        made.start()
        yield made
    finally:
        made.close()


@contextmanager
def empty_house(folder: Path, **wanted: Any) -> Iterator[House]:
    """A house whose server is not started yet, and ended with the block."""
    made = House(folder, **wanted)
    try:
        yield made
    finally:
        made.close()
