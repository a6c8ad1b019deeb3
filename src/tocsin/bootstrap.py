"""The composition root: the one place that knows which adapters and faces there are."""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from datetime import datetime
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

import structlog

from tocsin.adapters.clock import SystemClock, SystemRandomness
from tocsin.adapters.files import held_alone, read_bytes, read_folder, read_text, watch, write_secret
from tocsin.adapters.inbound.mail import listener_of
from tocsin.adapters.live import LiveWorld
from tocsin.adapters.logs import configure, unfailing_stderr
from tocsin.adapters.probes import NetProber
from tocsin.adapters.store.address import read_address
from tocsin.adapters.store.sql import SqlStore, connect
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.load import load_settings
from tocsin.config.report_form import report_form
from tocsin.config.secrets import Secrets, resolve_secret
from tocsin.config.settings import Settings, references_of
from tocsin.config.watches import watches_of
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.ports import Channel, Store
from tocsin.engine.shelf import Shelf, put_on_shelf
from tocsin.engine.sources import Source
from tocsin.engine.watches import set_watching
from tocsin.faces.cli.services import ServeOptions, StoreOptions
from tocsin.faces.http.app import create_app
from tocsin.faces.web import site
from tocsin.incident.events import SYSTEM
from tocsin.incident.evolve import fold
from tocsin.oncall.model import Roster
from tocsin.oncall.read import read_roster
from tocsin.playbook.collection import is_document
from tocsin.playbook.policy import Policy, read_policy
from tocsin.serving import Server, listen, new_loop

log = structlog.get_logger(__name__)

SETTINGS_FILE = "tocsin.toml"
CLI_TOKEN_FILE = "cli.token"
CLI_TOKEN_NAME = "command line on this machine"


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


def world_of(folder: Path) -> LiveWorld:
    """What a check of a playbook asks of the real world, under the settings of this place.

    Raises:
        ProblemsError: the settings are refused.
    """
    settings = settings_of(StoreOptions())
    missing = ""
    try:
        channels = channels_of(settings, read_secret, SystemClock())
    except ProblemsError as error:
        # A secret that cannot be read is a finding of its own; it must not hide all others.
        channels, missing = {}, error.problems[0].message
    mail = (settings.smtp.host, settings.smtp.port) if settings.smtp else None
    references = list(references_of(settings))
    return LiveWorld(folder, os.environ, channels, read_secret, references, mail, missing)


def sources_of(settings: Settings, secrets: Secrets) -> dict[str, Source]:
    """Every source of alerts that is installed, by its kind.

    Raises:
        ProblemsError: one is set up wrongly, or two are of one kind.
    """
    found: dict[str, Source] = {}
    problems: list[Problem] = []
    for entry in entry_points(group="tocsin.sources"):
        try:
            made: Sequence[Source] = entry.load()(settings, secrets)
        except ProblemsError as error:
            problems += error.problems
            continue
        problems += [_twice("source", each.kind) for each in made if each.kind in found]
        found.update({each.kind: each for each in made})
    if problems:
        raise ProblemsError(problems)
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
    policy, is_folder = Policy(), settings.playbook is not None and settings.playbook.is_dir()
    if settings.playbook is None:
        documents = [("playbook.md", (examples / "playbook.md").read_bytes())]
    elif is_folder:
        documents = read_folder(settings.playbook, is_document)
    else:
        documents = [(settings.playbook.name, read_bytes(settings.playbook, "playbook"))]
    if settings.playbook is not None and settings.roster is None:
        message = "A playbook of your own needs a roster that says who fills its roles."
        mend = "Give --roster FILE; docs/guide/roster.md shows one."
        problems.append(Problem(code="no-roster", field="roster", message=message, mend=mend))
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
    shelf, fatal = put_on_shelf(documents, is_folder, policy)
    problems += fatal
    if problems or shelf is None:
        raise ProblemsError(problems)
    return shelf, roster


def _tell(shelf: Shelf, now: datetime) -> None:
    """Log what is wrong between the documents and with the policy; none of it keeps the server down."""
    for found in shelf.findings_at(now):
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
    with unfailing_stderr():
        configure(settings.log.level, settings.log.format)
        with _alone(settings), asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_serve(settings))


def _alone(settings: Settings) -> AbstractContextManager[None]:
    """Serve a SQLite file alone: what is remembered of it between transactions is only true so."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    address = read_address(_database_url(settings))
    file = address.url.database if address.sqlite else None
    return held_alone(Path(f"{file}.lock")) if file and file != ":memory:" else nullcontext()


async def _serve(settings: Settings) -> None:
    clock, randomness = SystemClock(), SystemRandomness()
    channels = channels_of(settings, read_secret, clock)
    sources, form = sources_of(settings, read_secret), report_form(settings, read_secret)
    watches = watches_of(settings, read_secret)
    shelf, roster = documents_of(settings, channels)
    _tell(shelf, clock.now())
    listening = listen(settings)
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
    listener = listener_of(settings, watches.mail, clock, engine.mailroom)
    set_watching(
        engine, watches.heartbeats, watches.probes, NetProber(clock), watches.from_playbook, listener
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
        source_rates=settings.source_rates,
        extra_handlers=site.handlers(),
        error_page=site.error_page,
        report_form=form,
    )
    engine.parts["reports"] = engine.reports.run
    await engine.start()
    watched = [path for path in (settings.playbook, settings.roster, settings.policy) if path is not None]
    watcher = asyncio.create_task(watch(watched, lambda: _reload(engine, settings, channels)))
    try:
        await _write_cli_token(engine, settings.data_dir / CLI_TOKEN_FILE)
        setup_link = await engine.access.setup_link(settings.public_url)
        await Server(app, engine, settings, setup_link).serve([listening])
    finally:
        listening.close()
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await engine.stop()
        for source in sources.values():
            await source.close()


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
