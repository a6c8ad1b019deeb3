"""Who may come in: accounts with sessions, bearer tokens, the first set-up, and the links of pages.

Of every secret only a hash is kept: argon2id of passwords, SHA-256 of what has 32 random bytes.
What is of note goes into the audit log.
"""

import hmac
from datetime import datetime, timedelta
from typing import Literal

import structlog
from msgspec.structs import replace

from tocsin.base.ids import IncidentId, PageId, PersonId
from tocsin.engine import signing
from tocsin.engine.passwords import Passwords, Patience, weakness
from tocsin.engine.ports import Clock, ConflictError, Randomness, Store, StoreUnavailableError
from tocsin.engine.records import Account, Session, Token
from tocsin.engine.views import Principal
from tocsin.incident.events import SYSTEM, Actor, ActorKind

log = structlog.get_logger(__name__)

Role = Literal["viewer", "responder", "commander", "admin"]
Scope = Literal["viewer", "responder", "commander", "admin", "source"]

TOKEN_PREFIX = "tsn_"
SESSION_LASTS = timedelta(hours=12)
SESSION_RENEWED_AFTER = timedelta(hours=1)
TOKEN_NOTED_EVERY = timedelta(minutes=1)
TOKEN_REMEMBERED_FOR = timedelta(seconds=3)
"""A token is looked up at most this often, so that a storm of alerts does not ask the store each time.
Another node notices a revocation after at most this long."""
TOKENS_REMEMBERED_MAX = 1_000
NAME_CHARS_MAX = 100

_LINK_KEY = "key:links"
_FORM_KEY = "key:forms"
_SETUP = "setup:sha256"


