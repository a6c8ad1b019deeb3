"""The settings as the program uses them: checked, complete, without a secret in them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from tocsin.incident.rules import Clocks

Tls = Literal["none", "starttls", "tls"]
Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]


class Smtp(msgspec.Struct, frozen=True, kw_only=True):
    """The mail server that takes our e-mails. `sender` is an address, with or without a name before it.

    `password_ref` refers to the secret; it and `username` are empty where the server asks for none.
    """

    host: str
    port: int
    tls: Tls
    sender: str
    username: str = ""
    password_ref: str = ""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged, and how."""

    level: Level = "info"
    format: Format = "text"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set.

    `playbook` and `roster` are None where the examples that come along are used; `playbook` may be a folder
    of documents. `policy` is None where there is no policy over them. `database_url` may hold
    a password, so that it is not shown; where `database_url_ref` is set, the URL is that secret.
    `smtp` is None and `webhook_secret_ref` empty where the channel is not set up. `source_tokens` maps a
    kind of source to the reference of a token of its own, `source_rates` to how many requests a minute one
    address may send it. `channels` and `sources` hold the tables of
    channels and sources, as they stand in the file; `tables` those of the parts that read their own table
    (see `config.tables`), by its name.
    """

    host: str
    port: int
    public_url: str
    data_dir: Path
    database_url: str
    outbox_file: Path
    allow_unauthenticated_sources: bool
    database_url_ref: str = ""
    playbook: Path | None = None
    roster: Path | None = None
    policy: Path | None = None
    smtp: Smtp | None = None
    webhook_secret_ref: str = ""
    source_tokens: dict[str, str] = {}
    source_rates: dict[str, int] = {}
    channels: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}
    tables: dict[str, dict[str, Any]] = {}
    log: Log = Log()
    clocks: Clocks = Clocks()
    page_bundle_window: timedelta = timedelta(seconds=10)

    def __repr__(self) -> str:
        """A short form, so that a log never shows the password in a database URL."""
        return f"Settings(public_url={self.public_url!r}, data_dir={str(self.data_dir)!r})"

    def __rich_repr__(self) -> Any:
        """The same for pretty printers."""
        yield "public_url", self.public_url
        yield "data_dir", str(self.data_dir)


def references_of(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every reference to a secret in the settings, with the setting that it stands in."""
    named = [
        (settings.database_url_ref, "database_url_ref"),
        (settings.webhook_secret_ref, "webhook_secret_ref"),
    ]
    named += [(settings.smtp.password_ref, "smtp.password_ref")] if settings.smtp else []
    named += [(ref, f"sources.{kind}.token_ref") for kind, ref in settings.source_tokens.items()]
    for table, kinds in (("channels", settings.channels), ("sources", settings.sources)):
        for kind, own in kinds.items():
            named += _references_in(own, f"{table}.{kind}")
    for name, values in settings.tables.items():
        named += _references_in(values, name)
    return (each for each in named if each[0])


def _references_in(values: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _references_in(cast("dict[str, Any]", value), f"{place}.{key}")
        elif key.endswith("_ref"):
            yield str(value), f"{place}.{key}"
