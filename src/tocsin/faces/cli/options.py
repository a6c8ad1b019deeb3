"""Options that many commands share, and what is read from the command line in one way only."""

import os
import sys
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.base.ids import parse_incident_id
from tocsin.base.times import parse_duration
from tocsin.faces.cli.errors import usage

if TYPE_CHECKING:
    from tocsin.config.settings import Settings
    from tocsin.faces.cli.remote import Remote

SETTINGS_FILE = "tocsin.toml"

_SERVER_HELP = "Address of the server; else TOCSIN_URL, else http://127.0.0.1:8800."
_TOKEN_HELP = (
    "File that holds the token; else TOCSIN_TOKEN, else cli.token in the data directory (TOCSIN_DATA)."
)

Server = Annotated[str | None, typer.Option("--server", metavar="URL", help=_SERVER_HELP)]
TokenFile = Annotated[Path | None, typer.Option("--token-file", metavar="FILE", help=_TOKEN_HELP)]
Json = Annotated[bool, typer.Option("--json", help="Print the server's JSON.")]
JsonHere = Annotated[bool, typer.Option("--json", help="Print JSON.")]
IncidentArgument = Annotated[str, typer.Argument(metavar="ID", help="The incident: INC-7, or just 7.")]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Directory of the data; default ./data.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", metavar="URL", help="Database, where it is not the SQLite of --data."),
]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="File with settings.")]
Playbook = Annotated[
    Path | None,
    typer.Option(
        "--playbook", metavar="PATH", help="The playbook, or a folder of them; default: the example."
    ),
]
Policy = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="The policy file: what may be looser or must be stricter."),
]
Roster = Annotated[Path | None, typer.Option("--roster", metavar="FILE", help="The roster of people.")]


def connect(server: str | None, token_file: Path | None) -> "Remote":
    """The server that the options and the environment name."""
    from tocsin.faces.cli.remote import DEFAULT_URL, Remote, find_token, read_url

    url = read_url(server or os.environ.get("TOCSIN_URL", "").strip() or DEFAULT_URL)
    token, found_in = find_token(url, token_file, data_directory())
    return Remote(url, token, found_in)


def data_directory() -> Path:
    """Where a server that was started here keeps its data, as far as that can be told without its flags."""
    if named := os.environ.get("TOCSIN_DATA", "").strip():
        return Path(named)
    file = Path(os.environ.get("TOCSIN_CONFIG") or SETTINGS_FILE)
    try:
        kept = tomllib.loads(file.read_text(encoding="utf-8")).get("data_dir")
    except (OSError, ValueError):
        # A settings file that cannot be read is the server's to complain of.
        kept = None
    return file.parent / kept if isinstance(kept, str) and kept else Path("data")


def settings(config: Path | None, **flags: Path | None) -> "Settings":
    """The settings as `tocsin serve` would have them, from flags, environment and file.

    Raises:
        ProblemsError: everything that is wrong with them.
    """
    from tocsin.config.load import load_settings

    file = config or Path(os.environ.get("TOCSIN_CONFIG") or SETTINGS_FILE)
    named = config is not None or bool(os.environ.get("TOCSIN_CONFIG"))
    text = read_document(file) if named or file.exists() else None
    given = {name: None if value is None else str(value) for name, value in flags.items()}
    return load_settings(given, os.environ, text, str(file))


def incident_path(text: str) -> str:
    """The path of an incident that was named on the command line."""
    return f"/incidents/{incident_name(text)}"


def incident_name(text: str) -> str:
    """`INC-7` for `INC-7`, `inc-7` and `7`."""
    found = parse_incident_id(text)
    if found is None:
        raise usage(f"{text!r} names no incident.", "Write INC-7, or just 7; `tocsin incidents` lists them.")
    return found


def instant(text: str, option: str) -> datetime:
    """An RFC 3339 time in its own offset."""
    mend = "Write one such as 2026-12-25T03:00+01:00."
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise usage(f"{option} {text!r} is no time.", mend) from error
    if at.tzinfo is None:
        raise usage(f"{option} {text!r} has no time zone.", f"Add Z or an offset. {mend}")
    return at


def duration(text: str, option: str) -> timedelta:
    """A duration in the words of a playbook: `12m`, `3h`, `1h 30m`."""
    span = parse_duration(text)
    if span is None:
        raise usage(f"{option} {text!r} is no duration.", "Write one such as 12m, 3h, or 1h 30m.")
    return span


def pairs(given: list[str], option: str) -> dict[str, str]:
    """`name=value` pairs, in order; a later one wins."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise usage(f"{option} {text!r} is no name and value.", f"Write {option} name=value.")
        found[name.strip()] = value
    return found


def read_document(file: Path) -> str:
    """The text of a file, or of standard input where the file is `-`."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise usage(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise usage(f"{file} is not text in UTF-8 (byte {error.start}).", "Save it as UTF-8.") from error
