"""Who may come in: tokens, accounts, sessions, links; and that no secret is kept."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from tests.http.house import ME, PASSWORD, Counted, HandClock
from tocsin.adapters.store.memory import MemoryStore
from tocsin.base.ids import PageId
from tocsin.engine import signing
from tocsin.engine.access import Access, AccessError, LockedError
from tocsin.engine.passwords import FAILURES_PER_ADDRESS_MAX, Patience, weakness
from tocsin.engine.ports import Store, StoreUnavailableError
from tocsin.incident.events import SYSTEM
from tocsin.incident.evolve import fold


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store() -> Store:
    return MemoryStore(fold)


@pytest.fixture
def access(store: Store, clock: HandClock) -> Access:
    return Access(store, clock, Counted())


async def audit(store: Store) -> list[str]:
    async with store.reading() as reader:
        return [entry.action for entry in reversed(await reader.audit())]


async def test_a_token_stands_for_a_principal(access: Access, store: Store, clock: HandClock) -> None:
    text = await access.create_token("cli", "responder", ME, SYSTEM)
    principal = await access.principal_of_token(text)
    assert principal is not None
    assert (principal.name, principal.role, principal.person, principal.via) == (
        "cli",
        "responder",
        ME,
        "api",
    )
    (token,) = await access.tokens()
    assert token.last_used_at == clock.now()
    clock.move(timedelta(seconds=30))
    await access.principal_of_token(text)
    (token,) = await access.tokens()
    assert token.last_used_at == clock.now() - timedelta(seconds=30)
    clock.move(timedelta(seconds=31))
    await access.principal_of_token(text)
    (token,) = await access.tokens()
    assert token.last_used_at == clock.now()
    assert await access.revoke_token(token.id, SYSTEM)
    assert await access.revoke_token(token.id, SYSTEM)
    assert not await access.revoke_token("nothing", SYSTEM)
    assert await access.principal_of_token(text) is None
    assert await audit(store) == ["token-created", "token-revoked"]


async def test_a_token_that_is_nearly_right(access: Access) -> None:
    text = await access.create_token("cli", "responder", ME, SYSTEM)
    identifier, secret = text.removeprefix("tsn_").split("_")
    for bad in (
        text[:-1],
        text + "x",
        f"tsn_x{identifier[1:]}_{secret}",
        secret,
        f"tsn__{secret}",
        "",
        "tsn_",
    ):
        assert await access.principal_of_token(bad) is None, bad


async def test_another_node_notices_a_revocation(store: Store, clock: HandClock) -> None:
    here, there = Access(store, clock, Counted()), Access(store, clock, Counted())
    text = await here.create_token("cli", "viewer", None, SYSTEM)
    assert await there.principal_of_token(text)
    (token,) = await here.tokens()
    await here.revoke_token(token.id, SYSTEM)
    clock.move(timedelta(seconds=3))
    assert await there.principal_of_token(text) is None


async def test_a_full_disk_does_not_lock_out(
    access: Access, store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await access.create_token("cli", "viewer", None, SYSTEM)
    await access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    cookie = await access.sign_in("tomas", PASSWORD, "192.0.2.1")

    def full() -> None:
        raise StoreUnavailableError("The disk is full.")

    monkeypatch.setattr(store, "transaction", full)
    clock.move(timedelta(hours=2))
    assert await access.principal_of_token(text)
    assert await access.principal_of_session(cookie)


async def test_the_set_up_link_works_once(access: Access, store: Store) -> None:
    first = await access.setup_link("http://x/")
    second = await access.setup_link("http://x/")
    assert first is not None
    assert second is not None
    old, new = (link.rpartition("/")[2] for link in (first, second))
    with pytest.raises(AccessError, match="not valid"):
        await access.set_up(old, "tomas", PASSWORD, ME)
    with pytest.raises(AccessError, match="at least 12"):
        await access.set_up(new, "tomas", "short", ME)
    with pytest.raises(AccessError, match="printable"):
        await access.set_up(new, " \n ", PASSWORD, ME)
    account = await access.set_up(new, "tomas", PASSWORD, ME)
    assert account.role == "admin"
    with pytest.raises(AccessError, match="not valid"):
        await access.set_up(new, "second", PASSWORD, ME)
    assert await access.setup_link("http://x") is None
    assert await audit(store) == ["set-up"]


async def test_signing_in(access: Access, store: Store, clock: HandClock) -> None:
    await access.create_account("Tomas", PASSWORD, "commander", ME, SYSTEM)
    with pytest.raises(AccessError, match="already"):
        await access.create_account("tomas", PASSWORD, "viewer", None, SYSTEM)
    with pytest.raises(AccessError, match="belong"):
        await access.sign_in("tomas", "wrong", "192.0.2.1")
    cookie = await access.sign_in("TOMAS", PASSWORD, "192.0.2.1")
    principal = await access.principal_of_session(cookie)
    assert principal is not None
    assert (principal.role, principal.via) == ("commander", "web")
    await access.sign_out(cookie)
    await access.sign_out(cookie)
    assert await access.principal_of_session(cookie) is None
    assert await audit(store) == ["account-created", "sign-in-failed", "signed-in", "signed-out"]


async def test_what_is_kept_holds_no_secret(access: Access, store: Store) -> None:
    text = await access.create_token("cli", "viewer", None, SYSTEM)
    link = await access.setup_link("http://x")
    assert link is not None
    await access.set_up(link.rpartition("/")[2], "tomas", PASSWORD, ME)
    cookie = await access.sign_in("tomas", PASSWORD, "192.0.2.1")
    async with store.reading() as reader:
        kept = [*await reader.tokens(), *await reader.accounts(), *await reader.audit()]
        assert await reader.session(cookie) is None
        assert await reader.session(signing.digest(cookie)) is not None
        assert await reader.setting("setup:sha256") == ""
    everything = msgspec.json.encode(kept).decode()
    for secret in (text.rpartition("_")[2], cookie, PASSWORD, link.rpartition("/")[2]):
        assert secret not in everything


def test_patience_ends_by_account_and_by_address(clock: HandClock) -> None:
    patience = Patience()
    for _ in range(10):
        assert patience.locked_until("tomas", "192.0.2.1", clock.now()) is None
        patience.trying("Tomas", "192.0.2.1", clock.now())
    assert patience.locked_until("tomas", "192.0.2.1", clock.now()) == clock.now() + timedelta(minutes=15)
    assert patience.locked_until("tomas", "192.0.2.9", clock.now()) is None, "a stranger locks nobody out"
    assert patience.locked_until("ines", "192.0.2.1", clock.now()) is None
    for number in range(FAILURES_PER_ADDRESS_MAX):
        patience.trying(f"guess {number}", f"2001:db8::{number:x}", clock.now())
    assert patience.locked_until("ines", "2001:db8::ffff", clock.now())
    assert patience.locked_until("ines", "2001:db8:0:1::1", clock.now()) is None
    patience.succeeded("tomas", "192.0.2.1")
    assert patience.locked_until("tomas", "192.0.2.1", clock.now()) is None
    clock.move(timedelta(minutes=15))
    assert patience.locked_until("ines", "2001:db8::1", clock.now()) is None


async def test_many_tries_at_once_are_counted_as_many(access: Access, store: Store) -> None:
    await access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    tries = (access.sign_in("tomas", f"guess {number}", "192.0.2.1") for number in range(40))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, LockedError) for each in answers) == 30
    assert (await audit(store)).count("sign-in-failed") == 10
    assert await access.sign_in("tomas", PASSWORD, "192.0.2.2"), "its owner comes in from elsewhere"


async def test_a_locked_account_is_not_even_looked_at(access: Access, store: Store) -> None:
    await access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    for _ in range(10):
        with pytest.raises(AccessError):
            await access.sign_in("tomas", "wrong", "192.0.2.1")
    with pytest.raises(LockedError):
        await access.sign_in("tomas", PASSWORD, "192.0.2.1")
    assert (await audit(store)).count("sign-in-failed") == 10


def test_a_password_has_a_length() -> None:
    assert weakness("x" * 11)
    assert weakness("x" * 1025)
    assert weakness("x" * 12) is None


async def test_links_outlive_a_restart(store: Store, clock: HandClock) -> None:
    path = await Access(store, clock, Counted()).page_link(PageId("INC-7/p3"), ME)
    later = Access(store, clock, Counted())
    assert await later.read_page_link(path.removeprefix("/p/")) == ("INC-7", "INC-7/p3", ME)
    token = await later.form_token()
    assert await later.is_form_token(token)
    assert not await later.is_form_token(path.removeprefix("/p/"))
    assert await later.read_page_link(token) is None
