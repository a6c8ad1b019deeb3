"""The whole life of an incident over the API, and what the API shows of it."""

from datetime import timedelta

from tests.http.helpers import assert_problem
from tests.http.house import HOSTILE, ME, Client, House


async def test_a_whole_life(house: House, client: Client) -> None:
    headers = await house.bearer("commander")
    made = await client.post(
        "/api/v1/incidents", headers=headers, json={"title": "Search is slow", "level": "P2"}
    )
    assert made.status_code == 201
    assert made.json()["incident"]["level"] == "P2"
    assert made.json()["url"] == "http://tocsin.test/incidents/INC-1"
    for verb, body, state in [
        ("acknowledge", {}, "acknowledged"),
        ("note", {"text": "Looking"}, "acknowledged"),
        ("mitigate", {"summary": "Restarted"}, "mitigated"),
        ("resolve", {"root_cause": "A full disk", "fix": "A larger disk"}, "resolved"),
        ("reopen", {"reason": "It is back"}, None),
        ("resolve", {"root_cause": "A leak", "fix": "Mended it"}, "resolved"),
        ("postmortem", {}, None),
        ("close", {}, "closed"),
    ]:
        house.clock.move(timedelta(minutes=1))
        answer = await client.post(f"/api/v1/incidents/1/{verb}", headers=headers, json=body)
        assert answer.status_code == 200, (verb, answer.text)
        assert answer.json()["said"]
        if state:
            assert answer.json()["incident"]["state"] == state
    listed = (await client.get("/api/v1/incidents", headers=headers)).json()
    assert listed == {"incidents": [], "before": None}
    every = (await client.get("/api/v1/incidents?all=true", headers=headers)).json()
    assert [each["id"] for each in every["incidents"]] == ["INC-1"]
    text = await client.get("/api/v1/incidents/INC-1/postmortem", headers=headers)
    assert text.headers["content-type"].startswith("text/markdown")
    assert "Search is slow" in text.text


async def test_the_list_is_filtered_and_paged(house: House, client: Client) -> None:
    headers = await house.bearer("responder")
    for number in range(5):
        await client.post("/api/v1/incidents", headers=headers, json={"title": f"Number {number}"})
    await client.post("/api/v1/incidents/INC-2/acknowledge", headers=headers, json={})
    only = (await client.get("/api/v1/incidents?state=acknowledged&state=mitigated", headers=headers)).json()
    assert [each["id"] for each in only["incidents"]] == ["INC-2"]
    first = (await client.get("/api/v1/incidents?limit=3", headers=headers)).json()
    assert [each["id"] for each in first["incidents"]] == ["INC-5", "INC-4", "INC-3"]
    rest = (await client.get(f"/api/v1/incidents?limit=3&before={first['before']}", headers=headers)).json()
    assert [each["id"] for each in rest["incidents"]] == ["INC-2", "INC-1"]
    assert rest["before"] is None


async def test_a_refusal_says_why(house: House, client: Client) -> None:
    incident = await house.alert()
    headers = await house.bearer("responder")
    answer = await client.post(
        f"/api/v1/incidents/{incident}/escalate", headers=headers, json={"to": "The King"}
    )
    assert "King" in str(assert_problem(answer, 409, "unknown-role")["detail"])


async def test_acknowledging_twice_is_answered(house: House, client: Client) -> None:
    incident = await house.alert()
    headers = await house.bearer("responder")
    path = f"/api/v1/incidents/{incident}/acknowledge"
    assert (await client.post(path, headers=headers)).json()["lines"]
    again = (await client.post(path, headers=headers)).json()
    assert again["lines"] == []
    assert "before" in again["said"]
    assert again["incident"]["acknowledged_by"] == ME


async def test_repin_takes_the_current_playbook(house: House, client: Client) -> None:
    incident = await house.alert()
    answer = await client.post(
        f"/api/v1/incidents/{incident}/repin", headers=await house.bearer("commander"), json={}
    )
    assert answer.status_code == 200
    assert "already" in answer.json()["said"]


async def test_nobody_sees_how_people_are_reached(house: House, client: Client) -> None:
    incident = await house.alert()
    headers = await house.bearer("viewer")
    for path in (f"incidents/{incident}", "oncall"):
        text = (await client.get(f"/api/v1/{path}", headers=headers)).text
        assert "lantern-books.example" not in text
        assert "phone" not in text
        assert "methods" not in text


async def test_hostile_words_come_back_as_they_were(house: House, client: Client) -> None:
    headers = await house.bearer("responder")
    await client.post("/api/v1/incidents", headers=headers, json={"title": HOSTILE})
    answer = await client.get("/api/v1/incidents/INC-1", headers=headers)
    assert answer.json()["incident"]["title"] == HOSTILE
    assert answer.headers["content-type"] == "application/json"


async def test_on_call_at_another_time(house: House, client: Client) -> None:
    headers = await house.bearer("viewer")
    now = (await client.get("/api/v1/oncall", headers=headers)).json()
    assert {each["role"] for each in now["roles"]} >= {"On-Call Engineer", "Team Lead", "CISO"}
    for at in ("2026-12-25T03:00:00+01:00", "2026-12-25T03:00:00%2B01:00", "2026-12-25T02:00:00Z"):
        then = (await client.get(f"/api/v1/oncall?at={at}", headers=headers)).json()
        assert then["at"] == "2026-12-25T02:00:00Z"
        (engineer,) = (each for each in then["roles"] if each["role"] == "On-Call Engineer")
        assert engineer["people"][0]["name"] == "Tomás Ferreira"


async def test_alerts_say_what_became_of_them(house: House, client: Client) -> None:
    incident = await house.alert()
    headers = await house.bearer("viewer")
    (record,) = (await client.get("/api/v1/alerts", headers=headers)).json()["alerts"]
    assert record["incident"] == incident
    assert record["because"]
    assert (await client.get(f"/api/v1/alerts?incident={incident}", headers=headers)).json()["alerts"]


async def test_the_document_of_the_api(client: Client) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    paths = document["paths"]
    for path in (
        "/api/v1/incidents",
        "/api/v1/incidents/{incident}",
        "/api/v1/incidents/{incident}/timeline",
        "/api/v1/incidents/{incident}/{verb}",
        "/api/v1/oncall",
        "/api/v1/alerts",
        "/in/{kind}",
    ):
        assert path in paths
        for operation in paths[path].values():
            assert operation["description"]
    assert "/sign-in" not in paths
    body = paths["/api/v1/incidents/{incident}/{verb}"]["post"]["requestBody"]
    titles = [each["title"] for each in body["content"]["application/json"]["schema"]["anyOf"]]
    assert "acknowledge" in titles
    for path in ("/api/swagger", "/api/redoc", "/api/elements"):
        assert_problem(await client.get(path), 404)
