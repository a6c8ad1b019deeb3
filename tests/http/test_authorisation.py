"""Who may do what: each role against each address and each verb."""

from typing import Any, get_args

import pytest

from tests.http.helpers import assert_problem
from tests.http.house import ME, OTHER, PASSWORD, Client, House
from tocsin.engine.access import Scope
from tocsin.engine.verbs import RANKS, VERBS
from tocsin.faces.requests import FORM_COOKIE, FORM_HEADER, SESSION_COOKIE
from tocsin.incident.events import SYSTEM

READING = (
    "incidents",
    "incidents/INC-1",
    "incidents/INC-1/timeline",
    "incidents/INC-1/postmortem",
    "oncall",
    "alerts",
    "health",
    "silences",
)
BODIES: dict[str, dict[str, Any]] = {
    "offer-command": {"to": "ines"},
    "note": {"text": "x"},
    "check": {"item": "try"},
    "triage": {"rule": "none", "answer": "yes"},
    "severity": {"level": "P2", "reason": "x"},
    "category": {"category": "security"},
    "escalate": {"to": "ines"},
    "message": {"kind": "update", "text": "x"},
    "resolve": {"root_cause": "x", "fix": "y"},
    "reopen": {"reason": "x"},
    "dismiss": {"reason": "x"},
    "merge": {"into": "2"},
}


@pytest.mark.parametrize("scope", get_args(Scope))
@pytest.mark.parametrize("verb", VERBS)
async def test_each_verb_against_each_role(house: House, client: Client, scope: Scope, verb: str) -> None:
    await house.alert()
    headers = await house.bearer(scope)
    answer = await client.post(f"/api/v1/incidents/INC-1/{verb}", headers=headers, json=BODIES.get(verb, {}))
    allowed = scope in RANKS and RANKS.index(scope) >= RANKS.index(VERBS[verb].role)
    if allowed:
        assert answer.status_code in (200, 404, 409), answer.text
    else:
        assert_problem(answer, 403, "not-allowed")
        assert (await house.engine.queries.incident("INC-1")).acknowledged_at is None  # type: ignore


@pytest.mark.parametrize("scope", get_args(Scope))
@pytest.mark.parametrize("path", READING)
async def test_reading_against_each_role(house: House, client: Client, scope: Scope, path: str) -> None:
    await house.alert()
    assert_problem(await client.get(f"/api/v1/{path}"), 401)
    answer = await client.get(f"/api/v1/{path}", headers=await house.bearer(scope))
    if scope == "source":
        assert_problem(answer, 403, "not-allowed")
    else:
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("scope", get_args(Scope))
async def test_tokens_and_accounts_are_for_admins(house: House, client: Client, scope: Scope) -> None:
    headers = await house.bearer(scope)
    body = {"name": "n", "scope": "viewer"}
    account = {"name": "n", "role": "viewer", "password": PASSWORD}
    answers = [
        await client.get("/api/v1/tokens", headers=headers),
        await client.post("/api/v1/tokens", headers=headers, json=body),
        await client.get("/api/v1/accounts", headers=headers),
        await client.post("/api/v1/accounts", headers=headers, json=account),
        await client.delete("/api/v1/tokens/nothing", headers=headers),
    ]
    if scope == "admin":
        assert [each.status_code for each in answers] == [200, 201, 200, 201, 404]
    else:
        for each in answers:
            assert_problem(each, 403, "not-allowed")


async def test_a_token_lives_until_it_is_revoked(house: House, client: Client) -> None:
    admin = await house.bearer("admin")
    made = (
        await client.post(
            "/api/v1/tokens", headers=admin, json={"name": "cli", "scope": "viewer", "person": "ines"}
        )
    ).json()
    assert made["token"].startswith(f"tsn_{made['id']}_")
    own = {"Authorization": f"Bearer {made['token']}"}
    assert (await client.get("/api/v1/incidents", headers=own)).status_code == 200
    listed = (await client.get("/api/v1/tokens", headers=admin)).text
    assert made["token"].rpartition("_")[2] not in listed
    assert "secret_hash" not in listed
    assert (await client.delete(f"/api/v1/tokens/{made['id']}", headers=admin)).status_code == 204
    assert_problem(await client.get("/api/v1/incidents", headers=own), 401)


async def test_a_token_for_nobody_of_the_roster(house: House, client: Client) -> None:
    body = {"name": "x", "scope": "viewer", "person": "zoe"}
    answer = await client.post("/api/v1/tokens", headers=await house.bearer("admin"), json=body)
    assert assert_problem(answer, 422)["problems"][0]["field"] == "person"  # type: ignore[index]
    answer = await client.post(
        "/api/v1/tokens", headers=await house.bearer("admin"), json=body | {"scope": "king"}
    )
    assert assert_problem(answer, 422)["problems"][0]["field"] == "scope"  # type: ignore[index]


async def test_only_a_commander_acts_for_others(house: House, client: Client) -> None:
    incident = await house.alert()
    path, body = f"/api/v1/incidents/{incident}/acknowledge", {"person": OTHER}
    answer = await client.post(path, headers=await house.bearer("responder"), json=body)
    assert_problem(answer, 422)
    nobody = await client.post(path, headers=await house.bearer("responder", None), json={})
    assert_problem(nobody, 422)
    answer = await client.post(path, headers=await house.bearer("commander"), json=body)
    assert answer.status_code == 200
    assert answer.json()["incident"]["acknowledged_by"] == OTHER


async def test_a_session_alone_changes_nothing(house: House, client: Client) -> None:
    """A page of somebody else can make the browser send the cookie, but not the form token."""
    incident = await house.alert()
    await house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    cookie = await house.engine.access.sign_in("tomas", PASSWORD, "127.0.0.1")
    client.cookies.set(SESSION_COOKIE, cookie)
    assert (await client.get("/api/v1/incidents")).status_code == 200
    path = f"/api/v1/incidents/{incident}/acknowledge"
    assert_problem(await client.post(path, json={}), 403)
    form = await house.engine.access.form_token()
    assert_problem(await client.post(path, json={}, headers={FORM_HEADER: form}), 403)
    client.cookies.set(FORM_COOKIE, form)
    assert_problem(await client.post(path, json={}), 403)
    assert_problem(await client.post(path, json={}, headers={FORM_HEADER: form + "x"}), 403)
    assert (await client.post(path, json={}, headers={FORM_HEADER: form})).status_code == 200
    wrong = {FORM_HEADER: form, "Authorization": "Bearer tsn_no_thing"}
    assert_problem(await client.post(path, json={}, headers=wrong), 401)
