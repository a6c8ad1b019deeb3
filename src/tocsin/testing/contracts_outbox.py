"""The contract of the outbox and of the smaller tables; see `tocsin.testing.contracts`."""

import asyncio

from tocsin.base.ids import PageId, PersonId
from tocsin.engine.ports import Store
from tocsin.engine.records import Account, OutboxRow, OutboxStatus, PlaybookVersion, Session, Token
from tocsin.incident.events import SYSTEM
from tocsin.incident.outgoing import RaiseAlert, Send
from tocsin.testing.store_samples import ALICE, INC_1, INC_2, T0, after, raised, send

PENDING, DELIVERED = OutboxStatus.PENDING, OutboxStatus.DELIVERED
FAILED, CANCELLED = OutboxStatus.FAILED, OutboxStatus.CANCELLED


async def _enqueue(store: Store, *effects: Send | RaiseAlert) -> None:
    async with store.transaction() as unit:
        await unit.enqueue(effects)


async def _claim(store: Store, minutes: float = 0, limit: int = 64) -> list[OutboxRow]:
    """Claim at so many minutes after `T0`, for one minute."""
    async with store.transaction() as unit:
        return await unit.claim(after(minutes), after(minutes + 1), limit)


async def _finish(
    store: Store, key: str, status: OutboxStatus, error: str = "", retry: float | None = None
) -> None:
    async with store.transaction() as unit:
        await unit.finish(key, status, after(5), error, None if retry is None else after(retry))


async def _row(store: Store, key: str) -> OutboxRow:
    async with store.reading() as reader:
        return next(row for row in await reader.outbox() if row.key == key)


def _keys(rows: list[OutboxRow]) -> list[str]:
    return [row.key for row in rows]


