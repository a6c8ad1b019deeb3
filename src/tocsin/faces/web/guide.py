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
from tocsin.playbook.model import Action, ActionRole, Effect, MessageKind
from tocsin.playbook.slots import find_slots

Bodies = Mapping[MessageKind, str]
"""The bodies of the templates of an incident's messages."""

_EFFECTS = {Effect.READ: "Only looks", Effect.CHANGE: "Changes", Effect.DESTROY: "Destroys"}
_KINDS = {
    MessageKind.INITIAL: "First message",
    MessageKind.UPDATE: "Update",
    MessageKind.RESOLUTION: "Resolution",
}


class QuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """A question of the severity checklist."""

    id: str
    question: str
    leads_to: str
    answer: str


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
    for rule in room.triage:
        shift = f"{abs(rule.shifts)} level{'s' if abs(rule.shifts) > 1 else ''}" if rule.shifts else ""
        down = f"{shift} {'less' if (rule.shifts or 0) > 0 else 'more'} severe" if shift else ""
        answer = room.incident.answers.get(rule.id, "")
        found.append(
            QuestionView(id=rule.id, question=rule.question, leads_to=rule.sets or down, answer=answer)
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
