"""The composition root: the one place that knows which adapters and faces there are."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from litestar import Litestar

from tocsin.adapters.clock import SystemClock, SystemRandomness
from tocsin.adapters.files import read_bytes, read_folder, read_text, watch, write_secret
from tocsin.adapters.logs import configure
from tocsin.adapters.store.address import read_address
from tocsin.adapters.store.sql import SqlStore, connect
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.load import load_settings
from tocsin.config.secrets import Secrets, resolve_secret
from tocsin.config.settings import Settings
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.ports import Channel, Source, Store
from tocsin.engine.shelf import Shelf, put_on_shelf
from tocsin.faces.cli.services import ServeOptions, StoreOptions
from tocsin.faces.http.app import create_app
from tocsin.faces.web import site
from tocsin.incident.events import SYSTEM
from tocsin.incident.evolve import fold
from tocsin.oncall.model import Roster
from tocsin.oncall.read import read_roster
from tocsin.playbook.collection import is_document
from tocsin.playbook.policy import Policy, lint_policy, read_policy

log = structlog.get_logger(__name__)

SETTINGS_FILE = "tocsin.toml"
CLI_TOKEN_FILE = "cli.token"
CLI_TOKEN_NAME = "command line on this machine"
STOP_WITHIN_SECONDS = 5
FIRST_ALERT = '{"title": "CheckoutDown", "description": "No order came in for 5 minutes"}'


def settings_of(options: ServeOptions | StoreOptions) -> Settings:
    """The settings of flags, environment and file.

    Raises:
        ProblemsError: everything that is wrong with them.
    """
    path = options.config or Path(os.environ.get("TOCSIN_CONFIG", SETTINGS_FILE))
    named = options.config is not None or "TOCSIN_CONFIG" in os.environ
    text = None
    if named or path.exists():
        try:
            text = read_bytes(path, "settings file").decode()
        except UnicodeDecodeError as error:
            problem = Problem(
                code="not-utf8",
                file=str(path),
                message="The settings are not UTF-8.",
                mend="Save them as UTF-8.",
            )
            raise ProblemsError([problem]) from error
    names = ("host", "port", "data", "database_url", "playbook", "roster", "policy")
    given = {name: getattr(options, name, None) for name in names}
    flags = {name: None if value is None else str(value) for name, value in given.items()}
    return load_settings(flags, os.environ, text, str(path))


def read_secret(ref: str, field: str) -> str:
    """The secret behind a reference of the settings."""
    return resolve_secret(ref, os.environ, lambda path: Path(path).read_text(encoding="utf-8"), field)


def channels_of(settings: Settings, secrets: Secrets, clock: SystemClock) -> dict[str, Channel]:
    """Every channel that is installed and set up, by its kind.

    Raises:
        ProblemsError: one is set up wrongly, or two are of one kind.
    """
    found: dict[str, Channel] = {}
    problems: list[Problem] = []
    for entry in entry_points(group="tocsin.channels"):
        try:
            made: Channel | None = entry.load()(settings, secrets, clock)
        except ProblemsError as error:
            problems += error.problems
            continue
        if made is not None and made.kind in found:
            problems.append(_twice("channel", made.kind))
        elif made is not None:
            found[made.kind] = made
    if problems:
        raise ProblemsError(problems)
    return found


def sources_of() -> dict[str, Source]:
    """Every source of alerts that is installed, by its kind.

    Raises:
        ProblemsError: two are of one kind.
    """
    found: dict[str, Source] = {}
    for entry in entry_points(group="tocsin.sources"):
        made: Source = entry.load()()
        if made.kind in found:
            raise ProblemsError([_twice("source", made.kind)])
        found[made.kind] = made
    return found


def _twice(what: str, kind: str) -> Problem:
    return Problem(
        code="twice",
        message=f"Two installed packages bring a {what} of the kind {kind!r}.",
        mend="Uninstall one of them.",
    )


def documents_of(settings: Settings, channels: Mapping[str, Channel]) -> tuple[Shelf, Roster]:
    """The playbooks, their policy and the roster that the settings name, or the examples that come along.

    Raises:
        ProblemsError: everything that is wrong with any of them.
    """
    examples = files("tocsin") / "examples"
    problems: list[Problem] = []
    documents: list[tuple[str, bytes]] = []
    policy = Policy()
    if settings.playbook is None:
        documents = [("playbook.md", (examples / "playbook.md").read_bytes())]
    elif settings.playbook.is_dir():
        documents = read_folder(settings.playbook, is_document)
    else:
        documents = [(settings.playbook.name, read_bytes(settings.playbook, "playbook"))]
    if settings.playbook is not None and settings.roster is None:
        problems.append(
            Problem(
                code="no-roster",
                field="roster",
                message="A playbook of your own needs a roster that says who fills its roles.",
                mend="Give --roster FILE; docs/guide/roster.md shows one.",
            )
        )
    roster = Roster()
    try:
        if settings.policy is not None:
            policy = read_policy(read_bytes(settings.policy, "policy"), str(settings.policy))
    except ProblemsError as error:
        problems += error.problems
    try:
        if settings.roster is not None:
            content = read_bytes(settings.roster, "roster")
            roster = read_roster(content, str(settings.roster), _address_check(channels))
        elif settings.playbook is None:
            content = (examples / "roster.toml").read_bytes()
            roster = read_roster(content, "roster.toml", _address_check(channels))
    except ProblemsError as error:
        problems += error.problems
    is_folder = settings.playbook is not None and settings.playbook.is_dir()
    shelf, fatal = put_on_shelf(documents, is_folder, policy)
    problems += fatal
    if problems or shelf is None:
        raise ProblemsError(problems)
    return shelf, roster


def _tell(shelf: Shelf, now: datetime) -> None:
    """Log what is wrong between the documents and with the policy; none of it keeps the server down."""
    members = {each.name: each.playbook for book in shelf.books for each in (book.document, *book.runbooks)}
    for found in (*shelf.findings, *lint_policy(tuple(members.items()), shelf.policy, now)):
        log.warning(found.message, code=found.code, file=found.file, line=found.line, mend=found.mend)


def _address_check(channels: Mapping[str, Channel]) -> Any:
    def check(kind: str, address: str) -> str | None:
        channel = channels.get(kind)
        if channel is None:
            return f"there is no channel {kind!r}; set up are {', '.join(sorted(channels))}"
        return channel.check(address)

    return check


@asynccontextmanager
async def open_store(options: StoreOptions) -> AsyncGenerator[Store, None]:
    """The database of the settings, as it is, without a server.

    Raises:
        ProblemsError: the settings are refused, or there is no database.
    """
    settings = settings_of(options)
    store = SqlStore(read_address(_database_url(settings)), fold)
    try:
        yield store
    finally:
        await store.close()


def _database_url(settings: Settings) -> str:
    if settings.database_url_ref:
        return read_secret(settings.database_url_ref, "database_url_ref")
    return settings.database_url


def serve(options: ServeOptions) -> None:
    """Run the server until it is told to stop.

    Raises:
        ProblemsError: the settings, the playbook or the roster are refused; nothing was started.
    """
    settings = settings_of(options)
    configure(settings.log.level, settings.log.format)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_serve(settings))


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _serve(settings: Settings) -> None:
    clock, randomness = SystemClock(), SystemRandomness()
    channels = channels_of(settings, read_secret, clock)
    sources = sources_of()
    shelf, roster = documents_of(settings, channels)
    _tell(shelf, clock.now())
    listening = _listen(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = assemble(
        store=await connect(_database_url(settings), fold),
        clock=clock,
        randomness=randomness,
        document=shelf,
        roster=roster,
        clocks=settings.clocks,
        channels=channels,
        public_url=settings.public_url,
        bundle_window=settings.page_bundle_window,
    )
    app = create_app(
        engine,
        sources=sources,
        public_url=settings.public_url,
        allow_unauthenticated_sources=settings.allow_unauthenticated_sources,
        source_tokens={
            kind: read_secret(ref, f"sources.{kind}.token_ref")
            for kind, ref in settings.source_tokens.items()
        },
        extra_handlers=site.handlers(),
        error_page=site.error_page,
    )
    await engine.start()
    watched = [path for path in (settings.playbook, settings.roster, settings.policy) if path is not None]
    watcher = asyncio.create_task(watch(watched, lambda: _reload(engine, settings, channels)))
    try:
        await _write_cli_token(engine, settings.data_dir / CLI_TOKEN_FILE)
        setup_link = await engine.access.setup_link(settings.public_url)
        await _Server(app, engine, settings, setup_link).serve([listening])
    finally:
        listening.close()
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await engine.stop()


def _listen(settings: Settings) -> socket.socket:
    """The socket to serve on, taken before anything else is begun.

    Raises:
        ProblemsError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        problem = Problem(
            code="cannot-listen",
            field="port",
            message=f"Tocsin cannot listen on {settings.host}:{settings.port}: {reason}.",
            mend="Stop what uses it, or choose another with --port.",
        )
        raise ProblemsError([problem]) from error
    return listening


