"""Nothing from a hostile playbook reaches a page as markup."""

from html.parser import HTMLParser

from tests.http.house import House, roster_of_test
from tests.web.forms import Browser
from tocsin.engine.library import read_document

PAYLOADS = (
    "<script>pwned()</script>",
    "<img src=x onerror=pwned()>",
    "\"><svg onload=pwned()>'",
    "{{ 7 * 191 }}",
    "[x](javascript:pwned())",
)


def playbook() -> bytes:
    """A whole playbook with the payloads in every place that a page shows."""
    bad = " ".join(PAYLOADS)
    cell = bad.replace("|", "")
    return f"""# Hostile {bad}

**Owner {bad}:** {bad}

| Level | What it means | Response time | Examples |
|--|--|--|--|
| P1 — Critical {cell} | {cell} | 15 minutes | checkout down, {cell} |
| P2 — High {cell} | {cell} | 1 hour | {cell} |

### Phase 1: Detect {bad} (0-5 minutes)

```bash
# Look {bad}
curl "https://<HOST>/{bad}" -H "$API_TOKEN"

# Open {bad}
open https://example.org/"onmouseover="pwned()
```

### Phase 2: Triage {bad} (5-15 minutes)

- [ ] Is it {bad}? → **P1**

### Phase 3: Mitigate {bad} (15-60 minutes)

#### Down {bad}

```bash
# 1. Restart {bad}
systemctl restart {bad}
```

### Phase 4: Resolve (1-24 hours)

1. **Verify {bad}** — {bad}

### Phase 5: Post-Mortem (within 48 hours)

```markdown
# [TITLE] {bad}
```

### P1 — Initial Notification

```
{bad}: [Brief {bad}]
```

## Escalation

- On-Call Engineer {bad} → Team Lead {bad}

## Contacts

| Role | Responsibility | Trigger |
|--|--|--|
| On-Call Engineer | {cell} | All alerts |
| Team Lead {cell} | {cell} | P1 incidents |
""".encode()


class _Live(HTMLParser):
    """Finds what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"<{tag} {name}={value}>")
        if tag in ("svg", "img") and any("pwned" in (value or "") for _, value in attrs):
            self.found.append(tag)

    def handle_data(self, data: str) -> None:
        if self._script and "pwned" in data:
            self.found.append("script")
        self._script = False


def live(page: str) -> list[str]:
    """What of a page a browser would run, and could come from a playbook."""
    parser = _Live()
    parser.feed(page)
    return parser.found


def test_the_detector_sees_every_payload() -> None:
    for payload in (*PAYLOADS[:3], '<a href="javascript:pwned()">x</a>'):
        assert live(f"<p>{payload}</p>"), payload


async def test_no_payload_reaches_a_page_unescaped(house: House, browser: Browser) -> None:
    document = read_document("hostile.md", playbook())
    assert document.playbook.severities
    assert document.playbook.actions
    await house.engine.reload(document, roster_of_test())
    incident = await house.alert(summary=" ".join(PAYLOADS))
    path = f"/incidents/{incident}"
    seen = ""
    for address in ("/", "/incidents/new", path, f"{path}/postmortem"):
        page = (await browser.open(address)).text
        assert live(page) == [], address
        assert "<script>pwned" not in page, address
        assert "1337" not in page.replace("INC-1337", ""), address
        seen += page
    assert "&lt;script&gt;pwned()" in seen, "the playbook is shown, as text"
