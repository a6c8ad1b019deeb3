"""What the playbook offers in the room: questions, checklists, steps, and messages."""

from collections.abc import Mapping

import msgspec

from tocsin.base.ids import slug
from tocsin.base.times import humane
from tocsin.engine.views import Room
from tocsin.faces.web.presenters import safe_link
from tocsin.incident.deadlines import DeadlineKind
from tocsin.incident.messages import Draft
from tocsin.incident.state import State
from tocsin.incident.triage import Answer, Question
from tocsin.playbook.model import Action, ActionRole, Effect, MessageKind
from tocsin.playbook.slots import find_slots

Bodies = Mapping[MessageKind, str]
"""The bodies of the templates of an incident's messages."""

_EFFECTS = {Effect.READ: "Only looks", Effect.CHANGE: "Changes", Effect.DESTROY: "Destroys"}
_ANSWERS: tuple[tuple[Answer, str], ...] = (("yes", "Yes"), ("no", "No"), ("unknown", "Not known"))
_KINDS = {
    MessageKind.INITIAL: "First message",
    MessageKind.UPDATE: "Update",
    MessageKind.RESOLUTION: "Resolution",
}


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that can be given: whether it is the one given, or the one suggested, and the level that it
    would make, "" where that stays as it is."""

    value: str
    text: str
    given: bool
    suggested: bool
    becomes: str


class QuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """A question of the severity checklist. `hint` is what is suggested and why, "" where nothing speaks of
    it; `assumed` says that it counts as yes as long as nobody answers."""

    id: str
    question: str
    leads_to: str
    answer: str
    hint: str
    assumed: bool
    answers: tuple[AnswerView, ...]


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a checklist."""

    id: str
    title: str
    text: str
    done: bool


class PhaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A phase with its checklist."""

    name: str
    window: str
    done: int
    items: tuple[ItemView, ...]


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the playbook, shown for a person to carry out."""

    id: str
    number: int
    title: str
    effect: str
    effect_text: str
    script: str
    language: str
    opens: str
    fill_in: tuple[str, ...]
    secrets: tuple[str, ...]


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """Steps that belong together. `fitting` says that they are for the state the incident is in."""

    id: str
    name: str
    phase: str
    numbered: bool
    fitting: bool
    actions: tuple[ActionView, ...]


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a message."""

    name: str
    value: str
    missing: bool


class PieceView(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a message: words of the template, or a field with its value or with its `blank`."""

    text: str
    field: str = ""
    blank: str = ""


class DraftView(msgspec.Struct, frozen=True, kw_only=True):
    """A message as far as it is written. `due` says that it is the one that is wanted next."""

    kind: str
    label: str
    pieces: tuple[PieceView, ...]
    fields: tuple[FieldView, ...]
    missing: int
    due: bool


def questions(room: Room) -> tuple[QuestionView, ...]:
    """The severity checklist with its answers."""
    found: list[QuestionView] = []
    for rule in room.questions:
        shift = f"{abs(rule.shifts)} level{'s' if abs(rule.shifts) > 1 else ''}" if rule.shifts else ""
        down = f"{shift} {'less' if (rule.shifts or 0) > 0 else 'more'} severe" if shift else ""
        found.append(
            QuestionView(
                id=rule.id,
                question=rule.question,
                leads_to=rule.sets or down,
                answer=rule.answer,
                hint=_hint(rule),
                assumed=rule.assumed,
                answers=_answers(rule, room.incident.level),
            )
        )
    return tuple(found)


def _hint(question: Question) -> str:
    if not question.suggested:
        return ""
    if question.assumed:
        return f"Counts as yes until somebody answers: {question.because}."
    return f"Suggested {question.suggested}: {question.because}."


