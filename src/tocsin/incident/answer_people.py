"""Commands about who does it: acknowledge, command, escalate."""

from tocsin.base import limits
from tocsin.base.ids import PageId, PersonId, role_key
from tocsin.base.times import in_zone
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident import path, reach
from tocsin.incident.answer import Accepted, Ask, Refused, not_active, too_long
from tocsin.incident.state import ENDED, Incident, Page, State
from tocsin.oncall.model import Person


def acknowledge(ask: Ask[c.Acknowledge]) -> Accepted | Refused:
    """The first acknowledgement takes the incident on; a later one answers the person's own pages; one
    that is repeated or late is told who was first."""
    incident = ask.incident
    person = ask.rules.roster.person(ask.command.person)
    if person is None:
        return _stranger(ask.command.person)
    if refused := too_long("via", ask.command.via, limits.title_chars_max):
        return refused
    if incident.state is State.OPEN:
        taken = e.Acknowledged(person=person.id, name=person.name, via=ask.command.via)
        command = _commander_event(ask, person, "was the first to acknowledge")
        if incident.offered_to == person.id:
            command = (_assigned(person, ask, "accepted the hand-over"),)
        return Accepted((taken, *command), f"You have acknowledged {incident.id}.")
    mine = [page for page in incident.open_pages if page.person == person.id]
    if mine and incident.active:
        pages = tuple(page.id for page in mine)
        answered = e.PageAcknowledged(person=person.id, name=person.name, pages=pages, via=ask.command.via)
        command: tuple[e.AnyEvent, ...] = ()
        if incident.offered_to == person.id:
            command = (_assigned(person, ask, "accepted the hand-over"),)
        elif any(":command:" in reason.key for page in mine for reason in page.reasons):
            command = _commander_event(ask, person, "answered the call for a commander")
        return Accepted((answered, *command), f"You have answered your page for {incident.id}.")
    return Accepted(said=_who_was_first(incident, ask, person))


def _who_was_first(incident: Incident, ask: Ask[c.Acknowledge], reader: Person) -> str:
    if incident.state in ENDED or incident.state is State.RESOLVED:
        return f"{incident.id} is {incident.state.value} already; there is nothing left to acknowledge."
    assert incident.acknowledged_at is not None, "an active incident that is not open was acknowledged"
    when = in_zone(incident.acknowledged_at, reader.zone)
    if incident.acknowledged_by == reader.id:
        return f"You acknowledged {incident.id} before, at {when}."
    name = ask.rules.roster.name_of(incident.acknowledged_by) if incident.acknowledged_by else ""
    return f"{name} acknowledged {incident.id} first, at {when}."


def _commander_event(
    ask: Ask[c.Acknowledge] | Ask[c.TakeCommand], person: Person, because: str
) -> tuple[e.AnyEvent, ...]:
    """Make the person the commander, where nobody entitled commands yet and a role entitles them."""
    incident = ask.incident
    current = incident.commander
    if current and path.commanding_role(current, incident.level, ask.rules):
        return ()
    if path.commanding_role(person.id, incident.level, ask.rules) is None:
        return ()
    return (_assigned(person, ask, because),)


def _assigned(
    person: Person, ask: Ask[c.Acknowledge] | Ask[c.TakeCommand], because: str
) -> e.CommanderAssigned:
    role = path.commanding_role(person.id, ask.incident.level, ask.rules) or ""
    return e.CommanderAssigned(person=person.id, name=person.name, role=role, because=because)


def take_command(ask: Ask[c.TakeCommand]) -> Accepted | Refused:
    """Become the commander: by a role that entitles at this level, or by an offer."""
    incident = ask.incident
    refused = not_active(incident, "commanded")
    if refused:
        return refused
    person = ask.rules.roster.person(ask.command.person)
    if person is None:
        return _stranger(ask.command.person)
    if incident.commander == person.id:
        return Accepted(said=f"{person.name} commands {incident.id} already.")
    offered = incident.offered_to == person.id
    if not offered and path.commanding_role(person.id, incident.level, ask.rules) is None:
        roles = " or ".join(path.roles_that_command(incident.level, ask.rules))
        return Refused(
            "not-entitled",
            f"{person.name} fills no role that may command a {incident.level} ({roles}). "
            "Ask whoever commands to hand over.",
        )
    because = "accepted the hand-over" if offered else "took command"
    events: list[e.AnyEvent] = []
    if incident.state is State.OPEN:
        events.append(e.Acknowledged(person=person.id, name=person.name, via="command"))
    elif mine := tuple(page.id for page in incident.open_pages if page.person == person.id):
        events.append(e.PageAcknowledged(person=person.id, name=person.name, pages=mine, via="command"))
    return Accepted((*events, _assigned(person, ask, because)), f"{person.name} commands {incident.id} now.")


