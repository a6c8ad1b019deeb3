"""What is watched, out of the settings: `[heartbeats]`, `[probes]`, and the mail that is taken in."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from tocsin.alerts.heartbeats import Heartbeat, check_cron
from tocsin.alerts.probes import Check, DnsCheck, FromPlaybook, HttpCheck, Probe, TcpCheck, TlsCheck
from tocsin.base import limits
from tocsin.base.expressions import Expression
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.inbound_mail import InboundMail, inbound_mail_of
from tocsin.config.secrets import Secrets
from tocsin.config.settings import Settings
from tocsin.config.tables import Span, read_table

T = TypeVar("T")
P = ParamSpec("P")

KEY_CHARS_MIN = 16
"""A shorter secret in an address could be guessed."""

EVERY_LEAST = timedelta(seconds=5)
FOLD_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
"""From when on a cron expression is tried; whether it ever comes due does not depend on it."""

RESERVED_KEYS = ("fail", "start")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HOST = re.compile(r"(?!-)[A-Za-z0-9._:-]{1,253}")
_METHOD = re.compile(r"[A-Z]{1,20}")
RECORDS = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")


class Watches(msgspec.Struct, frozen=True, kw_only=True):
    """All that is watched. `mail` is None where no mail is taken in."""

    heartbeats: tuple[Heartbeat, ...] = ()
    probes: tuple[Probe, ...] = ()
    from_playbook: FromPlaybook = FromPlaybook()
    mail: InboundMail | None = None


class _HeartbeatTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    every: Span | None = None
    cron: str = ""
    timezone: str = "UTC"
    grace: Span = Span(minutes=5)
    runs_at_most: Span | None = None
    labels: dict[str, str] = {}
    key_ref: str = ""


class _ProbeTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Literal["http", "tcp", "tls", "dns"]
    every: Span = Span(minutes=1)
    timeout: Span = Span(seconds=10)
    failures: int = 2
    successes: int = 2
    labels: dict[str, str] = {}


class _HttpTable(_ProbeTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str
    method: str = "GET"
    status: int | list[int] = 200
    body_has: str = ""
    body_matches: str = ""
    slowest: Span | None = None
    follow_redirects: bool = False
    headers: dict[str, str] = {}
    ca_file: str = ""


class _TcpTable(_ProbeTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str
    port: int


class _TlsTable(_ProbeTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str
    port: int = 443
    name: str = ""
    days: int = 14
    ca_file: str = ""


class _DnsTable(_ProbeTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    record: str = "A"
    expected: list[str] = []
    server: str = ""
    port: int = 53


_TABLES: dict[str, type[_ProbeTable]] = {
    "http": _HttpTable,
    "tcp": _TcpTable,
    "tls": _TlsTable,
    "dns": _DnsTable,
}


def watches_of(settings: Settings, secret: Secrets) -> Watches:
    """Everything to watch.

    Raises:
        ProblemsError: all that is wrong in the three tables.
    """
    problems: list[Problem] = []
    beats = _each(settings.tables.get("heartbeats", {}), "heartbeats", limits.heartbeats_max, problems)
    probes = _each(settings.tables.get("probes", {}), "probes", limits.probes_max, problems)
    heartbeats = [_tried(problems, _heartbeat, *each, secret) for each in beats]
    looked_at = [_tried(problems, _probe, *each, secret) for each in probes]
    mail = _tried(problems, inbound_mail_of, settings)
    if problems:
        raise ProblemsError(problems)
    return Watches(
        heartbeats=tuple(each for each in heartbeats if each is not None),
        probes=tuple(each for each in looked_at if each is not None),
        from_playbook=FromPlaybook(allowed=settings.probes_from_playbook, base_url=settings.probes_base_url),
        mail=mail,
    )


def _tried(problems: list[Problem], read: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
    try:
        return read(*args, **named)
    except ProblemsError as error:
        problems += error.problems
        return None


def _each(
    tables: Mapping[str, Any], place: str, most: int, problems: list[Problem]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    if len(tables) > most:
        problems.append(_problem(place, f"there are {len(tables)} tables", f"Keep it to {most}."))
        return
    for name, values in tables.items():
        where = f"{place}.{name}"
        if not isinstance(values, dict):
            problems.append(_problem(where, "this is no table", f"Write a table: [{place}.NAME]."))
        elif not _NAME.fullmatch(name):
            mend = "Use up to 80 letters, digits, dots, hyphens and underscores: it stands in an address."
            problems.append(_problem(where, "the name will not do", mend))
        else:
            yield name, cast("dict[str, Any]", values), where


def _problem(field: str, what: str, mend: str) -> Problem:
    return Problem(code="bad-setting", field=field, message=f"{field}: {what}.", mend=mend)


def _heartbeat(name: str, values: dict[str, Any], place: str, secret: Secrets) -> Heartbeat:
    table = read_table(values, _HeartbeatTable, place)
    problems = list(_labels(table.labels, place))
    if (table.every is None) == (not table.cron):
        mend = 'Give one of them: every = "10m", or cron = "0 3 * * *".'
        problems.append(_problem(place, "it needs either `every` or `cron`", mend))
    if table.every is not None and table.every < EVERY_LEAST:
        problems.append(_problem(f"{place}.every", "it is too short", 'Give at least "5s".'))
    if table.cron:
        problems += _cron(table, place)
    key = ""
    if table.key_ref:
        key = secret(table.key_ref, f"{place}.key_ref")
        if len(key) < KEY_CHARS_MIN or key in RESERVED_KEYS or not re.fullmatch(r"[A-Za-z0-9._~-]+", key):
            mend = (
                f"Make one of {KEY_CHARS_MIN} or more letters, digits and hyphens, by `openssl rand -hex 16`."
            )
            problems.append(_problem(f"{place}.key_ref", "the secret will not do in an address", mend))
    if problems:
        raise ProblemsError(problems)
    return Heartbeat(
        name=name,
        every=_plain(table.every) if table.every else None,
        cron=table.cron,
        timezone=table.timezone,
        grace=_plain(table.grace),
        runs_at_most=_plain(table.runs_at_most) if table.runs_at_most else None,
        labels=table.labels,
        key=key,
    )


def _plain(span: Span) -> timedelta:
    """A duration as everything else knows it."""
    return timedelta(seconds=span.total_seconds())


def _cron(table: _HeartbeatTable, place: str) -> Iterator[Problem]:
    try:
        wrong = check_cron(table.cron, table.timezone, FOLD_YEAR)
    except ValueError as error:
        yield _problem(f"{place}.timezone", str(error), "Use an IANA name such as Europe/Berlin.")
        return
    if wrong:
        mend = "Write five fields as for cron: minute, hour, day, month, weekday, such as 0 3 * * 1-5."
        yield _problem(f"{place}.cron", f"{table.cron[:80]!r} is no schedule: {wrong}", mend)


def _labels(labels: Mapping[str, str], place: str) -> Iterator[Problem]:
    if len(labels) > limits.labels_per_alert_max:
        yield _problem(f"{place}.labels", "there are too many", f"Keep to {limits.labels_per_alert_max}.")
    for name, value in labels.items():
        if not _LABEL.fullmatch(name) or len(name) > limits.label_name_chars_max:
            mend = "Use letters, digits and underscores, such as service."
            yield _problem(f"{place}.labels.{name[:40]}", "this is no name of a label", mend)
        if len(value) > limits.label_value_chars_max:
            mend = f"Write at most {limits.label_value_chars_max} characters."
            yield _problem(f"{place}.labels.{name[:40]}", "it is too long", mend)


def _probe(name: str, values: dict[str, Any], place: str, secret: Secrets) -> Probe:
    kind = values.get("kind")
    if kind not in _TABLES:
        raise ProblemsError(
            [
                _problem(
                    f"{place}.kind", "it is none of the kinds", 'Give kind = "http", "tcp", "tls" or "dns".'
                )
            ]
        )
    table = read_table(values, _TABLES[str(kind)], place)
    problems = [*_labels(table.labels, place), *_common(table, place)]
    check, target = _check(table, place, secret, problems)
    if problems:
        raise ProblemsError(problems)
    return Probe(
        name=name,
        check=check,
        target=target,
        every=_plain(table.every),
        timeout=_plain(table.timeout),
        failures=table.failures,
        successes=table.successes,
        labels=table.labels,
    )


def _common(table: _ProbeTable, place: str) -> Iterator[Problem]:
    if table.failures < 2 or table.failures > 100:
        mend = "Give 2 or more (up to 100): one failure alone may be the network's."
        yield _problem(f"{place}.failures", f"{table.failures} will not do", mend)
    if table.successes < 1 or table.successes > 100:
        yield _problem(f"{place}.successes", f"{table.successes} will not do", "Give 1 to 100.")
    if table.every < EVERY_LEAST:
        yield _problem(f"{place}.every", "it is too short", 'Give at least "5s".')
    if table.timeout > timedelta(minutes=1):
        yield _problem(f"{place}.timeout", "it is too long", 'Give at most "1m".')


def _check(table: _ProbeTable, place: str, secret: Secrets, problems: list[Problem]) -> tuple[Check, str]:
    match table:
        case _HttpTable():
            return _http(table, place, secret, problems), _shown(table.url)
        case _TcpTable():
            problems += _endpoint(table.host, table.port, place)
            return TcpCheck(host=table.host, port=table.port), f"{table.host}:{table.port}"
        case _TlsTable():
            problems += _endpoint(table.host, table.port, place)
            check = TlsCheck(
                host=table.host,
                port=table.port,
                name=table.name or table.host,
                days=table.days,
                ca_file=table.ca_file,
            )
            return check, f"the certificate of {check.name} at {table.host}:{table.port}"
        case _DnsTable():
            if table.record not in RECORDS:
                problems.append(
                    _problem(
                        f"{place}.record", "it is none that is known", f"Give one of {', '.join(RECORDS)}."
                    )
                )
            if table.server:
                problems += _endpoint(table.server, table.port, place, "server")
            check = DnsCheck(
                name=table.name,
                record=table.record,
                expected=tuple(table.expected),
                server=table.server,
                port=table.port,
            )
            return check, f"{table.record} of {table.name}"
        case _:
            raise AssertionError(f"there is no rule for {type(table).__name__}")


def _http(table: _HttpTable, place: str, secret: Secrets, problems: list[Problem]) -> HttpCheck:
    statuses = [table.status] if isinstance(table.status, int) else table.status
    if not statuses or not all(100 <= each <= 599 for each in statuses):
        problems.append(
            _problem(f"{place}.status", "it is no status of HTTP", "Give 200, or a list of them.")
        )
    if not _is_url(table.url):
        mend = "Write http:// or https://, a host and a path, without a user; secrets go into headers."
        problems.append(_problem(f"{place}.url", "it is no address to ask", mend))
    if not _METHOD.fullmatch(table.method):
        problems.append(_problem(f"{place}.method", "it is no method", 'Give "GET", "HEAD" or "POST".'))
    if table.body_matches and (wrong := _why_no_expression(table.body_matches)):
        mend = "Write an expression of RE2: no look-around, no back references."
        problems.append(_problem(f"{place}.body_matches", wrong, mend))
    headers: dict[str, str] = {}
    for name, value in table.headers.items():
        own, where = name.removesuffix("_ref"), f"{place}.headers.{name[:60]}"
        text = _tried(problems, secret, value, where) if own != name else value
        if not _HEADER.fullmatch(own) or not (text or "").isprintable():
            problems.append(_problem(where, "it is no header", "Use a name of letters and hyphens."))
        headers[own] = text or ""
    return HttpCheck(
        url=table.url,
        method=table.method,
        statuses=tuple(statuses),
        body_has=table.body_has,
        body_matches=table.body_matches,
        slowest=_plain(table.slowest) if table.slowest else None,
        follow_redirects=table.follow_redirects,
        headers=headers,
        ca_file=table.ca_file,
    )


def _why_no_expression(text: str) -> str:
    try:
        Expression(text)
    except ValueError as error:
        return f"it is no expression: {error}"
    return ""


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return fit and parts.username is None and url.isascii() and not any(each.isspace() for each in url)


def _shown(url: str) -> str:
    """The address without its query, which may hold a secret."""
    return url.partition("?")[0].partition("#")[0]


def _endpoint(host: str, port: int, place: str, field: str = "host") -> Iterator[Problem]:
    if not _HOST.fullmatch(host):
        yield _problem(f"{place}.{field}", "it is no host", "Write a name or an address.")
    if not 1 <= port <= 65535:
        yield _problem(f"{place}.port", "it is no port", "Give 1 to 65535.")
