"""The words by which the parts of a playbook are recognised, in every language that the table knows.

English is written as regular expressions, since its words are many and its readers are old; the other
languages are plain words in `languages`, which anybody can add to.
"""

import re
from functools import cache

from tocsin.playbook.languages import PHRASES, SMALL_WORDS, WORDS

ENGLISH: dict[str, str] = {
    "level": r"\b(?:level|severity|priority|sev|prio|class|tier|grade|urgency)\b",
    "response": r"\brespon[sd]|\back(?:nowledge?|nowledgement|nowledgment)?\b|\backnowledg"
    r"|\btime to (?:ack|respond)|\breaction\b",
    "sla": r"\bSLA\b|\btarget\b|\btime\b|\bdeadline\b",
    "description": r"descri|defini|meaning|mean|impact|criteri|what|when|scope",
    "name": r"\bname\b|\bseverity\b|\bpriority\b|\blabel\b",
    "examples": r"\bexamples?\b|\be\.g\b|\bcases?\b|\bsymptoms?\b",
    "updates": r"\bupdates?\b|\bcommunicat|\bcadence\b|\bfrequency\b|\brhythm\b",
    "severities": r"severit|priorit|\blevels?\b|classif",
    "every": r"\bevery\b|\bhourly\b|\bdaily\b|\bweekly\b",
    "escalation": r"escalat|call chain|call tree|chain of command|who to call",
    "to": r"escalate to|\brole\b|\bcontacts?\b|\bnotify\b|\bwho\b|\bteam\b|\bpage\b|\bto\b|\bowner\b",
    "to_exactly": r"escalate to|notify|escalation",
    "from": r"\bfrom\b|\bcurrent\b",
    "when": r"condition|\bwhen\b|trigger|\bif\b|criteria|\btime\b|\bafter\b|situation|\bissue",
    "role": r"\brole\b|\bcontact\b|\bteam\b|\bwho\b|\bposition\b|\bname\b",
    "role_exactly": r"\brole\b",
    "trigger": r"trigger|\bwhen\b|paged? (?:for|when)|escalat|condition|notified|involve",
    "duty": r"responsib|dut(?:y|ies)|does|task|area|scope|expertise|description",
    "phase_word": r"phase|stage",
    "process": r"process|procedure|phases|lifecycle|life cycle|workflow|response flow",
    "checklist": r"check\s?list|tasks?\b|to.?do",
    "automated": r"\bautomat|\bmonitoring\b|\balert(?:ing|s)?\s+(?:sources?|detection)",
    "manual": r"\bmanual|\bhuman\b|\breported by\b",
    "detection": r"\bdetect|\bsources?\b|\bintake\b|\bnotic(?:e|ed|ing)\b",
    "by_machine": r"\balert|\bmonitor|\bautomat|\bprobe|\bcheck|\bdashboard|\bpipeline",
    "user_report": r"\b(?:users?|customers?|clients?|public|social media|support)\b",
    "team_report": r"\b(?:team|engineers?|staff|members?|employees?|colleagues?|internal|operators?)\b",
    "commander": r"\bcommander|\bincident command\b|\bincident lead|\bwho (?:leads|commands)\b|\bIC\b",
    "question": r"\btrigger|\bcondition|\bquestion|\bif\b|\bfinding",
    "action": r"\baction|\bseverity|\bchange|\bthen\b|\bresult|\blevel",
    "communication": r"communicat|\bmessages?\b|notification|status (?:page|update)|announce"
    r"|stakeholder update",
    "kind_resolution": r"\bresol|\bclos(?:ed|ing|ure)|all.?clear|\brecover|\bover\b|\bfixed\b",
    "kind_initial": r"\binitial|\bfirst\b|\binvestigating|\bdeclar|\bopening",
    "kind_update": r"\bupdates?\b|\bprogress|\bidentified|\bmonitoring|\bmitigat|\bongoing|\bfollow",
    "kind_other": r"\bnotif|\bannounce|\btemplate|\bincident|\bmessage",
    "not_messages": r"post.?mortem|retrospective|hand.?off|handover|escalat|agenda|checklist",
    "postmortem": r"post.?mortem|post.?incident|retrospective|lessons learned|incident review",
    "due_words": r"\b(?:within|in|due|after|by|schedul)",
    "diagnostic": r"diagnos|detect|notic|observ|\blook|triage|investigat|first respon|assess|inspect"
    r"|useful commands|\bcheck",
    "mitigation": r"mitigat|contain|remediat|recover|rollback|unseal|workaround|stabili|eradicat|\bfix",
    "verification": r"\bverif|\bvalidat|\bconfirm",
    "resolution": r"resol",
    "people": r"\b(?:engineers?|leads?|leader|managers?|officers?|directors?|team|head|chief|c[a-z]?[a-z]o"
    r"|ciso|cto|ceo|cio|cfo|coo|cso|dpo|vp|president|sre|dba|devops|legal|pr|owner|analysts?|commander"
    r"|admins?|administrator|on.?call|responders?|support|architect|executives?|board|secretary|duty|operator"
    r"|developer|specialist|coordinator|supervisor|counsel|press|communications?|vendor|dfir|soc|noc|staff"
    r"|principal|tier \d|level \d)\b",
}
"""The English words of each concept, as a regular expression that is searched for without case."""