def offer_command(ask: Ask[c.OfferCommand]) -> Accepted | Refused:
    """Ask somebody to take over; they are paged, and command when they accept."""
    incident = ask.incident
    refused = not_active(incident, "handed over")
    if refused:
        return refused
    person = ask.rules.roster.person(ask.command.to)
    if person is None:
        return _stranger(ask.command.to)
    if incident.commander == person.id:
        return Accepted(said=f"{person.name} commands {incident.id} already.")
    if incident.offered_to == person.id:
        return Accepted(said=f"{person.name} was asked already and has not answered yet.")
    if not person.methods:
        return Refused(
            "unreachable", f"{person.name} has no contact method in the roster and cannot be asked."
        )
    offer = e.CommandOffered(to=person.id, name=person.name, by=ask.actor.name or ask.actor.id)
    key = reach.key(incident, f"offer:{incident.offers + 1}")
    text = f"{offer.by} asks you to take command"
    page = _page_now(ask, person, "incident commander", key, text)
    return Accepted((offer, page), f"{person.name} is being asked to take command.")


def escalate(ask: Ask[c.Escalate]) -> Accepted | Refused:
    """Page a role or a person by hand. A role that nobody fills is refused, so that it is noticed at once."""
    incident, to = ask.incident, ask.command.to.strip()
    refused = not_active(incident, "escalated") or too_long(
        "reason", ask.command.reason, limits.reason_chars_max
    )
    if refused:
        return refused
    person = ask.rules.roster.person(PersonId(to))
    role = to
    if person is None:
        roles = {role_key(each): each for each in known_roles(ask)}
        role = roles.get(role_key(to), "")
        if not role:
            return Refused(
                "unknown-role", f"{to!r} is no role and nobody of the roster; there are {_list(roles)}."
            )
        people, because = path.people_for(role, ask.rules, ask.now)
        if not people:
            return Refused(
                "unreachable", f"{role} cannot be paged: {because}. Name a person or another role."
            )
        person = people[0]
    elif not person.methods:
        return Refused("unreachable", f"{person.name} has no contact method in the roster.")
    by = ask.actor.name or ask.actor.id
    why = ask.command.reason or "asked for by hand"
    key = reach.key(incident, f"hand:{incident.hand_escalations + 1}")
    happened = e.Escalated(edge=key, source=by, to=role, because=why, by_hand=True)
    page = _page_now(ask, person, role, key, f"{by} escalated to you: {why}")
    return Accepted((happened, page), f"{person.name} is being paged.")


def known_roles(ask: Ask[c.Escalate]) -> list[str]:
    """Every role of the roster and of the playbook's path and contacts."""
    playbook = ask.rules.playbook
    return [
        *(fill.role for fill in ask.rules.roster.roles),
        *(contact.role for contact in playbook.contacts),
        *(role for edge in playbook.escalation for role in (edge.source, edge.to)),
    ]


def _page_now(
    ask: Ask[c.Escalate] | Ask[c.OfferCommand], person: Person, role: str, key: str, text: str
) -> e.Paged | e.PageWidened:
    under_way: Page | None = next(
        (page for page in ask.incident.open_pages if page.person == person.id), None
    )
    number = len(ask.incident.pages) + 1
    made = e.PageWidened if under_way else e.Paged
    return made(
        page=under_way.id if under_way else PageId(f"{ask.incident.id}/p{number}"),
        person=person.id,
        name=person.name,
        role=role,
        reasons=(e.PageReason(key=key, text=text, role=role),),
        due_at=ask.now,
    )


def _stranger(person: str) -> Refused:
    return Refused("unknown-person", f"Nobody in the roster is called {person!r}.")


def _list(roles: dict[str, str]) -> str:
    return ", ".join(roles.values()) or "none"
