"""A private PostgreSQL for tests: its own cluster on loopback, a database for each test, gone at the end."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

_USERS = ("pgtest", "postgres", "nobody")
_READY_SECONDS = 20.0
_STOP_SECONDS = 10.0
_ATTEMPTS = 3
_ROOM_IN_MEMORY_BYTES = 1 << 30
_FAST = ("-F", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


class PostgresMissingError(Exception):
    """There is no PostgreSQL here that tests could start; the message says why and what to do."""


class PrivatePostgres:
    """A server of its own. `url` gives the address of one of its databases."""

    def __init__(self, programs: Path, folder: Path, user: str | None, durable: bool) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._numbers = count(1)

    def start(self) -> None:
        """Start it on a free port of loopback, and wait until it takes connections.

        Raises:
            PostgresMissingError: it does not start; the message has the end of its log.
        """
        for _ in range(_ATTEMPTS):
            self._port = _free_port()
            if self._launched():
                return
            # Somebody may have taken the port between our looking and the server's start.
        log = (self._folder / "log").read_text(errors="replace").strip()
        raise PostgresMissingError(f"the server did not start: {log[-2000:]}")

    def stop(self) -> None:
        """End it without waiting for whoever is connected."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Start it again on the same port, after it was stopped.

        Raises:
            PostgresMissingError: it does not start.
        """
        if not self._launched():
            raise PostgresMissingError("the server did not start again")

    def url(self, database: str = "postgres") -> str:
        """The URL of a database, whose user needs no password."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def create(self, template: str = "template1") -> str:
        """Make a new database as a copy of another, to which nobody may be connected; returns its name."""
        name = f"t{next(self._numbers)}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        return name

    def drop(self, database: str) -> None:
        """Remove a database, and whoever is still connected to it."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _launched(self) -> bool:
        options = ("-p", str(self._port), "-h", "127.0.0.1", "-k", self._folder)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._folder / "data"),
                    *(*options, *(() if self._durable else _FAST)),
                ],
                cwd="/",
                user=self._user,
                group=_group(self._user),
                extra_groups=None if self._user is None else [],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _READY_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._answers():
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def private_postgres(*, durable: bool = False) -> Generator[PrivatePostgres, None, None]:
    """A server of its own, in a new folder that is removed at the end.

    `durable` keeps its promises over a crash; without it the server is faster and does not.

    Raises:
        PostgresMissingError: there are no programs for it, no user to run them as, or it does not start.
    """
    programs = _programs()
    user = _user()
    # Not the test's own folder: the server's user has to be able to come there.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_open_folder(durable)))
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        _initialise(programs, folder, user)
        server = PrivatePostgres(programs, folder, user, durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    debian = Path("/usr/lib/postgresql")
    found = [path for path in debian.glob("*/bin") if (path / "initdb").exists()] if debian.exists() else []
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise PostgresMissingError("initdb is neither on the PATH nor in /usr/lib/postgresql; install PostgreSQL")


def _user() -> str | None:
    """Whom to run the server as; None where we may run it ourselves, because we are not root."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
        if name == _USERS[0] and (useradd := shutil.which("useradd")):
            subprocess.run(
                [useradd, "-r", "-M", "-s", "/usr/sbin/nologin", name], capture_output=True, check=False
            )
            with suppress(KeyError):
                return pwd.getpwnam(name).pw_name
    raise PostgresMissingError(
        f"PostgreSQL refuses to run as root, and none of the users {', '.join(_USERS)} is there"
    )


def _open_folder(durable: bool) -> str:
    # A new database is 300 new files, which a disk takes ten times as long for as memory does.
    memory = Path("/dev/shm")
    if not durable and memory.is_dir() and shutil.disk_usage(memory).free >= _ROOM_IN_MEMORY_BYTES:
        return str(memory)
    folder = Path(tempfile.gettempdir())
    closed = [each for each in (folder, *folder.parents) if not each.stat().st_mode & 0o001]
    return "/tmp" if closed else str(folder)


def _initialise(programs: Path, folder: Path, user: str | None) -> None:
    options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
    done = subprocess.run(
        [programs / "initdb", "-D", folder / "data", *options],
        cwd="/",
        user=user,
        group=_group(user),
        extra_groups=None if user is None else [],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise PostgresMissingError(f"initdb failed: {done.stderr.decode(errors='replace').strip()}")


def _group(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
