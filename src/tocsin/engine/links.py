"""The links that stand in pages and messages."""

from tocsin.engine.access import Access
from tocsin.incident.outgoing import EffectKind, Send


class Links:
    """Makes absolute links under the server's public address."""

    def __init__(self, access: Access, public_url: str) -> None:
        self._access = access
        self._public_url = public_url.rstrip("/")

    async def for_send(self, send: Send) -> str:
        """A page's link leads to the page that acknowledges for its person, a reporter's to their report; any
        other to the incident."""
        if send.kind is EffectKind.PAGE and send.page is not None and send.person is not None:
            return self._public_url + await self._access.page_link(send.page, send.person)
        if send.kind is EffectKind.RECEIPT:
            return self._public_url + await self._access.report_link(send.to)
        return f"{self._public_url}/incidents/{send.incident}"