class OutboxContract:
    """What waits, who has claimed it, and what became of it."""

    async def test_the_outbox_lists_newest_first(self, store: Store) -> None:
        await _enqueue(store, send("a", 5), raised("b"))
        await _enqueue(store, send("c", incident="INC-2"))
        await _claim(store)
        await _finish(store, "b", DELIVERED)
        async with store.reading() as reader:
            assert _keys(await reader.outbox()) == ["c", "b", "a"]
            assert _keys(await reader.outbox(limit=1)) == ["c"]
            assert _keys(await reader.outbox(PENDING)) == ["c", "a"]
            assert _keys(await reader.outbox(incident=INC_2)) == ["c"]
            assert _keys(await reader.outbox(DELIVERED, INC_1)) == ["b"]
        assert (await _row(store, "a")).effect == send("a", 5)
        assert (await _row(store, "b")).effect == raised("b")

    async def test_a_key_is_kept_once(self, store: Store) -> None:
        await _enqueue(store, send("a", 1))
        await _enqueue(store, send("a", 9), send("b"), send("b", 7))
        async with store.reading() as reader:
            rows = await reader.outbox()
        assert [(row.key, row.due_at) for row in rows] == [("b", T0), ("a", after(1))]

    async def test_a_claim_takes_what_is_due_in_order(self, store: Store) -> None:
        await _enqueue(store, send("late", 3), send("first", 1), send("future", 9), send("second", 2))
        assert _keys(await _claim(store, 3, limit=2)) == ["first", "second"]
        assert _keys(await _claim(store, 3)) == ["late"]
        assert await _claim(store, 3.5) == []

    async def test_a_claim_counts_and_ends_with_its_lease(self, store: Store) -> None:
        await _enqueue(store, send("a"))
        (first,) = await _claim(store, 0)
        assert (first.attempts, first.lease_until, first.status) == (1, after(1), PENDING)
        assert await _row(store, "a") == first
        assert await _claim(store, 0.99) == []
        (second,) = await _claim(store, 1)
        assert (second.attempts, second.lease_until, second.due_at) == (2, after(2), T0)

    async def test_a_bundle_is_claimed_as_a_whole(self, store: Store) -> None:
        await _enqueue(
            store,
            send("a1", 1, bundle="a"),
            send("b1", 1.5, bundle="b"),
            send("a2", 2, bundle="a"),
            send("a3", 9, bundle="a"),
            send("lone", 1.7),
        )
        assert _keys(await _claim(store, 3, limit=1)) == ["a1", "a2"]
        assert _keys(await _claim(store, 3, limit=64)) == ["b1", "lone"]

    async def test_workers_never_claim_the_same(self, store: Store) -> None:
        await _enqueue(store, *(send(f"k{number}") for number in range(40)))
        claims = await asyncio.gather(*(_claim(store, 0, limit=7) for _ in range(8)))
        keys = [key for rows in claims for key in _keys(rows)]
        assert len(keys) == len(set(keys))
        keys += _keys(await _claim(store, 0))
        assert sorted(keys) == sorted(f"k{number}" for number in range(40))

    async def test_another_attempt_waits_for_its_time(self, store: Store) -> None:
        await _enqueue(store, send("a"))
        await _claim(store, 0)
        await _finish(store, "a", PENDING, "the mail server is down", retry=6)
        row = await _row(store, "a")
        assert (row.status, row.due_at, row.lease_until) == (PENDING, after(6), None)
        assert (row.last_error, row.attempts, row.done_at) == ("the mail server is down", 1, None)
        assert await _claim(store, 5.99) == []
        assert _keys(await _claim(store, 6)) == ["a"]

    async def test_what_has_ended_stays_so(self, store: Store) -> None:
        await _enqueue(store, send("a"), send("b"))
        await _claim(store, 0)
        await _finish(store, "a", DELIVERED)
        await _finish(store, "b", FAILED, "no such mailbox")
        done, failed = await _row(store, "a"), await _row(store, "b")
        assert (done.status, done.done_at, done.lease_until) == (DELIVERED, after(5), None)
        assert (failed.status, failed.last_error) == (FAILED, "no such mailbox")
        await _finish(store, "a", FAILED, "late")
        await _finish(store, "b", PENDING, "late", retry=6)
        await _finish(store, "unknown", DELIVERED)
        assert (await _row(store, "a"), await _row(store, "b")) == (done, failed)
        assert await _claim(store, 60) == []

    async def test_cancelling_stops_what_waits_under_a_page(self, store: Store) -> None:
        await _enqueue(
            store,
            send("p1", page="INC-1/p1"),
            send("p1-later", 9, page="INC-1/p1"),
            send("p2", page="INC-1/p2"),
            send("other", page="INC-1/p1", incident="INC-2"),
            send("message"),
        )
        async with store.transaction() as unit:
            assert await unit.cancel(INC_1, [PageId("INC-1/p1"), PageId("INC-1/p3")]) == 2
            assert await unit.cancel(INC_1, []) == 0
        assert (await _row(store, "p1")).status is CANCELLED
        assert sorted(_keys(await _claim(store, 60))) == ["message", "other", "p2"]

    async def test_a_cancelled_row_is_not_revived_but_may_have_been_delivered(self, store: Store) -> None:
        await _enqueue(
            store, send("a", page="INC-1/p1"), send("b", page="INC-1/p1"), send("c", page="INC-1/p1")
        )
        await _claim(store, 0)
        async with store.transaction() as unit:
            assert await unit.cancel(INC_1, [PageId("INC-1/p1")]) == 3
        await _finish(store, "a", PENDING, "try again", retry=6)
        await _finish(store, "b", DELIVERED)
        await _finish(store, "c", FAILED, "no")
        assert [(await _row(store, key)).status for key in "abc"] == [CANCELLED, DELIVERED, CANCELLED]
        assert await _claim(store, 60) == []

    async def test_the_next_time_of_the_outbox(self, store: Store) -> None:
        async def next_at() -> object:
            async with store.reading() as reader:
                return await reader.next_outbox_at()

        assert await next_at() is None
        await _enqueue(store, send("a", 1), send("b", 7))
        assert await next_at() == after(1)
        await _claim(store, 2)
        assert await next_at() == after(3)
        await _finish(store, "a", PENDING, "later", retry=8)
        assert await next_at() == after(7)
        await _finish(store, "b", DELIVERED)
        assert await next_at() == after(8)
        await _finish(store, "a", FAILED)
        assert await next_at() is None


