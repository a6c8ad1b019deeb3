"""Loading the settings: flags over environment over file over defaults."""

import difflib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from tocsin.base.problems import Problem, ProblemsError
from tocsin.base.tomlread import Table, did_you_mean, read_toml
from tocsin.config import values as v
from tocsin.config.settings import Log, Settings, Smtp
from tocsin.incident.rules import Clocks

T = TypeVar("T")

PREFIX = "TOCSIN_"
NO_SETTINGS = ("TOCSIN_CONFIG", "TOCSIN_URL", "TOCSIN_TOKEN", "TOCSIN_PERSON")
"""Variables that name the file of the settings, or that only the commands read."""

_OF_EVERY_SOURCE = ("token_ref", "requests_per_minute")
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_SMTP_PORTS = {"none": 25, "starttls": 587, "tls": 465}


class Setting(NamedTuple, Generic[T]):
    """One setting: its key in the file (`table.key`), its kind, and its flag where it has one."""

    key: str
    kind: v.Kind[T]
    flag: str = ""
    variable: str = ""

    @property
    def env(self) -> str:
        """The environment variable that sets it."""
        return self.variable or PREFIX + self.key.upper().replace(".", "_")


HOST = Setting("host", v.HOST, "host")
PORT = Setting("port", v.PORT, "port")
PUBLIC_URL = Setting("public_url", v.BASE_URL)
DATA_DIR = Setting("data_dir", v.PATH, "data", "TOCSIN_DATA")
DATABASE_URL = Setting("database_url", v.DATABASE_URL, "database_url")
DATABASE_URL_REF = Setting("database_url_ref", v.REF)
PLAYBOOK = Setting("playbook", v.PATH, "playbook")
ROSTER = Setting("roster", v.PATH, "roster")
POLICY = Setting("policy", v.PATH, "policy")
OUTBOX_FILE = Setting("outbox_file", v.PATH)
OPEN_SOURCES = Setting("allow_unauthenticated_sources", v.FLAG)
BUNDLE_WINDOW = Setting("page_bundle_window", v.span(timedelta(0), timedelta(minutes=5)))
PROBES_FROM_PLAYBOOK = Setting("probes_from_playbook", v.FLAG)
PROBES_BASE_URL = Setting("probes_base_url", v.BASE_URL)
SMTP_HOST = Setting("smtp.host", v.HOST)
SMTP_PORT = Setting("smtp.port", v.PORT)
SMTP_TLS = Setting("smtp.tls", v.TLS)
SMTP_FROM = Setting("smtp.from", v.SENDER)
SMTP_USERNAME = Setting("smtp.username", v.TEXT)
SMTP_PASSWORD_REF = Setting("smtp.password_ref", v.REF)
WEBHOOK_SECRET_REF = Setting("webhook.secret_ref", v.REF)
LOG_LEVEL = Setting("log.level", v.LEVEL)
LOG_FORMAT = Setting("log.format", v.FORMAT)
DEFAULT_RESPOND_WITHIN = Setting("clocks.default_respond_within", v.span(_SECOND, 30 * _DAY))
IMMEDIATE_MEANS = Setting("clocks.immediate_means", v.span(_SECOND, _DAY))
NEXT_ROLE_AFTER = Setting("clocks.next_role_after", v.SHARE)
EVERYONE_AFTER = Setting("clocks.everyone_after", v.SHARE)
REPEAT_SHARE = Setting("clocks.repeat_share", v.SHARE)
REPEAT_LEAST = Setting("clocks.repeat_least", v.span(10 * _SECOND, _DAY))
REPEAT_LATE = Setting("clocks.repeat_late", v.span(10 * _SECOND, 7 * _DAY))

