"""Taking secrets out of what strangers sent, before it is kept or shown."""

import re
from typing import cast

MASK = "***"

_NAMED = re.compile(
    r"pass(?:word|wd|phrase)?$|secret|token|authori[sz]ation|^auth$|cookie|credential|signature|session"
    r"|^dsn$|bearer|(?:api|routing|service|integration|private|access|signing)_?key",
    re.IGNORECASE,
)
_WITHIN = (
    (re.compile(r"\btsn_[A-Za-z0-9]+_[\w-]+"), MASK),
    (re.compile(r"(?i)\b(bearer|basic|geniekey)\s+[\w.~+/=-]{8,}"), r"\1 " + MASK),
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]+@"), r"\1" + MASK + "@"),
    (
        re.compile(
            r"(?i)\b((?:[\w-]{0,40}(?:token|secret|password|passwd|api_?key|signature)|sig|auth|key)=)"
            r"[^&\s\"']+"
        ),
        r"\1" + MASK,
    ),
    (
        re.compile(
            r"(?i)(\b[\w-]{0,40}(?:token|secret|passw(?:or)?d|passphrase|(?:api|access|private)_?key)"
            r"[\w-]{0,20}[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?!\*\*\*)[^\s&\"',;}]{3,}"
        ),
        r"\1" + MASK,
    ),
    (re.compile(r"(?i)(--[\w-]{0,40}(?:token|secret|password|passphrase|key)\s+)[^\s]+"), r"\1" + MASK),
    (re.compile(r"(?i)(\s-u\s+[^\s:]{1,80}:)[^\s]+"), r"\1" + MASK),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|xox[a-z]-|glpat-|sk_live_)[A-Za-z0-9_-]{6,}"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}"), MASK),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASK),
    (re.compile(r"(hooks\.slack\.com/services/)[\w/]+"), r"\1" + MASK),
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)", re.DOTALL), MASK),
)


def redacted(value: object) -> object:
    """A JSON value in which the values of keys that are named like secrets are masked, and secrets that
    stand within texts as well (bearer tokens, passwords and tokens in addresses, private keys)."""
    if isinstance(value, dict):
        return {
            key: MASK if is_secret(key) and each not in (None, "", [], {}) else redacted(each)
            for key, each in cast("dict[str, object]", value).items()
        }
    if isinstance(value, list):
        return [redacted(each) for each in cast("list[object]", value)]
    return redacted_text(value) if isinstance(value, str) else value


def redacted_text(text: str) -> str:
    """The text without the secrets that can be told from other words."""
    for pattern, instead in _WITHIN:
        text = pattern.sub(instead, text)
    return text


def is_secret(name: str) -> bool:
    """Whether a key is named as secrets are."""
    return bool(_NAMED.search(name.strip().replace("-", "_").replace(" ", "_")))