class AccessError(Exception):
    """What was asked for cannot be had; the message says why in plain words and holds no secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LockedError(AccessError):
    """Too many sign-ins failed; the next is taken at `until` (UTC)."""

    def __init__(self, until: datetime) -> None:
        super().__init__("locked", "Too many sign-ins failed. Wait a quarter of an hour and try again.")
        self.until = until


class Access:
    """Everything that turns a secret into a principal."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._passwords = Passwords()
        self._patience = Patience()
        self._keys: dict[str, str] = {}
        self._tokens: dict[str, tuple[Token, datetime]] = {}
        self._noting_failed_at: datetime | None = None

    # Tokens

    async def create_token(self, name: str, scope: Scope, person: PersonId | None, actor: Actor) -> str:
        """Make a bearer token. It is returned this once; only its SHA-256 is kept.

        Raises:
            AccessError: the name will not do.
            StoreUnavailableError: it could not be kept.
        """
        name = _good_name(name)
        now = self._clock.now()
        identifier = signing.digest(self._randomness.secret())[:12]
        secret = self._randomness.secret()
        token = Token(
            id=identifier,
            name=name,
            secret_hash=signing.digest(secret),
            scope=scope,
            person=person,
            created_at=now,
        )
        async with self._store.transaction() as unit:
            await unit.save_token(token)
            detail = {"token": identifier, "name": name, "scope": scope, "person": person or ""}
            await unit.record_audit(now, actor, "token-created", detail)
        return f"{TOKEN_PREFIX}{identifier}_{secret}"

    async def revoke_token(self, identifier: str, actor: Actor) -> bool:
        """Make a token worthless from now on; False where there is none of this id."""
        now = self._clock.now()
        async with self._store.transaction() as unit:
            found = next((each for each in await unit.tokens() if each.id == identifier), None)
            if found is None:
                return False
            if found.revoked_at is None:
                await unit.save_token(replace(found, revoked_at=now))
                await unit.record_audit(now, actor, "token-revoked", {"token": found.id, "name": found.name})
        self._tokens.pop(found.secret_hash, None)
        return True

    async def tokens(self) -> list[Token]:
        """All tokens, newest first."""
        async with self._store.reading() as reader:
            return await reader.tokens()

    async def principal_of_token(self, text: str, via: str = "api") -> Principal | None:
        """Whom a bearer token stands for; None where it is unknown or was revoked."""
        identifier, _, secret = text.removeprefix(TOKEN_PREFIX).partition("_")
        if not text.startswith(TOKEN_PREFIX) or not secret or len(text) > signing.TOKEN_CHARS_MAX:
            return None
        token = await self._token(signing.digest(secret))
        if token is None or token.revoked_at is not None:
            return None
        if not hmac.compare_digest(token.id.encode(), identifier.encode()):
            return None
        await self._note_use(token)
        return Principal(name=token.name, role=token.scope, person=token.person, via=via)

    async def _token(self, secret_hash: str) -> Token | None:
        now = self._clock.now()
        known = self._tokens.get(secret_hash)
        if known is not None and now - known[1] < TOKEN_REMEMBERED_FOR:
            return known[0]
        async with self._store.reading() as reader:
            token = await reader.token(secret_hash)
        if token is not None and hmac.compare_digest(token.secret_hash, secret_hash):
            if len(self._tokens) >= TOKENS_REMEMBERED_MAX:
                self._tokens.clear()
            self._tokens[secret_hash] = (token, now)
            return token
        return None

    async def _note_use(self, token: Token) -> None:
        now = self._clock.now()
        for last in (token.last_used_at, self._noting_failed_at):
            if last is not None and now - last < TOKEN_NOTED_EVERY:
                return
        try:
            async with self._store.transaction() as unit:
                current = await unit.token(token.secret_hash)
                if current is None or current.revoked_at is not None:
                    return
                used = replace(current, last_used_at=now)
                await unit.save_token(used)
        except (StoreUnavailableError, ConflictError) as error:
            # A token stays good while the disk is full: reading an incident then matters most. Nor has
            # every request to wait for a database that is locked.
            log.warning("the use of a token could not be noted", token=token.id, reason=str(error))
            self._noting_failed_at = now
            return
        self._tokens[token.secret_hash] = (used, now)

    # Accounts

    async def setup_link(self, public_url: str) -> str | None:
        """A link that creates the first admin, valid until it is used or the next one is made; None where
        there is an account already."""
        secret = self._randomness.secret()
        async with self._store.transaction() as unit:
            if await unit.accounts():
                return None
            await unit.set_setting(_SETUP, signing.digest(secret))
        return f"{public_url.rstrip('/')}/setup/{secret}"

    async def may_set_up(self, secret: str) -> bool:
        """Whether the set-up link with this secret can still be used."""
        async with self._store.reading() as reader:
            return _is_setup(await reader.setting(_SETUP), secret) and not await reader.accounts()

    async def set_up(self, secret: str, name: str, password: str, person: PersonId | None) -> Account:
        """Create the first admin and burn the link.

        Raises:
            AccessError: the link was used already, or the name or password will not do.
        """
        if not await self.may_set_up(secret):
            raise AccessError("setup-used", "This set-up link is not valid any more. Sign in instead.")
        account = await self._new_account(name, password, "admin", person)
        async with self._store.transaction() as unit:
            if not _is_setup(await unit.setting(_SETUP), secret) or await unit.accounts():
                raise AccessError("setup-used", "This set-up link is not valid any more. Sign in instead.")
            await unit.set_setting(_SETUP, "")
            await unit.save_account(account)
            detail = {"account": account.name, "person": person or ""}
            await unit.record_audit(account.created_at, SYSTEM, "set-up", detail)
        return account

    async def create_account(
        self, name: str, password: str, role: Role, person: PersonId | None, actor: Actor
    ) -> Account:
        """Create an account.

        Raises:
            AccessError: there is one of this name, or the name or password will not do.
        """
        account = await self._new_account(name, password, role, person)
        async with self._store.transaction() as unit:
            if await unit.account(account.name) is not None:
                raise AccessError("account-exists", f"There is an account {account.name!r} already.")
            await unit.save_account(account)
            detail = {"account": account.name, "role": role, "person": person or ""}
            await unit.record_audit(account.created_at, actor, "account-created", detail)
        return account

    async def accounts(self) -> list[Account]:
        """All accounts by name."""
        async with self._store.reading() as reader:
            return await reader.accounts()

    async def _new_account(self, name: str, password: str, role: Role, person: PersonId | None) -> Account:
        name = _good_name(name)
        if weak := weakness(password):
            raise AccessError("weak-password", weak)
        return Account(
            name=name,
            role=role,
            password_hash=await self._passwords.hash(password),
            person=person,
            created_at=self._clock.now(),
        )

    # Sessions

    async def sign_in(self, name: str, password: str, address: str) -> str:
        """Begin a session; returns the value of its cookie, of which only the SHA-256 is kept.

        Raises:
            AccessError: name and password do not belong together.
            LockedError: too many tries failed for this name or from this address.
        """
        name, now = name.strip()[:NAME_CHARS_MAX], self._clock.now()
        if until := self._patience.locked_until(name, address, now):
            raise LockedError(until)
        self._patience.trying(name, address, now)
        async with self._store.reading() as reader:
            account = await reader.account(name)
        known = account if account is not None and not account.disabled else None
        if not await self._passwords.check(known.password_hash if known else None, password) or known is None:
            await self._audit(_visitor(address), "sign-in-failed", {"account": name, "address": address})
            raise AccessError("sign-in-failed", "Name and password do not belong together.")
        self._patience.succeeded(name, address)
        if self._passwords.outdated(known.password_hash):
            known = replace(known, password_hash=await self._passwords.hash(password))
            async with self._store.transaction() as unit:
                await unit.save_account(known)
        return await self._begin_session(known, address)

    async def _begin_session(self, account: Account, address: str) -> str:
        secret, now = self._randomness.secret(), self._clock.now()
        session = Session(
            secret_hash=signing.digest(secret),
            account=account.name,
            created_at=now,
            expires_at=now + SESSION_LASTS,
        )
        async with self._store.transaction() as unit:
            await unit.save_session(session)
            actor = Actor(ActorKind.PERSON, account.person or account.name, account.name)
            await unit.record_audit(now, actor, "signed-in", {"account": account.name, "address": address})
        return secret

    async def sign_out(self, cookie: str) -> None:
        """End a session; nothing happens where there is none."""
        now, secret_hash = self._clock.now(), signing.digest(cookie)
        async with self._store.transaction() as unit:
            session = await unit.session(secret_hash)
            if session is None:
                return
            await unit.drop_session(secret_hash)
            actor = Actor(ActorKind.PERSON, session.account, session.account)
            await unit.record_audit(now, actor, "signed-out", {"account": session.account})

    async def principal_of_session(self, cookie: str) -> Principal | None:
        """Whom a session's cookie stands for; every use within its 12 hours prolongs it."""
        if not cookie or len(cookie) > signing.TOKEN_CHARS_MAX:
            return None
        now = self._clock.now()
        async with self._store.reading() as reader:
            session = await reader.session(signing.digest(cookie))
            if session is None or session.expires_at <= now:
                return None
            account = await reader.account(session.account)
        if account is None or account.disabled:
            return None
        if session.expires_at - now < SESSION_LASTS - SESSION_RENEWED_AFTER:
            await self._prolong(session, now)
        return Principal(name=account.name, role=account.role, person=account.person, via="web")

    async def _prolong(self, session: Session, now: datetime) -> None:
        try:
            async with self._store.transaction() as unit:
                if await unit.session(session.secret_hash) is not None:
                    await unit.save_session(replace(session, expires_at=now + SESSION_LASTS))
        except (StoreUnavailableError, ConflictError) as error:
            # The session is still good; it is prolonged when the store can be written again.
            log.warning("a session could not be prolonged", account=session.account, reason=str(error))

    # Links and forms

    async def page_link(self, page: PageId, person: PersonId) -> str:
        """The path of the page that acknowledges for this person: `/p/…`. Whoever has it may do that."""
        return f"/p/{signing.page_token(await self._key(_LINK_KEY), page, person)}"

    async def read_page_link(self, token: str) -> tuple[IncidentId, PageId, PersonId] | None:
        """What the last part of such a path stands for; None where it was not made here."""
        return signing.read_page_token(await self._key(_LINK_KEY), token)

    async def report_link(self, report: str) -> str:
        """The path of the page that says what became of a report. Whoever has it may look."""
        return f"/report/status/{signing.report_token(await self._key(_LINK_KEY), report)}"

    async def read_report_link(self, token: str) -> str | None:
        """The report that the last part of such a path stands for; None where it was not made here."""
        return signing.read_report_token(await self._key(_LINK_KEY), token)

    async def form_token(self) -> str:
        """A new value for the cookie and the hidden field that prove a form to be our own."""
        return signing.form_token(await self._key(_FORM_KEY), self._randomness.secret())

    async def is_form_token(self, token: str) -> bool:
        """Whether such a value was made here."""
        return signing.is_form_token(await self._key(_FORM_KEY), token)

    async def _key(self, name: str) -> str:
        if name not in self._keys:
            async with self._store.reading() as reader:
                kept = await reader.setting(name)
            self._keys[name] = kept or await self._make_key(name)
        return self._keys[name]

    async def _make_key(self, name: str) -> str:
        async with self._store.transaction() as unit:
            kept = await unit.setting(name)
            if not kept:
                kept = self._randomness.secret()
                await unit.set_setting(name, kept)
        return kept

    async def _audit(self, actor: Actor, action: str, detail: dict[str, str]) -> None:
        async with self._store.transaction() as unit:
            await unit.record_audit(self._clock.now(), actor, action, detail)


def _visitor(address: str) -> Actor:
    return Actor(ActorKind.SYSTEM, "visitor", address)


def _good_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise AccessError("bad-name", f"A name has 1 to {NAME_CHARS_MAX} printable characters.")
    return name


def _is_setup(kept: str | None, secret: str) -> bool:
    return bool(kept) and hmac.compare_digest(kept or "", signing.digest(secret))
