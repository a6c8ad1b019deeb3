"""The proof of messages of AWS SNS: their signature, and the certificate that it is checked against.

The rules are those of
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
"""

import asyncio
import re
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.oid import NameOID

from tocsin.adapters.httpclient import UnreachableError, get
from tocsin.engine.sources import SourceUnavailableError

T = TypeVar("T")

NOTIFICATION, SUBSCRIBED, UNSUBSCRIBED = (
    "Notification",
    "SubscriptionConfirmation",
    "UnsubscribeConfirmation",
)
CERTIFICATE_BYTES_MAX = 64 * 1024
CERTIFICATES_MAX = 16
KEY_BITS_MIN = 2048
REFUSED_FOR = timedelta(minutes=1)
"""A certificate that will not do is not fetched again before this."""

_HOST = re.compile(r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(?:\.cn)?")
_NAME = re.compile(r"sns(?:\.[a-z0-9-]{3,32})?\.amazonaws\.com(?:\.cn)?")
_HASHES = {"1": SHA1, "2": SHA256}
_OF_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_OF_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def is_of_sns(url: str) -> bool:
    """Whether an address is one of AWS SNS itself, over https, at the usual port."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return False
    plain = parts.username is None and parts.password is None and port in (None, 443)
    return parts.scheme == "https" and plain and bool(_HOST.fullmatch(host)) and url.isprintable()


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to believe: addresses of certificates and of confirmations, and names in certificates."""

    address: Callable[[str], bool] = is_of_sns
    name: Callable[[str], bool] = lambda name: bool(_NAME.fullmatch(name))


def signed_text(message: Mapping[str, object]) -> bytes:
    """What the signature is made of: names and values of the fields of its type, a line each."""
    names = _OF_NOTIFICATION if message.get("Type") == NOTIFICATION else _OF_CONFIRMATION
    given = ((name, message.get(name)) for name in names)
    return "".join(f"{name}\n{value}\n" for name, value in given if isinstance(value, str)).encode(
        errors="replace"
    )


class Proofs:
    """Checks signatures. Certificates are fetched once, and kept until they end."""

    def __init__(self, client: httpx.AsyncClient, trust: Trust) -> None:
        self._client = client
        self._trust = trust
        self._certificates: OrderedDict[str, x509.Certificate] = OrderedDict()
        self._refused: OrderedDict[str, datetime] = OrderedDict()
        self._fetching = asyncio.Lock()

    async def hold(self, message: Mapping[str, object], now: datetime) -> bool:
        """Whether a message is signed by AWS SNS.

        Raises:
            SourceUnavailableError: the certificate cannot be had now.
        """
        url, signature = message.get("SigningCertURL"), message.get("Signature")
        kind = _HASHES.get(str(message.get("SignatureVersion")))
        if not isinstance(url, str) or not isinstance(signature, str) or kind is None:
            return False
        if not self._trust.address(url) or not urlsplit(url).path.endswith(".pem"):
            return False
        certificate = await self._certificate(url, now)
        key = certificate.public_key() if certificate else None
        if not isinstance(key, RSAPublicKey):
            return False
        try:
            key.verify(b64decode(signature, validate=True), signed_text(message), PKCS1v15(), kind())
        except (InvalidSignature, ValueError):
            return False
        return True

    async def _certificate(self, url: str, now: datetime) -> x509.Certificate | None:
        """The certificate at an address; None where it will not do."""
        # A certificate that is there does not wait for those that are being fetched.
        if (known := self._known(url, now)) is not None:
            return known
        async with self._fetching:
            if (known := self._known(url, now)) is not None:
                return known
            if url in self._refused and abs(now - self._refused[url]) < REFUSED_FOR:
                return None
            try:
                pem = await get(self._client, url, CERTIFICATE_BYTES_MAX)
            except UnreachableError as error:
                raise SourceUnavailableError(f"The certificate of AWS SNS cannot be had: {error}.") from None
            found = self._checked(pem, now)
            if found is None:
                _remember(self._refused, url, now)
            else:
                _remember(self._certificates, url, found)
            return found

    def _known(self, url: str, now: datetime) -> x509.Certificate | None:
        known = self._certificates.get(url)
        if known is None or not known.not_valid_before_utc <= now <= known.not_valid_after_utc:
            return None
        return known

    def _checked(self, pem: bytes, now: datetime) -> x509.Certificate | None:
        """The first of some certificates, where it is of SNS, of today, and each of them issued by the
        one after it."""
        try:
            chain = x509.load_pem_x509_certificates(pem)
            for issued, issuer in pairwise(chain):
                issued.verify_directly_issued_by(issuer)
            names = _names(chain[0])
        except (ValueError, TypeError, InvalidSignature):
            return None
        is_of_today = all(each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in chain)
        key = chain[0].public_key()
        is_strong = isinstance(key, RSAPublicKey) and key.key_size >= KEY_BITS_MIN
        return chain[0] if is_of_today and is_strong and any(map(self._trust.name, names)) else None


def _names(certificate: x509.Certificate) -> list[str]:
    names = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        more = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return names
    return names + more.value.get_values_for_type(x509.DNSName)


def _remember(known: OrderedDict[str, T], url: str, value: T) -> None:
    known[url] = value
    while len(known) > CERTIFICATES_MAX:
        known.popitem(last=False)
