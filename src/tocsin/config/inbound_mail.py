"""The table `[inbound_mail]`: where mail is taken in, for which addresses, and from whom."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.settings import Settings
from tocsin.config.tables import read_table

PLACE = "inbound_mail"
PER_MINUTE_MAX = 100_000
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]{1,63}")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class InboundMail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings as they stand in the file, checked.

    `addresses` maps each address that takes mail to the labels of its alerts. `allowed_senders` are
    addresses, or domains written `@example.org`; empty: anybody. `require` says which proof a sender needs.
    `clearing` are more words that at the beginning of a subject say that all is well. `max_bytes` bounds a
    message, `per_minute` the messages of one client.
    """

    addresses: dict[str, dict[str, str]]
    host: str = "127.0.0.1"
    port: int = 2525
    domain: str = "localhost"
    allowed_senders: list[str] = []
    max_bytes: int = 1024 * 1024
    per_minute: int = 60
    certificate: str = ""
    certificate_key: str = ""
    require: Literal["", "dkim", "spf", "either"] = ""
    check_proofs: bool = True
    accept_auto_generated: bool = False
    clearing: list[str] = []


def inbound_mail_of(settings: Settings) -> InboundMail | None:
    """The settings of the listener; None where there is none.

    Raises:
        ProblemsError: everything that is wrong with them.
    """
    values = settings.tables.get(PLACE)
    if values is None:
        return None
    mail = read_table(values, InboundMail, PLACE)
    if problems := list(_problems(mail)):
        raise ProblemsError(problems)
    return mail


def _problems(mail: InboundMail) -> Iterator[Problem]:
    if not mail.addresses:
        yield _problem("addresses", "no address takes mail", 'Name one: "alerts@example.org" = {}.')
    for address, labels in mail.addresses.items():
        if not is_address(address):
            yield _problem(f"addresses.{address[:60]}", "it is no e-mail address", "Write name@domain.")
        for name, value in labels.items():
            if not _LABEL.fullmatch(name) or len(value) > limits.label_value_chars_max:
                mend = "Use letters, digits and underscores for the name, and a shorter value."
                yield _problem(f"addresses.{address[:60]}.{name[:40]}", "it is no label", mend)
    for each in mail.allowed_senders:
        if not is_address(each) and not (each.startswith("@") and _DOMAIN.fullmatch(each[1:])):
            mend = 'Write an address, or a domain such as "@example.org".'
            yield _problem("allowed_senders", f"{each[:60]!r} is no sender", mend)
    if not _DOMAIN.fullmatch(mail.domain):
        yield _problem("domain", "it is no name of a host", "Write the name of this mail server.")
    if not 1 <= mail.port <= 65535:
        yield _problem("port", "it is no port", "Give 1 to 65535; 25 needs rights of its own.")
    if not 1024 <= mail.max_bytes <= limits.mail_bytes_max:
        yield _problem("max_bytes", "it will not do", f"Give 1024 to {limits.mail_bytes_max}.")
    if not 1 <= mail.per_minute <= PER_MINUTE_MAX:
        yield _problem("per_minute", "it will not do", f"Give 1 to {PER_MINUTE_MAX}.")
    if mail.require and not mail.check_proofs:
        mend = "Leave check_proofs at true, or require nothing."
        yield _problem("require", "a proof is required that is not looked at", mend)
    if not all(each.strip() for each in mail.clearing):
        yield _problem("clearing", "a word is empty", "Leave it out.")
    yield from _tls(mail)


def _tls(mail: InboundMail) -> Iterator[Problem]:
    if bool(mail.certificate) != bool(mail.certificate_key):
        yield _problem(
            "certificate", "it needs both files", "Set certificate and certificate_key, or neither."
        )
        return
    for field, path in (("certificate", mail.certificate), ("certificate_key", mail.certificate_key)):
        if path and not Path(path).is_file():
            yield _problem(field, f"there is no file {path}", "Give the path of a PEM file.")
            return
    if mail.certificate:
        try:
            tls_context(mail)
        except (ssl.SSLError, OSError):
            mend = "Give a certificate and its own key, both as PEM, which the server may read."
            yield _problem("certificate", "it cannot be used with this key", mend)


def tls_context(mail: InboundMail) -> ssl.SSLContext | None:
    """What STARTTLS is done with; None without a certificate."""
    if not mail.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(mail.certificate, mail.certificate_key)
    return context


def is_address(text: str) -> bool:
    """Whether a text is one bare e-mail address."""
    local, _, domain = text.rpartition("@")
    return bool(_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)) and len(text) <= 254


def _problem(key: str, what: str, mend: str) -> Problem:
    field = f"{PLACE}.{key}"
    return Problem(code="bad-setting", field=field, message=f"{field}: {what}.", mend=mend)