_BARE = str.maketrans("áàâãäéèêëíìîïóòôõöúùûüçñ", "aaaaaeeeeiiiiooooouuuucn")


def pattern(concept: str) -> re.Pattern[str]:
    """What recognises a concept in any language. `concept` is a key of `ENGLISH`."""
    return _compiled(concept)


@cache
def _compiled(concept: str) -> re.Pattern[str]:
    return either(ENGLISH[concept], concept)


def either(english: str, concept: str) -> re.Pattern[str]:
    """An English expression, or the words of a concept in the other languages."""
    others = foreign(concept)
    return re.compile(english + (rf"|\b(?:{others})\b" if others else ""), re.IGNORECASE)


def foreign(concept: str) -> str:
    """The words of a concept in the languages other than English, as alternatives of an expression."""
    return "|".join(_alternatives(", ".join(WORDS.get(concept, {}).values())))


def _alternatives(words: str, *, accents: bool = False) -> list[str]:
    listed = {word.strip() for word in words.split(",") if word.strip()}
    ordered = sorted(listed, key=lambda each: (-len(each), each))
    return [_expression(word, accents=accents) for word in ordered]


def _expression(word: str, *, accents: bool) -> str:
    """A word as an expression: `*` is any ending, spaces are any spaces, and accents may be missing
    where they are not wanted."""
    parts: list[str] = []
    for letter in word:
        bare = letter.translate(_BARE)
        if letter == "*":
            parts.append(r"\w*")
        elif letter == " ":
            parts.append(r"\s+")
        elif bare != letter and not accents:
            parts.append(f"[{letter}{bare}]")
        else:
            parts.append(re.escape(letter))
    return "".join(parts)


def plain_words(words: str) -> tuple[str, ...]:
    """The single words of a line of the table, each also without its accents."""
    listed = [word.strip() for word in words.split(",")]
    return tuple(dict.fromkeys(form for word in listed for form in (word, word.translate(_BARE))))


_NUMBER = r"(\d+(?:[.,]\d+)?)"


def _phrase(words: str) -> re.Pattern[str]:
    # Without its accents, "immédiat" would be an English word.
    listed = _alternatives(words, accents=True)
    numbered = [each.replace(r"\#\s+", rf"{_NUMBER}\s*-?\s*").replace(r"\#", _NUMBER) for each in listed]
    return re.compile("|".join(rf"(?<!\w){each}(?!\w)" for each in numbered), re.IGNORECASE)


_PHRASES = tuple((_phrase(words), said) for words, said in PHRASES)
_FIRSTS = tuple(
    next(word for word in phrase.split() if word != "#")
    for words, _ in PHRASES
    for phrase in words.split(",")
)
_WHOLE = frozenset(word for word in _FIRSTS if not word.endswith("*"))
_STEMS = tuple(word.rstrip("*") for word in _FIRSTS if word.endswith("*"))
_LETTERS = re.compile(r"[^\W\d_]+")
_SMALL = re.compile(rf"\b(?:{'|'.join(_alternatives(SMALL_WORDS))})\b", re.IGNORECASE)
_BETWEEN = re.compile(r"(?<=\d)\s+(?:bis|à|a|até|hasta)\s+(?=(?:[A-Za-z]+[\s_-]?)?\d)", re.IGNORECASE)
TEXT_MAX = 2_000
"""No duration, trigger or condition is longer; what is, is not looked at."""


def in_english(text: str) -> str:
    """A text about times, levels and conditions with what other languages say of them put into English;
    an English text comes back as it is."""
    text = _BETWEEN.sub(" to ", text) if len(text) <= TEXT_MAX else text
    if len(text) > TEXT_MAX or not any(_may_begin(word) for word in _LETTERS.findall(text.casefold())):
        return text
    for expression, said in _PHRASES:
        text = expression.sub(lambda found, said=said: _filled(found, said), text)
    return re.sub(r" {2,}", " ", _SMALL.sub(" ", text)).strip()


def _may_begin(word: str) -> bool:
    """Whether a phrase of the table has this word as its first; most texts are English and have none."""
    return word in _WHOLE or word.startswith(_STEMS)


def _filled(found: re.Match[str], said: str) -> str:
    number = next((group for group in found.groups() if group), "")
    return said.replace("#", number)
