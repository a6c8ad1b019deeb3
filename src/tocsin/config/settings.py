"""The settings as the program uses them: checked, complete, without a secret in them."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

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
    kind of source to the reference of a token of its own. `channels` and `sources` hold the tables of
    kinds that come with other packages, as they stand in the file.
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
    channels: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}
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