SETTINGS: tuple[Setting[Any], ...] = (
    *(HOST, PORT, PUBLIC_URL, DATA_DIR, DATABASE_URL, DATABASE_URL_REF, PLAYBOOK, ROSTER, POLICY),
    OUTBOX_FILE,
    *(OPEN_SOURCES, BUNDLE_WINDOW, WEBHOOK_SECRET_REF, LOG_LEVEL, LOG_FORMAT),
    *(PROBES_FROM_PLAYBOOK, PROBES_BASE_URL),
    *(SMTP_HOST, SMTP_PORT, SMTP_TLS, SMTP_FROM, SMTP_USERNAME, SMTP_PASSWORD_REF),
    *(DEFAULT_RESPOND_WITHIN, IMMEDIATE_MEANS, NEXT_ROLE_AFTER, EVERYONE_AFTER),
    *(REPEAT_SHARE, REPEAT_LEAST, REPEAT_LATE),
)
FREE_TABLES = ("channels", "sources")
"""Tables whose keys are kinds of channels and sources."""

PART_TABLES = ("heartbeats", "probes", "mappings", "inbound_mail", "report_form")
"""Tables that the parts they are for read themselves (see `config.tables`)."""


def load_settings(
    flags: Mapping[str, str | None], environ: Mapping[str, str], file_text: str | None, file_name: str
) -> Settings:
    """Read the settings. `file_text` is the text of `tocsin.toml` (None: there is none), and relative
    paths in it are relative to the directory of `file_name`.

    Flags are those of `tocsin serve`: `host`, `port`, `data`, `database_url`, `playbook`, `roster`,
    `policy`; one that is None was not given. What a flag sets is not looked at in the environment.

    Raises:
        ProblemsError: everything that is wrong, each with its flag, variable, or line of the file.
    """
    loader = _Loader(flags, environ, file_text, file_name)
    for each in SETTINGS:
        loader.read(each)
    tokens, rates, sources = loader.sources()
    settings = _settings(loader, tokens, rates, sources)
    loader.look_for_typos(tokens)
    if loader.problems or loader.root.report.problems:
        in_file = sorted(loader.root.report.problems, key=lambda problem: problem.line)
        raise ProblemsError([*loader.problems, *in_file])
    return settings


