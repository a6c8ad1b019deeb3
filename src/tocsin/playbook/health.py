"""Health checks that a playbook speaks of where it says how incidents are noticed."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

from tocsin.playbook.model import Detection, Playbook

_URL = re.compile(r"https?://[^\s\"'`|)\]]{1,300}")
_SLOT = re.compile(r"<([A-Za-z_][A-Za-z0-9_ -]{0,60})>")
_PATH = re.compile(r"(?<![\w/.<>])/[A-Za-z0-9][A-Za-z0-9._/-]{0,100}")
_CHECK = re.compile(
    r"\bhealth\b|\bup-?time\b|\bping(?:s|ed)?\b|\bprobe|\bstatus page\b|\bGET\b", re.IGNORECASE
)
BASE_VARIABLE = "base_url"
USUAL_PATH = "/health"
"""What a health check without an address asks for."""


def health_checks(playbook: Playbook, base_url: str = "") -> tuple[str, ...]:
    """The addresses of the health checks under detection, each once. A path, or a check of which only is
    said that there is one, is taken under `base_url` (default: that of the front matter's `vars`); without
    one, only whole addresses count. A placeholder such as <DOMAIN> gets its value from the `vars` too."""
    values = playbook.options.vars
    base = base_url or values.get(BASE_VARIABLE, "")
    usable = base if _is_usable(base) else ""
    found = (url for each in playbook.detection for url in _of(each, usable, values))
    return tuple(dict.fromkeys(found))


def _of(detection: Detection, base_url: str, values: Mapping[str, str]) -> Iterator[str]:
    text = _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), f"{detection.source} {detection.target}")
    if not _CHECK.search(text):
        return
    whole = [url.rstrip(".,;:") for url in _URL.findall(text)]
    if whole:
        yield from (url for url in whole if _is_usable(url))
        return
    if not base_url or "://" in text:
        return
    paths = _PATH.findall(text.replace("→", " "))
    for path in paths or [USUAL_PATH]:
        yield urljoin(base_url.rstrip("/") + "/", path.lstrip("/"))


def _is_usable(url: str) -> bool:
    """Whether an address is one as it stands; one with a placeholder or a user in it is none."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.username is None and parts.port != 0
        return good and bool(parts.hostname) and url.isascii() and not re.search(r"[<>{}$\s]", url)
    except ValueError:
        return False
