"""Errors are a few plain lines with what to do, an exit code that tells them apart, and never a traceback."""

import socket
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_server(terminal: Any) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = terminal("incidents", "--server", url)
    assert result.exit_code == 3
    assert result.stderr == (
        f"No Tocsin answers at {url}.\n"
        "  Start it with `tocsin serve`, or name the server with --server or TOCSIN_URL.\n"
    )
    assert terminal("timeline", "7", "--follow", "--server", url).exit_code == 3


def test_a_refusal_says_why(stub: Any, terminal: Any) -> None:
    detail = "INC-7 was closed and cannot be acknowledged; reopen it first."
    stub.refuse("POST", "/incidents/INC-7/acknowledge", 409, title="Refused", detail=detail)
    result = terminal("ack", "7")
    assert (result.exit_code, result.stderr) == (1, detail + "\n")


def test_every_problem_of_a_request_is_told_with_its_mend(stub: Any, terminal: Any) -> None:
    stub.refuse(
        "POST",
        "/incidents/INC-7/note",
        400,
        detail="The request has 2 problems.",
        problems=[
            {"message": "The field 'text' is missing.", "mend": "Give 'text'.", "field": "text"},
            {"message": "Something is wrong.", "mend": "", "field": "x"},
        ],
    )
    result = terminal("note", "7", "hi")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "The request has 2 problems.",
        "  The field 'text' is missing. Give 'text'.",
        "  x: Something is wrong.",
    ]


def test_whoever_has_no_name_is_told_how_to_say_it(stub: Any, terminal: Any) -> None:
    problem = {"code": "no-person", "field": "person", "message": "Not linked.", "mend": "Name the person."}
    stub.refuse("POST", "/incidents/INC-7/acknowledge", 422, detail="Not linked.", problems=[problem])
    assert "--as PERSON" in terminal("ack", "7").stderr


def test_an_unknown_incident(stub: Any, terminal: Any) -> None:
    result = terminal("incident", "99")
    assert (result.exit_code, result.stderr) == (1, "There is no such incident.\n")


def test_a_token_that_is_not_known(stub: Any, terminal: Any) -> None:
    terminal.env["TOCSIN_TOKEN"] = "tocsin_wrong_secret"
    result = terminal("incidents")
    assert result.exit_code == 1
    assert result.stderr.startswith("The server does not accept the token of TOCSIN_TOKEN.\n")
    assert "wrong_secret" not in result.stderr


def test_no_token_at_all(stub: Any, terminal: Any) -> None:
    terminal.env["TOCSIN_TOKEN"] = None
    result = terminal("incidents")
    assert result.exit_code == 1
    assert result.stderr.startswith("The server wants a token, and none was found.\n")
    assert "TOCSIN_TOKEN" in result.stderr


def test_the_token_of_the_data_directory_is_found(stub: Any, terminal: Any, tmp_path: Path) -> None:
    terminal.env["TOCSIN_TOKEN"] = None
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cli.token").write_text("tocsin_test\n")
    assert terminal("incidents").exit_code == 0
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert terminal("incidents").exit_code == 1
    terminal.env["TOCSIN_DATA"] = str(tmp_path / "elsewhere")
    assert terminal("incidents").exit_code == 0


def test_the_token_of_the_data_directory_stays_on_this_machine(tmp_path: Path) -> None:
    from tocsin.faces.cli.remote import find_token, read_url

    (tmp_path / "cli.token").write_text("tocsin_test")
    for here in ("http://127.0.0.1:8800", "http://localhost:8800", "http://[::1]:8800"):
        assert find_token(read_url(here), None, tmp_path)[0] == "tocsin_test"
    for elsewhere in ("https://tocsin.example.org", "http://10.0.0.1:8800", "http://127.0.0.1.example.org"):
        assert find_token(read_url(elsewhere), None, tmp_path) == ("", "")


def test_a_token_file(stub: Any, terminal: Any, tmp_path: Path) -> None:
    terminal.env["TOCSIN_TOKEN"] = "tocsin_wrong"
    token = tmp_path / "token"
    token.write_text("tocsin_test\n")
    assert terminal("incidents", "--token-file", str(token)).exit_code == 0
    missing = terminal("incidents", "--token-file", str(tmp_path / "none"))
    assert missing.exit_code == 2
    assert "cannot be read: No such file or directory" in missing.stderr
    token.write_bytes(b"\xff\xfe")
    assert terminal("incidents", "--token-file", str(token)).exit_code == 2
    token.write_text("schlüssel")
    assert terminal("incidents", "--token-file", str(token)).exit_code == 2


@pytest.mark.parametrize("url", ["localhost", "ftp://x", "http://", "http://[::1", "mailto:x@y"])
def test_a_wrong_address(url: str, terminal: Any) -> None:
    result = terminal("incidents", "--server", url)
    assert (result.exit_code, "is no address of a server" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("status", "kind", "body", "code", "said"),
    [
        (200, "text/html", "<html>", 3, "is not Tocsin"),
        (404, "text/html", "<html>", 3, "is not Tocsin"),
        (502, "text/html", "<html>", 1, "failed (502)"),
        (302, "text/html", "", 3, "sends on to"),
        (
            503,
            "application/problem+json",
            {"status": 503, "detail": "The disk is full."},
            1,
            "The disk is full.",
        ),
        (403, "application/problem+json", {"status": 403, "title": "Forbidden"}, 1, "Forbidden"),
    ],
)
def test_other_answers(
    status: int, kind: str, body: Any, code: int, said: str, stub: Any, terminal: Any
) -> None:
    stub.answer("GET", "/incidents", body, status, kind)
    result = terminal("incidents")
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr
    stub.answer("GET", "/incidents/INC-7/timeline#events", body, status, kind)
    assert terminal("timeline", "7", "--follow").exit_code == code


def test_a_usage_error_is_two(terminal: Any) -> None:
    assert terminal("ack").exit_code == 2
    assert terminal("triage", "7", "x", "perhaps").exit_code == 2
    assert terminal("nonsense").exit_code == 2


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(stub: Any, terminal: Any) -> None:
    terminal.env["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"
    assert terminal("incidents").exit_code == 0