class _Loader:
    """Values by the key of their setting, and where each came from."""

    def __init__(
        self, flags: Mapping[str, str | None], environ: Mapping[str, str], text: str | None, name: str
    ) -> None:
        self.problems: list[Problem] = []
        self._flags = flags
        self._environ = environ
        self._base = Path(name).parent
        self._values: dict[str, object] = {}
        self._origins: dict[str, str] = {}
        self.root = self._document(text or "", name)
        self._tables = self._known_tables()

    def get(self, setting: Setting[T]) -> T | None:
        """The value, or None where it was not set or is wrong."""
        return cast("T | None", self._values.get(setting.key))

    def is_set(self, setting: Setting[Any]) -> bool:
        """Whether it was set anywhere, rightly or wrongly."""
        return setting.key in self._origins

    def refuse(self, setting: Setting[Any], code: str, message: str, mend: str) -> None:
        """Tell of a problem at the place that sets a setting, or in the file where nothing does."""
        origin = self._origins.get(setting.key, "")
        if origin:
            self.problems.append(Problem(code=code, message=message, mend=mend, field=origin))
        else:
            self.root.report.add(tuple(setting.key.split(".")), code, message, mend)

    def read(self, setting: Setting[Any]) -> None:
        """Read a setting from wherever it is set."""
        from_file = self._from_file(setting)
        flag = self._flags.get(setting.flag) if setting.flag else None
        if flag is not None:
            self._set(setting, f"--{setting.flag.replace('_', '-')}", flag)
        elif (text := self._environ.get(setting.env, "").strip()) != "":
            self._set(setting, setting.env, text)
        elif from_file is not None:
            self._values[setting.key] = from_file

    def _set(self, setting: Setting[Any], origin: str, text: str) -> None:
        self._origins[setting.key] = origin
        try:
            self._values[setting.key] = setting.kind.parse(text)
        except ValueError as error:
            self._values.pop(setting.key, None)
            message = f"{setting.key}: {error}."
            self.problems.append(
                Problem(code="bad-setting", message=message, mend=setting.kind.mend, field=origin)
            )

    def _from_file(self, setting: Setting[Any]) -> object:
        place, _, key = setting.key.rpartition(".")
        table = self._tables.get(place)
        if table is None or key not in table:
            return None
        self._origins[setting.key] = ""

        def parse(value: object) -> object:
            if not isinstance(value, setting.kind.toml) or (
                isinstance(value, bool) and bool not in setting.kind.toml
            ):
                raise ValueError(f"the value of {key!r} is of the wrong type")
            text = str(value).strip()
            if not text:
                raise ValueError(f"{key!r} is empty")
            read = setting.kind.parse(text)
            return self._base / read if isinstance(read, Path) else read

        return table.parsed(key, "bad-setting", parse, setting.kind.mend)

    def _document(self, text: str, name: str) -> Table:
        try:
            return read_toml(text, name)
        except ProblemsError as error:
            self.problems += error.problems
            return read_toml("", name)

    def _known_tables(self) -> dict[str, Table]:
        """The tables of the file that hold settings; keys that are none are told of."""
        within: dict[str, list[str]] = {"": [*FREE_TABLES, *PART_TABLES]}
        for setting in SETTINGS:
            place, _, key = setting.key.rpartition(".")
            within.setdefault(place, []).append(key)
        within[""] += [place for place in within if place]
        found: dict[str, Table] = {}
        for place, keys in within.items():
            table = self.root.table(place) if place else self.root
            if table is not None:
                table.only(*keys)
                found[place] = table
        return found

    def free(self, name: str) -> dict[str, dict[str, Any]]:
        """The tables within `channels` or `sources`, as they stand in the file."""
        table = self.root.table(name)
        return {key: dict(each.values) for key, each in table.each_table()} if table else {}

    def parts(self) -> dict[str, dict[str, Any]]:
        """The tables of the parts, as they stand in the file; one that is not there is left out."""
        found = ((name, self.root.table(name)) for name in PART_TABLES if name in self.root)
        return {name: dict(table.values) for name, table in found if table is not None}

    def sources(self) -> tuple[dict[str, str], dict[str, int], dict[str, dict[str, Any]]]:
        """The references of the tokens of the sources, their rates, and the rest of their tables."""
        tokens: dict[str, str] = {}
        rates: dict[str, int] = {}
        rest: dict[str, dict[str, Any]] = {}
        table = self.root.table("sources")
        for kind, each in table.each_table() if table else ():
            rest[kind] = {key: value for key, value in each.values.items() if key not in _OF_EVERY_SOURCE}
            if "requests_per_minute" in each:
                rate = each.parsed(
                    "requests_per_minute", "bad-setting", lambda value: v.RATE.parse(str(value)), v.RATE.mend
                )
                rates[kind] = rate or 1
            if "token_ref" in each:
                ref = each.parsed(
                    "token_ref", "bad-setting", lambda value: v.REF.parse(str(value)), v.REF.mend
                )
                tokens[kind] = ref or ""
        return tokens, rates, rest

    def look_for_typos(self, tokens: Mapping[str, str]) -> None:
        """Tell of variables that look like those of a setting. Others with our prefix are left alone:
        they may hold secrets, or come from whatever runs us."""
        known = [setting.env for setting in SETTINGS]
        refs = [value for value in [*self._values.values(), *tokens.values()] if isinstance(value, str)]
        spared = {*known, *NO_SETTINGS, *(ref.removeprefix("env:") for ref in refs)}
        for name in sorted(self._environ):
            if name.startswith(PREFIX) and name not in spared and _near(name, known):
                message = f"There is no setting {name}."
                mend = f"{did_you_mean(name, known)} Secrets are never set themselves, but by reference."
                self.problems.append(Problem(code="unknown-key", message=message, mend=mend, field=name))


def _near(name: str, known: list[str]) -> bool:
    return bool(difflib.get_close_matches(name, known, n=1, cutoff=0.85))


