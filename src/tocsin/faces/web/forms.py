"""Forms: read as flat text, proved to be our own, and turned into the bodies of verbs."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from litestar.exceptions import ClientException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from tocsin.base.problems import ProblemsError
from tocsin.engine.desk import RefusedError
from tocsin.faces.requests import (
    FORM_FIELD,
    SAFE_METHODS,
    Connection,
    face_of,
    has_form_token,
)
from tocsin.faces.web.render import AnyRequest

VALUE_PREFIX = "value."
FIELDS_MAX = 200
FORM_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: AnyRequest) -> dict[str, str]:
    """The fields of a form with their last values, line ends as the web sends them made plain.

    Raises:
        ClientException: it is no form.
    """
    raw = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if raw and kind != FORM_TYPE:
        raise ClientException("A form is expected here.", status_code=415)
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except ValueError as error:
        raise ClientException("The form cannot be read.") from error
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


async def our_own_form(request: Connection, _: BaseRouteHandler) -> None:
    """A guard: an unsafe request must carry the form token of its cookie a second time.

    Raises:
        PermissionDeniedException: it does not.
    """
    method = cast(Mapping[str, Any], request.scope)["method"]
    if method in SAFE_METHODS:
        return
    form = await read_form(cast(AnyRequest, request))
    if not await has_form_token(request, face_of(request).engine.access, form.get(FORM_FIELD, "")):
        raise PermissionDeniedException(
            "This form is too old or not from here. Go back, load the page again and repeat it."
        )


def body_of(verb: str, form: dict[str, str]) -> dict[str, Any]:
    """The fields of a verb, as its JSON body would have them. Empty ones are left out, so that what is
    required is asked for."""
    fields: dict[str, Any] = {
        name: value.strip()
        for name, value in form.items()
        if name != FORM_FIELD and not name.startswith(VALUE_PREFIX) and value.strip()
    }
    if verb == "check":
        fields["done"] = form.get("done") == "yes"
    if verb == "message":
        fields["values"] = {
            name.removeprefix(VALUE_PREFIX): value
            for name, value in form.items()
            if name.startswith(VALUE_PREFIX)
        }
    return fields


def why_not(error: ProblemsError | RefusedError) -> str:
    """What to tell whoever sent a form that was refused."""
    if isinstance(error, RefusedError):
        return error.message
    return " ".join(f"{problem.message} {problem.mend}" for problem in error.problems)