async def _reload(engine: Engine, settings: Settings, channels: Mapping[str, Channel]) -> None:
    try:
        shelf, roster = documents_of(settings, channels)
    except ProblemsError as error:
        log.error("the changed files are refused; the ones before stay in force", problems=str(error))
        return
    await engine.reload(shelf, roster)
    _tell(shelf, engine.clock.now())
    default = shelf.default
    log.info("the playbook and the roster were read again", playbook=default.name, sha256=default.hash)


async def _write_cli_token(engine: Engine, path: Path) -> None:
    """Let the command line on this machine in: whoever may read the data folder may do anything anyway."""
    known = await asyncio.to_thread(read_text, path)
    if known and await engine.access.principal_of_token(known.strip()):
        return
    token = await engine.access.create_token(CLI_TOKEN_NAME, "admin", None, SYSTEM)
    write_secret(path, f"{token}\n")


class _Server(uvicorn.Server):
    """A server that says where it is once it is ready, and lets open streams go when it has to stop."""

    def __init__(self, app: Litestar, engine: Engine, settings: Settings, setup_link: str | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
            )
        )
        self._engine = engine
        self._settings = settings
        self._setup_link = setup_link

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then print the way in."""
        await super().startup(sockets)
        if self.started:
            print(welcome(self._settings, self._setup_link), flush=True)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Heed the signals while serving. The base class raises them once more afterwards, which would end
        the process before the engine has stopped in good order, and tell a stop that was asked for as a
        failure."""
        before = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop; a second Ctrl-C stops at once."""
        self._engine.hub.close()
        if sig == signal.SIGINT and self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)


def welcome(settings: Settings, setup_link: str | None) -> str:
    """What is printed once the server is ready: its address, the set-up link, and a first alert."""
    url = settings.public_url
    lines = [f"Tocsin runs at {url}", ""]
    if setup_link:
        lines += ["Make yourself the first admin (this link works once):", f"  {setup_link}", ""]
    lines += [
        "Send a first alert:",
        f"  curl -X POST {url}/in/generic -H 'content-type: application/json' \\",
        f"    -d '{FIRST_ALERT}'",
        "",
        f"Pages to people with an outbox are written to {settings.outbox_file}. Stop with Ctrl-C.",
    ]
    return "\n".join(lines)
