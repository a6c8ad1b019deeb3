"""Commands of the work itself: notes, checklists, severity, categories, messages, deliveries."""

from tocsin.base import limits
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident import path
from tocsin.incident.answer import Accepted, Ask, Refused, missing, not_active, too_long
from tocsin.incident.answer_alerts import unknown_category, unknown_level
from tocsin.incident.messages import draft
from tocsin.incident.runbooks import item_of
from tocsin.incident.severity import words_of
from tocsin.incident.state import ENDED, State
from tocsin.incident.triage import Checklist
from tocsin.playbook.model import ChecklistItem


def note(ask: Ask[c.AddNote]) -> Accepted | Refused:
    """A note is taken at any time, also after the end: what is learned late belongs into the record."""
    text = ask.command.text.strip()
    if not text:
        return missing("text", "what to note")
    return too_long("text", text, limits.note_chars_max) or Accepted((e.Noted(text=text),), "Noted.")


def check_item(ask: Ask[c.CheckItem]) -> Accepted | Refused:
    """Tick or untick an item of a checklist."""
    incident, command = ask.incident, ask.command
    if incident.state in ENDED:
        return Refused("ended", f"{incident.id} has ended; its checklists are kept as they are.")
    refused = too_long("note", command.note, limits.reason_chars_max)
    if refused:
        return refused
    found = item_of(incident, ask.rules, command.item)
    if found is None:
        return Refused("unknown-item", f"No checklist of the incident has an item {command.item!r}.")
    phase, item = found
    if command.done == (item.id in incident.checked):
        return Accepted(said=f"{item.title!r} was {'ticked' if command.done else 'not ticked'} already.")
    ticked = e.ItemChecked(item=item.id, title=item.title, done=command.done, note=command.note)
    return Accepted(
        (ticked, *_mitigation_begins(ask, phase, item)), "Ticked." if command.done else "Unticked."
    )


def _mitigation_begins(ask: Ask[c.CheckItem], phase: str, item: ChecklistItem) -> tuple[e.AnyEvent, ...]:
    begun = ask.incident.state is State.ACKNOWLEDGED and ask.command.done
    if begun and any(word in phase.casefold() for word in ("mitigat", "contain", "stabili")):
        return (e.MitigationBegan(because=f"{item.title} was ticked off"),)
    return ()


def triage(ask: Ask[c.AnswerTriage]) -> Accepted | Refused:
    """Answer a question of the checklist; the answers together give the level, unless a person chose it."""
    incident, rules = ask.incident, ask.rules
    refused = not_active(incident, "triaged")
    if refused:
        return refused
    rule = next((each for each in rules.playbook.triage if each.id == ask.command.rule), None)
    if rule is None:
        return Refused("unknown-question", f"The playbook's checklist has no question {ask.command.rule!r}.")
    if incident.answers.get(rule.id) == ask.command.answer:
        return Accepted(said=f"That was answered {ask.command.answer!r} already.")
    events: list[e.AnyEvent] = [
        e.TriageAnswered(rule=rule.id, question=rule.question, answer=ask.command.answer)
    ]
    answers = {**incident.answers, rule.id: ask.command.answer}
    checklist = Checklist(incident, rules)
    assumed = checklist.assumed(answers)
    events += assumed
    verdict = checklist.judge(answers, assumed)
    said = f"Answered; it stays a {incident.level}."
    if incident.level_by_hand:
        said = f"Answered; it stays a {incident.level}, which a person chose."
    elif verdict.level != incident.level:
        events.append(
            e.SeverityChanged(before=incident.level, after=verdict.level, evidence=verdict.evidence)
        )
        said = f"Answered; it is a {verdict.level} now."
    if ask.command.answer == "yes":
        events += _categories_named(rule.question, ask)
    all_answered = all(answers.get(each.id, "unknown") != "unknown" for each in rules.playbook.triage)
    if incident.state is State.ACKNOWLEDGED and all_answered:
        events.append(e.MitigationBegan(because="the checklist is answered"))
    return Accepted(tuple(events), said)


def _categories_named(question: str, ask: Ask[c.AnswerTriage]) -> list[e.AnyEvent]:
    said = words_of(question)
    return [
        e.CategoryAdded(category=name, because=f"answered yes: {question}")
        for name in path.known_categories(ask.rules)
        if words_of(name) <= said and path.category_since(name, ask.incident) is None
    ]


