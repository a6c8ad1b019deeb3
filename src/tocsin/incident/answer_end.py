"""Commands by which an incident comes to its end, and back from it."""

from tocsin.base import limits
from tocsin.base.ids import PersonId
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.answer import Accepted, Ask, Refused, ended, missing, not_active, too_long
from tocsin.incident.deadlines import postmortem_due
from tocsin.incident.state import ENDED, State

_Ending = Ask[c.Mitigate] | Ask[c.Resolve]


def mitigate(ask: Ask[c.Mitigate]) -> Accepted | Refused:
    """The impact has ended."""
    incident = ask.incident
    if incident.state is State.MITIGATED:
        return Accepted(said=f"{incident.id} is mitigated already.")
    refused = not_active(incident, "mitigated") or too_long(
        "summary", ask.command.summary, limits.note_chars_max
    )
    if refused:
        return refused
    mitigated = e.Mitigated(summary=ask.command.summary.strip())
    return Accepted((*_taken_on(ask), mitigated), f"{incident.id} is mitigated.")


def resolve(ask: Ask[c.Resolve]) -> Accepted | Refused:
    """It is over. Both the cause and the fix have to be said, since the post-mortem stands on them."""
    incident, command = ask.incident, ask.command
    if incident.state is State.RESOLVED:
        return Accepted(said=f"{incident.id} is resolved already.")
    if incident.state in ENDED:
        return ended(incident, "resolved")
    if not command.root_cause.strip():
        return missing("root_cause", "what the cause was, as far as it is known")
    if not command.fix.strip():
        return missing("fix", "what mended it")
    refused = (
        too_long("root_cause", command.root_cause, limits.note_chars_max)
        or too_long("fix", command.fix, limits.note_chars_max)
        or too_long("verification", command.verification, limits.note_chars_max)
    )
    if refused:
        return refused
    resolved = e.Resolved(
        root_cause=command.root_cause.strip(),
        fix=command.fix.strip(),
        verification=command.verification.strip(),
        postmortem_due_at=postmortem_due(incident.level, ask.now, ask.rules),
    )
    firing = incident.firing_count
    still = f" {firing} of its alerts still fire." if firing else ""
    return Accepted((*_taken_on(ask), resolved), f"{incident.id} is resolved.{still}")


def _taken_on(ask: _Ending) -> tuple[e.AnyEvent, ...]:
    """Whoever ends an incident that nobody acknowledged has thereby taken it on."""
    if ask.incident.state is not State.OPEN:
        return ()
    person = ask.rules.roster.person(PersonId(ask.actor.id))
    name = person.name if person else ask.actor.name or ask.actor.id
    return (e.Acknowledged(person=PersonId(ask.actor.id), name=name, via=type(ask.command).__name__.lower()),)


def reopen(ask: Ask[c.Reopen]) -> Accepted | Refused:
    """It was not over; the clocks of the playbook start again."""
    incident, reason = ask.incident, ask.command.reason.strip()
    if incident.active:
        return Accepted(said=f"{incident.id} is {incident.state.value}; there is nothing to reopen.")
    if incident.state is State.MERGED:
        return ended(incident, "reopened")
    if not reason:
        return missing("reason", "why it is opened again")
    return too_long("reason", reason, limits.reason_chars_max) or Accepted(
        (e.Reopened(reason=reason),), f"{incident.id} is open again."
    )


def publish_postmortem(ask: Ask[c.PublishPostmortem]) -> Accepted | Refused:
    """The post-mortem as its author wrote it. The desk replaces an empty text by the generated one."""
    incident = ask.incident
    if incident.state not in (State.RESOLVED, State.CLOSED):
        return Refused("not-resolved", f"{incident.id} is {incident.state.value}; resolve it first.")
    text = ask.command.text.strip()
    refused = too_long("text", text, limits.request_body_bytes_max // 8) or too_long(
        "link", ask.command.link, limits.reason_chars_max
    )
    if refused:
        return refused
    if text and text == incident.postmortem_text:
        return Accepted(said="That post-mortem is published already.")
    if not text:
        return missing("text", "what the post-mortem is")
    published = e.PostmortemPublished(text=text, link=ask.command.link.strip())
    return Accepted((published,), "The post-mortem is published.")


def close(ask: Ask[c.Close]) -> Accepted | Refused:
    """Nothing is left to do. A post-mortem that the playbook wants must be there, or a reason why not."""
    incident = ask.incident
    if incident.state is State.CLOSED:
        return Accepted(said=f"{incident.id} is closed already.")
    if incident.state in ENDED:
        return ended(incident, "closed")
    if incident.state is not State.RESOLVED:
        return Refused("not-resolved", f"{incident.id} is {incident.state.value}; resolve it first.")
    reason = ask.command.reason.strip()
    if incident.postmortem_due_at is not None and incident.postmortem_at is None and not reason:
        return Refused(
            "no-postmortem",
            "The playbook wants a post-mortem and none is published; publish it, or close with a reason.",
        )
    return too_long("reason", reason, limits.reason_chars_max) or Accepted(
        (e.Closed(reason=reason),), f"{incident.id} is closed."
    )


def dismiss(ask: Ask[c.Dismiss]) -> Accepted | Refused:
    """It was a false alarm."""
    incident, reason = ask.incident, ask.command.reason.strip()
    if incident.state is State.DISMISSED:
        return Accepted(said=f"{incident.id} is dismissed already.")
    refused = not_active(incident, "dismissed")
    if refused:
        return refused
    if not reason:
        return missing("reason", "why it was a false alarm")
    return too_long("reason", reason, limits.reason_chars_max) or Accepted(
        (e.Dismissed(reason=reason),), f"{incident.id} is dismissed as a false alarm."
    )


def merge(ask: Ask[c.Merge]) -> Accepted | Refused:
    """It is part of another incident, which takes over its alerts in the same transaction."""
    incident, into = ask.incident, ask.command.into
    if into == incident.id:
        return Refused("itself", "An incident cannot be merged into itself.")
    if incident.merged_into == into:
        return Accepted(said=f"{incident.id} is part of {into} already.")
    return not_active(incident, "merged") or Accepted(
        (e.MergedInto(into=into),), f"{incident.id} is part of {into} now."
    )
