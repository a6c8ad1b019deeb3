"""Silences as people make and end them: kept in the store, each change in the audit log."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from tocsin.alerts.matchers import Matcher
from tocsin.alerts.silences import Silence, SilenceState
from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.engine.ports import Clock, Randomness, Store
from tocsin.incident.events import Actor


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
    ) -> Silence:
        """Make a silence, or change the one that `replaces` names. A beginning that is past or None is now.

        Raises:
            ProblemsError: a field is wrong.
            UnknownSilenceError: the one to change is not there.
        """
        now = self._clock.now()
        made = Silence(
            id=replaces or self._randomness.secret()[:20],
            matchers=tuple(matchers),
            starts_at=max(starts_at or now, now),
            ends_at=ends_at,
            created_by=actor.name or actor.id,
            comment=comment.strip(),
            updated_at=now,
        )
        if problems := _problems(made, now):
            raise ProblemsError(problems)
        async with self._store.transaction() as unit:
            if replaces and await unit.kept(Silence, replaces) is None:
                raise UnknownSilenceError(replaces)
            await unit.keep(made.id, made, made.ends_at)
            action = "silence changed" if replaces else "silence created"
            await unit.record_audit(now, actor, action, _detail(made))
        self.version += 1
        return made

    async def expire(self, silence: str, actor: Actor) -> Silence:
        """End a silence now; one that has ended stays as it is.

        Raises:
            UnknownSilenceError: it is not there.
        """
        now = self._clock.now()
        async with self._store.transaction() as unit:
            found = await unit.kept(Silence, silence)
            if found is None:
                raise UnknownSilenceError(silence)
            if found.state(now) is SilenceState.EXPIRED:
                return found
            ended = replace(found, starts_at=min(found.starts_at, now), ends_at=now, updated_at=now)
            await unit.keep(ended.id, ended, now)
            await unit.record_audit(now, actor, "silence ended", _detail(ended))
        self.version += 1
        return ended


def _problems(silence: Silence, now: datetime) -> list[Problem]:
    found: list[Problem] = []

    def tell(field: str, message: str, mend: str) -> None:
        found.append(Problem(code="bad-silence", field=field, message=message, mend=mend))

    if not silence.matchers:
        tell("matchers", "The silence has no matcher.", 'Name the alerts: alertname="…".')
    elif all(matcher.matches({}) for matcher in silence.matchers):
        tell("matchers", "The silence would match every alert.", "Give a matcher that an empty label fails.")
    if not silence.comment:
        tell("comment", "The silence gives no reason.", "Say why, so that others know.")
    elif len(silence.comment) > limits.note_chars_max:
        tell("comment", "The reason is too long.", f"Write at most {limits.note_chars_max} characters.")
    if silence.ends_at <= max(silence.starts_at, now):
        tell("endsAt", "The silence has ended before it begins, or already.", "Choose a later end.")
    return found


def _detail(silence: Silence) -> dict[str, str]:
    matchers = ", ".join(f'{each.name}{each.operator.value}"{each.value}"' for each in silence.matchers)
    return {
        "silence": silence.id,
        "matchers": matchers[: limits.note_chars_max],
        "until": silence.ends_at.isoformat(),
        "comment": silence.comment,
    }
