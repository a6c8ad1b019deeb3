"""A browser without JavaScript, as far as the tests of the pages need one."""

from html.parser import HTMLParser
from typing import Any

from httpx import Response

from tests.http.house import Client

HTML = {"Accept": "text/html"}


class _Forms(HTMLParser):
    """Reads forms, with the fields that a browser would send, and the text of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += given.items()
        if tag == "form":
            action = given.get("action", "")
            self.forms.append({"action": action, "method": given.get("method"), "fields": {}})
        if not self.forms:
            return
        fields = self.forms[-1]["fields"]
        name = given.get("name", "")
        if tag == "input" and name and given.get("type") not in ("radio", "checkbox"):
            fields[name] = given.get("value", "")
        elif tag in ("input", "button") and name and (tag == "button" or "checked" in given):
            fields.setdefault(name, given.get("value", ""))
        elif tag == "textarea":
            self._area = name
            fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in fields):
            fields[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._area and self.forms:
            self.forms[-1]["fields"][self._area] += data


def read(answer: Response) -> _Forms:
    """What stands on a page."""
    found = _Forms()
    found.feed(answer.text)
    return found


class Browser:
    """Opens pages and sends their forms."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def open(self, path: str) -> Response:
        """Go to a page."""
        return await self.client.get(path, headers=HTML, follow_redirects=True)

    async def send(self, page: Response, action: str, **fields: str) -> Response:
        """Send the form of a page that goes to `action`, with these fields filled in."""
        form = next(each for each in read(page).forms if each["action"] == action)
        assert form["method"] == "post"
        data = form["fields"] | fields
        return await self.client.post(action, data=data, headers=HTML, follow_redirects=True)

    async def sign_in(self, name: str, password: str) -> Response:
        """Sign in over the form."""
        return await self.send(await self.open("/sign-in"), "/sign-in", name=name, password=password)
