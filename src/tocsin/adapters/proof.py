"""Proofs that requests of senders carry: a secret in a header, or a signature over the body."""

import hmac

import msgspec

from tocsin.base.problems import Problem, ProblemsError
from tocsin.config import Secrets
from tocsin.engine.sources import Arrival


class Guard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the requests of a sender prove where they come from, where a token is not what it can send: a
    secret in a header of its own, or the HMAC-SHA256 of the body in hexadecimal. `*_ref` refer to secrets."""

    secret_header: str = ""
    secret_ref: str = ""
    signature_header: str = ""
    signature_ref: str = ""
    signature_prefix: str = ""


class Proof:
    """The secrets of a guard, and what they say of a request."""

    def __init__(self, guard: Guard, place: str, secret: Secrets) -> None:
        for ref, header in (("secret_ref", "secret_header"), ("signature_ref", "signature_header")):
            if getattr(guard, ref) and not getattr(guard, header):
                message = f"{place}.{ref} is set without {header}."
                mend = f"Name the header that the sender puts it into: {place}.{header}."
                raise ProblemsError(
                    [Problem(code="missing-key", field=f"{place}.{header}", message=message, mend=mend)]
                )
        self._header = guard.secret_header.casefold()
        self._secret = secret(guard.secret_ref, f"{place}.secret_ref") if guard.secret_ref else ""
        self._signed = guard.signature_header.casefold()
        self._key = secret(guard.signature_ref, f"{place}.signature_ref") if guard.signature_ref else ""
        self._prefix = guard.signature_prefix

    @property
    def wanted(self) -> bool:
        """Whether requests have to prove themselves by it; else they are let in by token."""
        return bool(self._secret or self._key)

    def holds(self, arrival: Arrival) -> bool:
        """Whether a request carries everything that is wanted of it."""
        good = self.wanted
        if self._secret:
            given = arrival.headers.get(self._header, "")
            good &= hmac.compare_digest(given.encode(), self._secret.encode())
        if self._key:
            right = self._prefix + hmac.new(self._key.encode(), arrival.body, "sha256").hexdigest()
            given = arrival.headers.get(self._signed, "").strip()
            good &= hmac.compare_digest(given.encode(), right.encode())
        return good
