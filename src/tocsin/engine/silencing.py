"""Silences as people make and end them: kept in the store, each change in the audit log."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from tocsin.alerts.matchers import Matcher, format_matchers, make_matcher
from tocsin.alerts.silences import Silence, SilenceState
from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.engine.ports import Clock, Randomness, Store, Unit
from tocsin.engine.signing import digest
from tocsin.incident.events import Actor

KEPT_AFTER_END = timedelta(days=30)
"""How long a silence that has ended can still be looked at; the audit log keeps what was done for ever."""

LONGEST = timedelta(days=3_660)
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class UnknownSilenceError(LookupError):
    """There is no silence of this id."""

    def __init__(self, silence: str) -> None:
        super().__init__(f"There is no silence {silence[:80]}.")


class Silencing:
    """Makes, changes and ends silences. `version` grows with each change, so that whoever holds a copy
    can tell that it is an old one."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self.version = 0

    async def list(self) -> list[Silence]:
        """All that are kept, the last to end first."""
        async with self._store.reading() as reader:
            return await reader.all_kept(Silence, limits.silences_max)

    async def find(self, silence: str) -> Silence | None:
        """One silence."""
        if not _ID.fullmatch(silence):
            return None
        async with self._store.reading() as reader:
            return await reader.kept(Silence, silence)

    async def create(
        self,
        matchers: Sequence[Matcher],
        starts_at: datetime | None,
        ends_at: datetime,
        comment: str,
        actor: Actor,
        replaces: str = "",
        author: str = "",
    ) -> Silence:
        """Make a silence, or change the one that `replaces` names. A beginning that is past or None is now.

        As in Alertmanager, a change keeps the id where it neither says anything else of alerts nor of what
        was already silenced: the same matchers, the same beginning where it has begun. Any other change
        ends the one before and makes a new one. `author` is who it is shown to be of, where that is not the
        actor itself.

        Raises:
            ProblemsError: a field is wrong, or there are too many silences.
            UnknownSilenceError: the one to change is not there.
        """
        now = self._clock.now()
        wanted = Silence(
            id="",
            matchers=tuple(matchers),
            starts_at=max(starts_at or now, now),
            ends_at=ends_at,
            created_by=author or actor.name or actor.id,
            comment=comment.strip(),
            updated_at=now,
        )
        if problems := _problems(wanted, now):
            raise ProblemsError(problems)
        async with self._store.transaction() as unit:
            before = await self._before(unit, replaces) if replaces else None
            if before is not None and _is_same(before, wanted, starts_at, now):
                begins = before.starts_at if before.starts_at <= now else wanted.starts_at
                made = replace(wanted, id=before.id, starts_at=begins)
                action = "silence changed"
            else:
                if before is not None and before.state(now) is not SilenceState.EXPIRED:
                    await self._end(unit, before, now, actor)
                await self._make_room(unit, now)
                made = replace(wanted, id=str(UUID(hex=digest(self._randomness.secret())[:32], version=4)))
                action = "silence created"
            await unit.keep(made.id, made, made.ends_at)
            await unit.record_audit(now, actor, action, _detail(made))
        self.version += 1
        return made

    async def _before(self, unit: Unit, silence: str) -> Silence:
        found = await unit.kept(Silence, silence) if _ID.fullmatch(silence) else None
        if found is None:
            raise UnknownSilenceError(silence)
        return found

    async def _make_room(self, unit: Unit, now: datetime) -> None:
        await unit.forget_before(Silence, now - KEPT_AFTER_END)
        kept = await unit.all_kept(Silence, limits.silences_max)
        if len(kept) >= limits.silences_max and kept[-1].state(now) is not SilenceState.EXPIRED:
            message = f"There are {limits.silences_max} silences that have not ended."
            mend = "End some, or make one that covers more."
            raise ProblemsError([Problem(code="too-many", field="matchers", message=message, mend=mend)])

    async def _end(self, unit: Unit, silence: Silence, now: datetime, actor: Actor) -> Silence:
        ended = replace(silence, starts_at=min(silence.starts_at, now), ends_at=now, updated_at=now)
        await unit.keep(ended.id, ended, now)
        await unit.record_audit(now, actor, "silence ended", _detail(ended))
        return ended

    async def expire(self, silence: str, actor: Actor) -> Silence:
        """End a silence now; one that has ended stays as it is.

        Raises:
            UnknownSilenceError: it is not there.
        """
        now = self._clock.now()
        async with self._store.transaction() as unit:
            found = await self._before(unit, silence)
            if found.state(now) is SilenceState.EXPIRED:
                return found
            ended = await self._end(unit, found, now, actor)
        self.version += 1
        return ended


def _is_same(before: Silence, wanted: Silence, starts_at: datetime | None, now: datetime) -> bool:
    """Whether a silence can be changed where it is. `starts_at` is the beginning that was asked for."""
    if before.matchers != wanted.matchers:
        return False
    match before.state(now):
        case SilenceState.ACTIVE:
            # Times travel in whole milliseconds, so that the same beginning comes back a little earlier.
            return starts_at is None or abs(starts_at - before.starts_at) < timedelta(seconds=1)
        case SilenceState.PENDING:
            return starts_at is None or starts_at >= now
        case SilenceState.EXPIRED:
            return False


def _problems(silence: Silence, now: datetime) -> list[Problem]:
    found: list[Problem] = []

    def tell(field: str, message: str, mend: str) -> None:
        found.append(Problem(code="bad-silence", field=field, message=message, mend=mend))

    _tell_of_matchers(silence.matchers, tell)
    if not silence.comment:
        tell("comment", "The silence gives no reason.", "Say why, so that others know.")
    elif len(silence.comment) > limits.note_chars_max:
        tell("comment", "The reason is too long.", f"Write at most {limits.note_chars_max} characters.")
    if len(silence.created_by) > limits.silence_author_chars_max:
        tell("createdBy", "The name is too long.", f"Write at most {limits.silence_author_chars_max}.")
    if silence.ends_at <= max(silence.starts_at, now):
        tell("endsAt", "The silence has ended before it begins, or already.", "Choose a later end.")
    elif silence.ends_at - now > LONGEST:
        tell("endsAt", "The silence ends in more than ten years.", "Choose an earlier end.")
    return found


def _tell_of_matchers(matchers: Sequence[Matcher], tell: Callable[[str, str, str], None]) -> None:
    if len(matchers) > limits.silence_matchers_max:
        most = f"Give at most {limits.silence_matchers_max}."
        tell("matchers", f"The silence has {len(matchers)} matchers.", most)
        return
    for number, each in enumerate(matchers):
        where = f"matchers[{number}]"
        long = len(each.name) > limits.label_name_chars_max or len(each.value) > limits.label_value_chars_max
        if long:
            most = f"{limits.label_name_chars_max} and {limits.label_value_chars_max} characters"
            tell(where, f"{where} is too long.", f"Name and value have at most {most}.")
            return
        try:
            make_matcher(each.name, each.operator, each.value)
        except ValueError as error:
            tell(where, f"{where}: {error}.", "Write an expression without references and look-arounds.")
            return
    if not matchers:
        tell("matchers", "The silence has no matcher.", 'Name the alerts: alertname="…".')
    elif all(matcher.matches({}) for matcher in matchers):
        tell("matchers", "The silence would match every alert.", "Give a matcher that an empty label fails.")


def _detail(silence: Silence) -> dict[str, str]:
    return {
        "silence": silence.id,
        "matchers": format_matchers(silence.matchers)[: limits.note_chars_max],
        "until": silence.ends_at.isoformat(),
        "by": silence.created_by,
        "comment": silence.comment,
    }
