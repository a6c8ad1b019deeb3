"""What an engine watches of itself: heartbeats, probes and mail, put in as parts before it starts."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tocsin.alerts.heartbeats import Heartbeat
from tocsin.alerts.probes import Probe
from tocsin.engine.engine import Engine
from tocsin.engine.ports import Prober
from tocsin.engine.probes import FromPlaybook


def watch(
    engine: Engine,
    heartbeats: Sequence[Heartbeat],
    probes: Sequence[Probe],
    prober: Prober,
    from_playbook: FromPlaybook,
    mail: Callable[[], Coroutine[Any, Any, None]] | None,
) -> None:
    """Give the engine what it has to watch. `mail` is the loop of the listener for mail, where there is one."""
    engine.heartbeats.follow(heartbeats)
    engine.probes.follow(probes, prober, from_playbook)
    engine.parts["heartbeats"] = engine.heartbeats.run
    engine.parts["probes"] = engine.probes.run
    if mail is not None:
        engine.parts["mail"] = mail
