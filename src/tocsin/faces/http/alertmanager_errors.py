"""Errors as clients of Alertmanager read them: amtool, Grafana, Prometheus.

Alertmanager's API, version 2, declares a JSON text for 400, 404 and 500; other statuses are told as its
framework tells them, an object with `code` and `message`.
"""

from typing import Any

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from tocsin.faces.http.problems import AnyRequest, Problems

_AS_TEXT = frozenset({400, 404, 500})
_PROBLEMS = Problems(None)


class Coded(msgspec.Struct, frozen=True, kw_only=True):
    """An error of the framework under Alertmanager."""

    code: int
    message: str


RESPONSES = {
    status: ResponseSpec(
        data_container=str if status in _AS_TEXT else Coded,
        generate_examples=False,
        description="What is wrong, in words.",
    )
    for status in (400, 401, 403, 404, 413, 415, 429, 503)
}
"""The errors, for the OpenAPI document."""


def alertmanager_error(request: AnyRequest, error: Exception) -> Response[Any]:
    """The response to any exception under `/api/v2`. What is wrong with a request is a 400 there."""
    found = _PROBLEMS.handler(request, error)
    told = found.content
    assert isinstance(told, bytes)
    document: dict[str, Any] = msgspec.json.decode(told)
    status = 400 if found.status_code == 422 else found.status_code or 500
    message = str(document["detail"])
    mends = [str(each["mend"]) for each in document["problems"]]
    message = " ".join([message, *(mend for mend in mends[:1] if mend not in message)])
    content = message if status in _AS_TEXT else Coded(code=status, message=message)
    return Response(
        content=msgspec.json.encode(content),
        status_code=status,
        headers=found.headers,
        media_type="application/json",
    )
