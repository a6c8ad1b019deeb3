"""A person with a browser, as far as forms and cookies go."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import httpx

from tests.e2e.house import House

PASSWORD = "correct horse battery staple"


class Browser:
    """Keeps cookies, and sends forms with the token that their page holds."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=20, trust_env=False, follow_redirects=True)
        self._client.headers["accept"] = "text/html"

    def read(self, path: str) -> str:
        """The page at an address of the house, or at a whole link, as it is read."""
        answer = self._client.get(path)
        answer.raise_for_status()
        return unescape(answer.text)

    def send(self, path: str, **fields: str) -> str:
        """Send the form of a page; the page that follows."""
        found = re.search(r'name="form_token" value="([^"]+)"', self.read(path))
        assert found, "the page has no form"
        answer = self._client.post(path, data={"form_token": found[1], **fields})
        answer.raise_for_status()
        return unescape(answer.text)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


@contextmanager
def first_admin(house: House) -> Iterator[Browser]:
    """The browser of whoever used the set-up link that the server printed."""
    found = re.search(r"http://\S+(/setup/\S+)", house.log)
    assert found, house.log
    browser = Browser(house.url)
    try:
        browser.send(found[1], name="admin", password=PASSWORD, again=PASSWORD, person="olga")
        yield browser
    finally:
        browser.close()
