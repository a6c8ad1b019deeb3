"""What every error of the API must look like, said once."""

from httpx import Response


def assert_problem(answer: Response, status: int, code: str = "") -> dict[str, object]:
    """The answer is a whole problem document (RFC 9457) of this status and code; returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert set(found) == {"type", "title", "status", "detail", "problems"}
    assert found["status"] == status
    assert found["type"].startswith("urn:tocsin:problem:")
    assert found["title"]
    assert found["detail"].endswith((".", "?", "…`.")), found["detail"]
    for each in found["problems"]:
        assert set(each) == {"code", "field", "message", "mend"}
        assert each["message"]
        assert each["mend"]
    if code:
        assert found["type"] == f"urn:tocsin:problem:{code}"
    assert_safe_headers(answer)
    return found


def assert_safe_headers(answer: Response) -> None:
    """No answer comes without these."""
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
