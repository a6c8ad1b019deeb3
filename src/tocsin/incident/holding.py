"""An incident as grouping sees it."""

from tocsin.alerts.holders import Holder
from tocsin.incident.state import Incident, State


def holder_of(incident: Incident) -> Holder:
    """The facts of an incident, which has not ended, that grouping needs."""
    return Holder(
        id=incident.id,
        group_key=incident.group_key,
        resolved_at=incident.resolved_at,
        taken_on=incident.state is not State.OPEN,
    )
