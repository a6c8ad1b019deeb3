"""The API of admins: tokens and accounts."""

from typing import Any

from litestar import Request, delete, get, post
from litestar.params import FromPath

from tocsin.base.ids import PersonId
from tocsin.base.problems import Problem, ProblemsError
from tocsin.faces.http.bodies import convert, json_object
from tocsin.faces.http.guards import at_least
from tocsin.faces.http.openapi import AccountOperation, TokenOperation
from tocsin.faces.http.problems import ApiError
from tocsin.faces.http.shapes import (
    AccountDocument,
    AccountList,
    NewAccount,
    NewToken,
    TokenDocument,
    TokenList,
    account_document,
    token_document,
)
from tocsin.faces.requests import Face, TheFace, ThePrincipal, actor_of

AnyRequest = Request[Any, Any, Any]


@get("/tokens", guards=[at_least("admin")], operation_id="listTokens", tags=["access"])
async def list_tokens(face: TheFace) -> TokenList:
    """List tokens, newest first, without their secrets."""
    return TokenList(tokens=[token_document(each) for each in await face.engine.access.tokens()])


@post(
    "/tokens",
    guards=[at_least("admin")],
    status_code=201,
    operation_id="createToken",
    operation_class=TokenOperation,
    tags=["access"],
)
async def create_token(request: AnyRequest, face: TheFace, principal: ThePrincipal) -> TokenDocument:
    """Make a token. The answer holds it, this once."""
    wanted = convert(await json_object(request), NewToken)
    _in_roster(wanted.person, face)
    access = face.engine.access
    text = await access.create_token(
        wanted.name, wanted.scope, wanted.person, actor_of(principal, face.engine)
    )
    made = next(each for each in await access.tokens() if text.startswith(f"tsn_{each.id}_"))
    return token_document(made, text)


@delete("/tokens/{token:str}", guards=[at_least("admin")], operation_id="revokeToken", tags=["access"])
async def revoke_token(token: FromPath[str], face: TheFace, principal: ThePrincipal) -> None:
    """Revoke a token: it is refused from now on. Revoking it again changes nothing."""
    if not await face.engine.access.revoke_token(token, actor_of(principal, face.engine)):
        raise ApiError(404, "unknown-token", f"There is no token with the id {token[:40]!r}.")


@get("/accounts", guards=[at_least("admin")], operation_id="listAccounts", tags=["access"])
async def list_accounts(face: TheFace) -> AccountList:
    """List the accounts by name."""
    return AccountList(accounts=[account_document(each) for each in await face.engine.access.accounts()])


@post(
    "/accounts",
    guards=[at_least("admin")],
    status_code=201,
    operation_id="createAccount",
    operation_class=AccountOperation,
    tags=["access"],
)
async def create_account(request: AnyRequest, face: TheFace, principal: ThePrincipal) -> AccountDocument:
    """Create an account for somebody who signs in to the pages."""
    wanted = convert(await json_object(request), NewAccount)
    _in_roster(wanted.person, face)
    account = await face.engine.access.create_account(
        wanted.name, wanted.password, wanted.role, wanted.person, actor_of(principal, face.engine)
    )
    return account_document(account)


def _in_roster(person: PersonId | None, face: Face) -> None:
    if person is None or face.engine.library.roster.person(person) is not None:
        return
    what = f"Nobody in the roster is called {person!r}."
    mend = "Name the key of a person of the roster, or leave `person` out."
    raise ProblemsError([Problem(code="unknown-person", field="person", message=what, mend=mend)])