class RecordsContract:
    """Accounts, tokens, sessions, settings, playbooks, and the audit log."""

    async def test_accounts(self, store: Store) -> None:
        alice = Account(
            name="Ålice", role="admin", password_hash="h", person=PersonId("alice"), created_at=T0
        )
        bob = Account(name="bob", role="viewer", password_hash="h", person=None, created_at=T0, disabled=True)
        changed = Account(name="BOB", role="responder", password_hash="i", person=None, created_at=T0)
        async with store.transaction() as unit:
            for account in (alice, bob, changed):
                await unit.save_account(account)
        async with store.reading() as reader:
            assert await reader.account("ÅLICE") == alice
            assert await reader.account("bob") == changed
            assert await reader.account("carol") is None
            assert await reader.accounts() == [changed, alice]

    async def test_tokens(self, store: Store) -> None:
        old = Token(id="1", name="ci", secret_hash="x", scope="source", person=None, created_at=T0)
        new = Token(id="2", name="me", secret_hash="y", scope="admin", person=None, created_at=after(1))
        revoked = Token(
            id="1",
            name="ci",
            secret_hash="x",
            scope="source",
            person=None,
            created_at=T0,
            revoked_at=after(2),
        )
        async with store.transaction() as unit:
            for token in (old, new, revoked):
                await unit.save_token(token)
        async with store.reading() as reader:
            assert await reader.token("x") == revoked
            assert await reader.token("z") is None
            assert await reader.tokens() == [new, revoked]

    async def test_sessions(self, store: Store) -> None:
        session = Session(secret_hash="s", account="alice", created_at=T0, expires_at=after(60))
        async with store.transaction() as unit:
            await unit.save_session(session)
        async with store.reading() as reader:
            assert await reader.session("s") == session
        async with store.transaction() as unit:
            await unit.drop_session("s")
            await unit.drop_session("unknown")
            assert await unit.session("s") is None

    async def test_small_records_by_shape_and_key(self, store: Store) -> None:
        old = Session(secret_hash="s", account="alice", created_at=T0, expires_at=after(60))
        new = Session(secret_hash="t", account="b\x00b", created_at=T0, expires_at=after(60))
        other = PlaybookVersion(hash="f", name="p.md", content=b"", seen_at=T0)
        async with store.transaction() as unit:
            await unit.keep("one", new, after(1))
            await unit.keep("one", old, after(2))
            await unit.keep("two", new, after(3))
            await unit.keep("one", other, after(4))
            assert await unit.kept(Session, "one") == old
        async with store.reading() as reader:
            assert await reader.all_kept(Session) == [new, old]
            assert await reader.all_kept(Session, limit=1) == [new]
            assert await reader.all_kept(PlaybookVersion) == [other]
            assert await reader.kept(Session, "three") is None
        async with store.transaction() as unit:
            await unit.forget(PlaybookVersion, "one")
            await unit.forget(PlaybookVersion, "two")
            assert await unit.forget_before(Session, after(3)) == 1
            assert await unit.all_kept(PlaybookVersion) == []
        async with store.reading() as reader:
            assert await reader.all_kept(Session) == [new]

    async def test_settings_and_playbooks(self, store: Store) -> None:
        book = PlaybookVersion(hash="f" * 64, name="p.md", content=b"# \xc3\xa4\x00\xff", seen_at=T0)
        again = PlaybookVersion(hash="f" * 64, name="q.md", content=b"# \xc3\xa4\x00\xff", seen_at=after(1))
        async with store.transaction() as unit:
            await unit.set_setting("key", "one")
            await unit.set_setting("key", "two")
            await unit.save_playbook(book)
            await unit.save_playbook(again)
        async with store.reading() as reader:
            assert await reader.setting("key") == "two"
            assert await reader.setting("other") is None
            assert await reader.playbook("f" * 64) == book
            assert await reader.playbook("0" * 64) is None

    async def test_the_audit_log_is_chained(self, store: Store) -> None:
        for number in range(3):
            async with store.transaction() as unit:
                await unit.record_audit(
                    after(number), ALICE if number else SYSTEM, "sign-in", {"n": str(number)}
                )
        async with store.reading() as reader:
            lines = await reader.audit()
            assert await reader.audit(limit=1) == lines[:1]
        third, second, first = lines
        assert (first.seq, first.actor, first.detail, first.previous) == (1, SYSTEM, {"n": "0"}, "0" * 64)
        assert (second.previous, third.previous) == (first.hash, second.hash)
        assert (third.seq, third.at, third.actor, third.action) == (3, after(2), ALICE, "sign-in")
        assert len({line.hash for line in lines}) == 3
        assert await store.verify() == []
