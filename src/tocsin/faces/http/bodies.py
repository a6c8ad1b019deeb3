"""Reading request bodies: the content type, the JSON, and everything wrong with them told at once."""

from typing import Any, TypeVar, cast

import msgspec

from tocsin.base.problems import Problem, ProblemsError
from tocsin.faces.http.problems import AnyRequest, ApiError

T = TypeVar("T")


def is_json(content_type: str) -> bool:
    """Whether a Content-Type header names JSON."""
    media_type = content_type.partition(";")[0].strip().casefold()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def require_json(request: AnyRequest) -> None:
    """Refuse any other content type.

    Raises:
        ApiError: 415.
    """
    given = request.headers.get("content-type", "")
    if not is_json(given):
        what = f"The content type is {given!r}." if given else "There is no content type."
        mend = "Send JSON with `Content-Type: application/json`."
        problem = Problem(code="wrong-content-type", field="Content-Type", message=what, mend=mend)
        raise ApiError(415, "wrong-content-type", f"{what} {mend}", [problem])


async def json_object(request: AnyRequest) -> dict[str, Any]:
    """The JSON object of the body; an empty body is an empty object.

    Raises:
        ApiError: 415 for another content type, 400 for what is no JSON object.
    """
    raw = await request.body()
    if not raw.strip():
        return {}
    require_json(request)
    try:
        decoded: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(str(error)) from error
    if not isinstance(decoded, dict):
        raise not_json("it is no object")
    return cast(dict[str, Any], decoded)


async def read_json(request: AnyRequest, kind: type[T]) -> T:
    """The body as a record of somebody else's API, whose unknown fields are left out.

    Raises:
        ApiError: 415 for another content type, 400 for what is no such JSON.
    """
    require_json(request)
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "bad-json", f"The body cannot be read: {error}.") from error


def not_json(why: str) -> ApiError:
    """The error of a body that is no JSON object."""
    message = f"The body cannot be read as a JSON object: {why}."
    problem = Problem(
        code="bad-json", field="", message=message, mend='Send an object such as {"text": "…"}.'
    )
    return ApiError(400, "bad-json", message, [problem])


def convert(body: dict[str, Any], kind: type[T]) -> T:
    """The body as a record; unknown fields, missing fields and wrong kinds are refused.

    Raises:
        ProblemsError: with the field and the mend.
    """
    known = {field.name: field for field in msgspec.structs.fields(cast(Any, kind))}
    names = ", ".join(known)
    problems = [
        Problem(
            code="unknown-field",
            field=name,
            message=f"There is no field {name!r}.",
            mend=f"The fields are: {names}.",
        )
        for name in body
        if name not in known
    ]
    problems += [
        Problem(
            code="missing-field",
            field=name,
            message=f"The field {name!r} is missing.",
            mend=f"Give {name!r}.",
        )
        for name, field in known.items()
        if field.required and name not in body
    ]
    if problems:
        raise ProblemsError(problems)
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        field = where.strip("`").removeprefix("$.")
        mend = "Send the kind of value that is named."
        raise ProblemsError(
            [Problem(code="bad-field", field=field, message=f"{what}.", mend=mend)]
        ) from error
