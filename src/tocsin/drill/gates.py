"""For whom a step waits, in plain words."""

from tocsin.playbook.model import Action, Effect, RunMode

_GATES = {
    Effect.READ: "shown to the responder, who may do it at once",
    Effect.CHANGE: "waits for a responder to confirm it",
    Effect.DESTROY: "waits for a responder to confirm it and for a second person to approve",
}


def gate(action: Action) -> str:
    """For whom a step waits, in a few words."""
    if action.opens:
        return "a link to look at"
    if action.run is RunMode.NEVER or action.faults:
        return "shown only, and never run"
    if action.run is RunMode.AUTO:
        return "runs by itself, as the policy allows"
    if action.approvals > (2 if action.effect is Effect.DESTROY else 1):
        return f"waits for {action.approvals} people to agree, the one who asks included"
    needs = ", ".join(each.name for each in action.parameters)
    return _GATES[action.effect] + (f"; asks for {needs}" if needs else "")
