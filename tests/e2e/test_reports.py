"""A visitor's report on a real server: form, receipt, mail at the end, and why, from the command line."""

import re
from pathlib import Path

import httpx

from tests.e2e import people
from tests.e2e.house import House, house, until
from tocsin.testing.smtp import SmtpSink

KEY = "an-address-to-be-kept-0815"
FORM = '\n[report_form]\nenabled = true\nkey_ref = "env:REPORT_KEY"\nper_address = 2\nwithin = "1h"\n'


def send(tocsin: House, what: str, **fields: str) -> httpx.Response:
    """Fill in the form as a browser does, with its cookies and its hidden field."""
    with httpx.Client(base_url=tocsin.url, trust_env=False, follow_redirects=True) as browser:
        page = browser.get(f"/report/{KEY}", headers={"accept": "text/html"})
        token = re.search(r'name="form_token" value="([^"]+)"', page.text)
        assert token is not None
        body = {"form_token": token[1], "what": what, **fields}
        return browser.post(f"/report/{KEY}", data=body, headers={"accept": "text/html"})


def test_from_the_form_to_the_mail(tmp_path: Path) -> None:
    with (
        SmtpSink() as mail,
        house(
            tmp_path,
            roster=people.roster(),
            settings=people.mail(mail.port) + FORM,
            env={"REPORT_KEY": KEY},
        ) as tocsin,
    ):
        got = send(tocsin, "Nobody can pay", contact="ana@example.org")
        status = got.url.path
        assert status.startswith("/report/status/R-")
        assert "The team has been told" in got.text
        until(lambda: [line for line in tocsin.outbox() if line["to"] == "olga"], 10, "nobody is paged")

        told = tocsin.run("why", "user report").out
        for said in ("from the source 'report'", "Opened as", "Paging Olga Test"):
            assert said in told, told
        assert tocsin.run("why", "kitchen", code=1).err.startswith("No alert")

        tocsin.run("ack", "INC-1", person="olga")
        assert "Somebody is working on it" in tocsin.ask("GET", status).text
        tocsin.run("resolve", "INC-1", "--root-cause", "A secret cause", "--fix", "A patch")
        (letter,) = until(lambda: mail.messages, 40, "the reporter is not told")
        assert letter["To"] == "ana@example.org"
        plain = letter.get_body(("plain",))
        assert plain is not None
        assert f"{tocsin.url}{status}" in plain.get_content()
        assert "INC-1" not in letter.as_string().upper().replace("\n", "")
        assert "secret cause" not in letter.as_string()
        assert "It is resolved" in tocsin.ask("GET", status).text

        send(tocsin, "It is back")
        refused = send(tocsin, "And again")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 3600

        noted = tocsin.run("report", "The backup was never tried", "--weakness").out
        assert "noted as a weakness" in noted
        (weakness,) = tocsin.api("GET", "/weaknesses")["weaknesses"]
        tocsin.api("POST", f"/weaknesses/{weakness['id']}/incident", status=201)
        assert tocsin.incident("INC-3")["title"] == "The backup was never tried"
        assert "Verified: 3 incidents" in tocsin.run("verify").out
        for secret in (KEY, status.rpartition(".")[2], "ana@example.org"):
            assert secret not in tocsin.log