def set_severity(ask: Ask[c.SetSeverity]) -> Accepted | Refused:
    """A person's word on the level."""
    incident, command = ask.incident, ask.command
    refused = not_active(incident, "changed") or too_long("reason", command.reason, limits.reason_chars_max)
    if refused:
        return refused
    chosen = ask.rules.playbook.severity(command.level)
    if chosen is None:
        return unknown_level(command.level, ask.rules)
    if not command.reason.strip():
        return missing("reason", "why the level changes")
    if chosen.level == incident.level and incident.level_by_hand:
        return Accepted(said=f"It is a {chosen.level} already.")
    changed = e.SeverityChanged(
        before=incident.level,
        after=chosen.level,
        evidence=e.Evidence(rule="person", detail=command.reason.strip()),
        by_hand=True,
    )
    begins = (e.MitigationBegan(because="a person settled the severity"),)
    begun = begins if incident.state is State.ACKNOWLEDGED else ()
    return Accepted((changed, *begun), f"It is a {chosen.level} now.")


def add_category(ask: Ask[c.AddCategory]) -> Accepted | Refused:
    """Say what kind of incident it is; whoever the playbook wants for that is paged."""
    refused = not_active(ask.incident, "marked") or too_long(
        "reason", ask.command.reason, limits.reason_chars_max
    )
    if refused:
        return refused
    known = {name.casefold(): name for name in path.known_categories(ask.rules)}
    name = known.get(ask.command.category.strip().casefold())
    if name is None:
        return unknown_category(ask.command.category, ask.rules)
    if path.category_since(name, ask.incident) is not None:
        return Accepted(said=f"It is marked as {name} already.")
    by = ask.actor.name or ask.actor.id
    return Accepted(
        (e.CategoryAdded(category=name, because=ask.command.reason or f"said by {by}"),), f"Marked as {name}."
    )


def send_message(ask: Ask[c.SendMessage]) -> Accepted | Refused:
    """Send a status message, once every field of its template is known."""
    incident, command = ask.incident, ask.command
    if incident.state in ENDED:
        return Refused("ended", f"{incident.id} has ended; no message is sent for it any more.")
    text = command.text.strip()
    if not text:
        drafted = draft(incident, command.kind, command.values, ask.rules, ask.now)
        if drafted is None:
            return Refused("no-template", f"The playbook has no {command.kind.value} message; give the text.")
        if drafted.missing:
            fields = ", ".join(drafted.missing)
            return Refused("missing", f"Fill in before sending: {fields}.")
        text = drafted.text
    refused = too_long("text", text, limits.message_chars_max)
    if refused:
        return refused
    audiences = tuple(audience.name for audience in ask.rules.roster.audiences)
    if not audiences:
        return Refused("no-audience", "The roster names no audience; add one under [audiences].")
    sent = e.MessageSent(
        message=command.kind, number=len(incident.messages) + 1, text=text, audiences=audiences
    )
    return Accepted((sent,), f"On its way to {', '.join(audiences)}.")


def repin(ask: Ask[c.Repin]) -> Accepted | Refused:
    """Follow the version of the playbook under which the rules were loaded for this command."""
    if ask.incident.state in ENDED:
        return Refused("ended", f"{ask.incident.id} has ended and keeps its playbook.")
    if ask.command.playbook == ask.incident.playbook:
        return Accepted(said="It follows that version already.")
    if ask.rules.playbook_hash != ask.command.playbook:
        return Refused("unknown-playbook", "That version of the playbook is not the current one.")
    if ask.rules.playbook.severity(ask.incident.level) is None:
        return Refused(
            "unknown-level",
            f"The current playbook has no level {ask.incident.level}; change the severity first.",
        )
    return Accepted(
        (e.Repinned(before=ask.incident.playbook, after=ask.command.playbook),),
        "It follows the current playbook now.",
    )


def record_delivery(ask: Ask[c.RecordDelivery]) -> Accepted | Refused:
    """What the delivery found out, into the timeline."""
    command = ask.command
    if command.delivered:
        return Accepted(
            (e.Delivered(key=command.key, channel=command.channel, to=command.to, detail=command.detail),)
        )
    failed = e.DeliveryFailed(
        key=command.key,
        channel=command.channel,
        to=command.to,
        detail=command.detail,
        final=command.final,
        attempts=command.attempts,
    )
    return Accepted((failed,))
