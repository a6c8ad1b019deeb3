"""Which commands make sense in which state: what the buttons of the room are made of."""

from tocsin.incident import commands as c
from tocsin.incident.state import ENDED, Incident, State

_WORK = (
    c.OfferCommand,
    c.CheckItem,
    c.AnswerTriage,
    c.SetSeverity,
    c.AddCategory,
    c.Escalate,
    c.SendMessage,
    c.Resolve,
    c.Dismiss,
    c.Merge,
    c.Repin,
)


def possible(incident: Incident) -> frozenset[type[c.Command]]:
    """The commands that this incident would not refuse for its state. A note is always possible."""
    found: set[type[c.Command]] = {c.AddNote}
    if incident.active:
        found.update(_WORK)
        found.add(c.TakeCommand)
        if incident.state is State.OPEN or incident.open_pages:
            found.add(c.Acknowledge)
        if incident.state is not State.MITIGATED:
            found.add(c.Mitigate)
    elif incident.state is State.RESOLVED:
        found.update((c.CheckItem, c.SendMessage, c.Reopen, c.PublishPostmortem, c.Close, c.Repin))
    elif incident.state in ENDED and incident.state is not State.MERGED:
        found.add(c.Reopen)
        if incident.state is State.CLOSED:
            found.add(c.PublishPostmortem)
    return frozenset(found)
