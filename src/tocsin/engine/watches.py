"""What an engine watches of itself: heartbeats, probes and mail, put in as parts before it starts."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tocsin.alerts.heartbeats import Heartbeat
from tocsin.alerts.probes import FromPlaybook, Probe
from tocsin.engine.engine import Engine
from tocsin.engine.outside import Prober


def set_watching(
    engine: Engine,
    heartbeats: Sequence[Heartbeat],
    probes: Sequence[Probe],
    prober: Prober,
    from_playbook: FromPlaybook,
    mail: Callable[[], Coroutine[Any, Any, None]] | None,
) -> None:
    """Give the engine what it has to watch. `mail` is the loop of the mail listener, where there is one."""
    engine.heartbeats.follow(heartbeats)
    engine.probes.follow(probes, prober, from_playbook)
    engine.parts["heartbeats"] = engine.heartbeats.run
    engine.parts["probes"] = engine.probes.run
    if mail is not None:
        engine.parts["mail"] = mail
