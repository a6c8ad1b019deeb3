"""An incident as grouping sees it."""

from tocsin.alerts.holders import Holder
from tocsin.incident.state import Incident, State


def holder_of(incident: Incident) -> Holder:
    """What grouping needs to know of an incident that is not closed."""
    return Holder(
        id=incident.id,
        group_key=incident.group_key,
        fingerprints=frozenset(alert.fingerprint for alert in incident.alerts),
        resolved_at=incident.resolved_at,
        taken_on=incident.state is not State.OPEN,
    )
