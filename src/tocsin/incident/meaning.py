"""Words with one meaning, for holding what is said of an incident against a question of the checklist."""

import re
import unicodedata
from functools import lru_cache

from tocsin.incident.severity import words_of


def listed(words: str) -> frozenset[str]:
    """Words written with spaces between them, as a set."""
    return frozenset(words.split())


OUTAGE, SLOW, BREACH, HARM = "~outage", "~slow", "~breach", "~harm"
EVERYBODY, MANY, UNABLE, WORKAROUND, LOGIN = "~everybody", "~many", "~unable", "~workaround", "~login"

_MEANINGS = {
    OUTAGE: "down unavailable unreachable outage offline dead crash crashed unresponsive standstill dark"
    " caida caido ausfall ausgefallen panne indisponible indisponivel derrubado",
    SLOW: "slow slower slowness degraded degradation degrade latency sluggish lag performance"
    " langsam lent lente lenta lento",
    BREACH: "breach breached exposure exposed expose leak leaked compromise compromised exfiltration"
    " exfiltrated unauthorized unauthorised intrusion intruder hacked stolen stole ransomware malware bypass"
    " bypassed attacker datenleck fuite brecha filtracion vazamento",
    HARM: "loss lost corrupt corrupted corruption wiped destroyed destruction risk danger",
    EVERYBODY: "all every everybody everyone everywhere nobody completely complete entire entirely fully"
    " total totally whole alle todos tous",
    MANY: "many multiple several most widespread mehrere viele varios plusieurs",
    UNABLE: "unable cannot fail failing failed failure error errors broken impossible",
    WORKAROUND: "workaround fallback manually",
    LOGIN: "auth authentication login logon signin sso",
}
_IMPLIED = {BREACH: frozenset({BREACH, HARM})}
"""What a word says besides: whatever is breached is in danger."""

SECURITY = words_of("security pii phi credential credentials lateral") | frozenset({BREACH})
"""What a question speaks of whose yes no workaround makes harmless."""
_KEPT = words_of("data record records document documents file files")
_LOST = words_of("seen see saw read leave left accessed viewed access theirs") | frozenset({HARM})

PARTIAL = frozenset(words_of("single one partial partially some few minor side"))
"""Words that speak against everything being hit."""

_WITH_APOSTROPHE = {"can't": "cannot", "couldn't": "cannot", "won't": "cannot"}
_HARMLESS = re.compile(
    r"\b(?:sla|slo|thresholds?|budgets?|limits?|quotas?|objectives?)\b[\s\w]{0,20}?\bbreach\w*"
    r"|\bbreach\w*\s(?:(?:of|the|its|our)\s){0,2}(?:sla|slo|thresholds?|budgets?|limits?|quotas?)\b"
    r"|\b(?:memory|connections?|goroutines?|threads?|handles?|descriptors?|fd|sockets?|resources?)\s"
    r"leak\w*",
    re.IGNORECASE,
)
_SAYS_DOWN = re.compile(
    r"\b(?:no\s+response|(?:is|are|does|do|did)\s+not\s+(?:respond\w*|answer\w*|start\w*)|not\s+responding"
    r"|no\s+answer)\b",
    re.IGNORECASE,
)
_NO_ONE = re.compile(r"\bno[ -]one\b", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def plain(text: str) -> str:
    """The text with what only sounds like an attack taken out (`SLO breach`, `memory leak`), and with what
    says in several words that something is down or hits everybody said in one."""
    if "no" in text.casefold():
        text = _NO_ONE.sub("nobody", _SAYS_DOWN.sub("unresponsive", text))
    return _HARMLESS.sub(" ", text)


@lru_cache(maxsize=4096)
def wanted(word: str) -> frozenset[str]:
    """What a word of a question asks about: its stems, or the one meaning that they stand for."""
    folded = _folded(word)
    folded = _WITH_APOSTROPHE.get(folded.casefold(), folded)
    if folded.casefold().startswith("non-"):
        # The opposite of a word is another word.
        return frozenset({"non", *(f"non-{stem}" for stem in words_of(folded[4:]))})
    parts = plain(_CAMEL.sub(" ", folded)) if _CAMEL.search(folded) else folded
    return frozenset(_ONE_MEANING.get(stem, stem) for stem in words_of(parts))


@lru_cache(maxsize=8192)
def offered(word: str) -> frozenset[str]:
    """What a word of a report answers: what it asks about, and what that implies."""
    found = wanted(word)
    return found.union(*(_IMPLIED[each] for each in found if each in _IMPLIED))


def _folded(word: str) -> str:
    """Without accents, which names of alerts leave out."""
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFKD", word)
    return "".join(each for each in apart if not unicodedata.combining(each))


_ONE_MEANING = {stem: meaning for meaning, words in _MEANINGS.items() for stem in words_of(words)}


def concerns_security(text: str) -> bool:
    """Whether a question is about a breach, or about data in danger or before the wrong eyes."""
    found = frozenset[str]().union(*(wanted(word) for word in re.findall(r"[\w'-]+", plain(text))))
    return bool(found & SECURITY) or bool(found & _KEPT and found & _LOST)