def _answers(question: Question, level: str) -> tuple[AnswerView, ...]:
    found: list[AnswerView] = []
    for value, text in _ANSWERS:
        becomes = question.becomes.get(value, level)
        found.append(
            AnswerView(
                value=value,
                text=text,
                given=question.answer == value,
                suggested=question.suggested == value and question.answer in ("", "unknown"),
                becomes=becomes if becomes != level and question.answer != value else "",
            )
        )
    return tuple(found)


def phases(room: Room) -> tuple[PhaseView, ...]:
    """The phases that have a checklist."""
    checked = set(room.incident.checked)
    found: list[PhaseView] = []
    for phase in room.phases:
        if not phase.checklist:
            continue
        items = tuple(
            ItemView(id=item.id, title=item.title, text=item.text, done=item.id in checked)
            for item in phase.checklist
        )
        window = f"within {humane(phase.ends_after)}" if phase.ends_after else ""
        done = sum(item.done for item in items)
        found.append(PhaseView(name=phase.name, window=window, done=done, items=items))
    return tuple(found)


_FITTING = {
    State.OPEN: (ActionRole.DIAGNOSTIC,),
    State.ACKNOWLEDGED: (ActionRole.DIAGNOSTIC,),
    State.MITIGATED: (ActionRole.RESOLUTION, ActionRole.VERIFICATION),
}


def groups(room: Room) -> tuple[GroupView, ...]:
    """The steps by phase and group, in the order of the document."""
    grouped: dict[tuple[str, str], list[Action]] = {}
    for action in room.actions:
        grouped.setdefault((action.phase, action.group), []).append(action)
    fitting = _FITTING.get(room.incident.state, ())
    return tuple(
        GroupView(
            id=f"steps-{number}",
            name=group or phase,
            phase=phase,
            numbered=all(action.numbered for action in actions),
            fitting=any(action.role in fitting for action in actions),
            actions=tuple(_action(action) for action in actions),
        )
        for number, ((phase, group), actions) in enumerate(grouped.items(), 1)
    )


def _action(action: Action) -> ActionView:
    return ActionView(
        id=action.id,
        number=action.order,
        title=action.title,
        effect=action.effect.value,
        effect_text=_EFFECTS[action.effect],
        script=action.script,
        language=action.language,
        opens=safe_link(action.opens or ""),
        fill_in=tuple(f"{parameter.name} ({parameter.type.value})" for parameter in action.parameters),
        secrets=action.secrets,
    )


def drafts(room: Room, bodies: Bodies) -> tuple[DraftView, ...]:
    """The three messages as far as they can be written now."""
    due = _due_kind(room)
    return tuple(
        DraftView(
            kind=kind.value,
            label=_KINDS[kind],
            pieces=_pieces(bodies[kind], made) if kind in bodies else (PieceView(text=made.text),),
            fields=tuple(
                FieldView(name=name, value=value, missing=name in made.missing)
                for name, value in sorted(made.fields.items(), key=lambda each: each[0] not in made.missing)
            ),
            missing=len(made.missing),
            due=kind is due,
        )
        for kind, made in room.drafts.items()
    )


def _pieces(body: str, made: Draft) -> tuple[PieceView, ...]:
    """The template cut at its fields, so that a page can show each as it is being written."""
    values = {slug(name): value for name, value in made.fields.items()}
    pieces: list[PieceView] = []
    at = 0
    for slot in find_slots(body):
        blank = body[slot.start : slot.end]
        pieces.append(PieceView(text=body[at : slot.start]))
        pieces.append(PieceView(text=values.get(slug(slot.name), "") or blank, field=slot.name, blank=blank))
        at = slot.end
    return (*pieces, PieceView(text=body[at:]))


def _due_kind(room: Room) -> MessageKind:
    for deadline in room.deadlines:
        if deadline.kind is DeadlineKind.UPDATE:
            return MessageKind(deadline.key.partition(":")[2])
    if room.incident.state is State.RESOLVED:
        return MessageKind.RESOLUTION
    return MessageKind.UPDATE if room.incident.messages else MessageKind.INITIAL