def _settings(
    loader: _Loader,
    tokens: dict[str, str],
    rates: dict[str, int],
    sources: dict[str, dict[str, Any]],
) -> Settings:
    host, port = loader.get(HOST) or "127.0.0.1", loader.get(PORT) or 8800
    data_dir = loader.get(DATA_DIR) or Path("data")
    open_sources = loader.get(OPEN_SOURCES)
    if loader.is_set(DATABASE_URL) and loader.is_set(DATABASE_URL_REF):
        message = "The database is named twice, by its address and by a reference to it."
        loader.refuse(DATABASE_URL_REF, "bad-setting", message, "Keep one of them.")
    window = loader.get(BUNDLE_WINDOW)
    return Settings(
        host=host,
        port=port,
        public_url=loader.get(PUBLIC_URL) or f"http://{v.url_host(host)}:{port}",
        data_dir=data_dir,
        database_url=loader.get(DATABASE_URL) or f"sqlite:///{data_dir / 'tocsin.db'}",
        database_url_ref=loader.get(DATABASE_URL_REF) or "",
        playbook=loader.get(PLAYBOOK),
        roster=loader.get(ROSTER),
        policy=loader.get(POLICY),
        outbox_file=loader.get(OUTBOX_FILE) or data_dir / "outbox.jsonl",
        allow_unauthenticated_sources=_is_for_here(loader, host) if open_sources is None else open_sources,
        smtp=_smtp(loader),
        webhook_secret_ref=loader.get(WEBHOOK_SECRET_REF) or "",
        source_tokens=tokens,
        source_rates=rates,
        sources=sources,
        channels=loader.free("channels"),
        tables=loader.parts(),
        log=Log(level=loader.get(LOG_LEVEL) or "info", format=loader.get(LOG_FORMAT) or "text"),
        clocks=_clocks(loader),
        page_bundle_window=timedelta(seconds=10) if window is None else window,
        probes_from_playbook=loader.get(PROBES_FROM_PLAYBOOK) or False,
        probes_base_url=loader.get(PROBES_BASE_URL) or "",
    )


def _is_for_here(loader: _Loader, host: str) -> bool:
    """Whether only this machine reaches the server: it listens there alone, and has no other address."""
    url = loader.get(PUBLIC_URL)
    return v.is_loopback(host) and (url is None or v.is_loopback(urlsplit(url).hostname or ""))


def _smtp(loader: _Loader) -> Smtp | None:
    given = [each for each in SETTINGS if each.key.startswith("smtp.") and loader.is_set(each)]
    if not given:
        return None
    for needed, mend in (
        (SMTP_HOST, 'Name the mail server: smtp.host = "mail.example.org".'),
        (SMTP_FROM, 'Name the sender: smtp.from = "Tocsin <tocsin@example.org>".'),
    ):
        if not loader.is_set(needed):
            loader.refuse(needed, "missing-key", f"E-mail is set up without {needed.key}.", mend)
    if loader.is_set(SMTP_USERNAME) != loader.is_set(SMTP_PASSWORD_REF):
        present, absent = SMTP_USERNAME, SMTP_PASSWORD_REF
        if not loader.is_set(SMTP_USERNAME):
            present, absent = absent, present
        message = f"{present.key} is set without {absent.key}."
        loader.refuse(present, "missing-key", message, "Set both, or neither.")
    host, tls = loader.get(SMTP_HOST) or "", loader.get(SMTP_TLS) or "starttls"
    if tls == "none" and loader.is_set(SMTP_PASSWORD_REF) and host and not v.is_loopback(host):
        message = "The password would go over the network unencrypted."
        loader.refuse(SMTP_TLS, "bad-setting", message, 'Set smtp.tls to "starttls" or "tls".')
    return Smtp(
        host=host,
        port=loader.get(SMTP_PORT) or _SMTP_PORTS[tls],
        tls=tls,
        sender=loader.get(SMTP_FROM) or "",
        username=loader.get(SMTP_USERNAME) or "",
        password_ref=loader.get(SMTP_PASSWORD_REF) or "",
    )


def _clocks(loader: _Loader) -> Clocks:
    given: dict[str, Any] = {
        each.key.removeprefix("clocks."): value
        for each in SETTINGS
        if each.key.startswith("clocks.") and (value := loader.get(each)) is not None
    }
    clocks = Clocks(**given)
    if clocks.everyone_after < clocks.next_role_after:
        message = "Everyone would be paged before the next role up."
        loader.refuse(EVERYONE_AFTER, "bad-setting", message, "Make it at least clocks.next_role_after.")
    if clocks.repeat_late < clocks.repeat_least:
        message = "A page would repeat faster late than early."
        loader.refuse(REPEAT_LATE, "bad-setting", message, "Make it at least clocks.repeat_least.")
    return clocks
