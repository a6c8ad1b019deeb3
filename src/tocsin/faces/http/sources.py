"""The API of the sources of alerts: what came of each, samples, and trying one; and the changes they tell."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, QueryParameter

from tocsin.alerts.model import Alert
from tocsin.engine.changes import CHANGES_MAX, Change
from tocsin.engine.sightings import Sample
from tocsin.faces.http.guards import at_least
from tocsin.faces.http.openapi import AlertsOperation
from tocsin.faces.http.problems import ApiError, FieldProblem, fields_of
from tocsin.faces.requests import Face, TheFace
from tocsin.faces.sources import SAMPLE_BYTES_MAX, SourceView, look_at_sources, try_sample

AnyRequest = Request[Any, Any, Any]


class SourceList(msgspec.Struct, frozen=True, kw_only=True):
    """Every source of alerts, by its kind."""

    sources: list[SourceView]


class SampleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came, with its secrets masked. `body` is empty where it was too large to be kept."""

    at: datetime
    kept: int
    refused: int
    size: int
    body: str


class SampleList(msgspec.Struct, frozen=True, kw_only=True):
    """The last requests of a source, newest first."""

    kind: str
    samples: list[SampleDocument]


class TriedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a source makes of a sample. `acknowledged` are fingerprints of alerts."""

    alerts: tuple[Alert, ...]
    problems: tuple[FieldProblem, ...]
    acknowledged: tuple[str, ...]


class ChangeList(msgspec.Struct, frozen=True, kw_only=True):
    """Changes, newest first."""

    changes: list[Change]


@get("/sources", guards=[at_least("admin")], operation_id="listSources", tags=["alerts"])
async def list_sources(face: TheFace) -> SourceList:
    """List the sources of alerts: where senders send to, how they are let in, what came."""
    return SourceList(sources=await look_at_sources(face))


@get("/sources/{kind:str}/samples", guards=[at_least("admin")], operation_id="readSamples", tags=["alerts"])
async def read_samples(kind: FromPath[str], face: TheFace) -> SampleList:
    """The last requests of a source, with their secrets masked."""
    known = _known(kind, face)
    samples = await face.engine.sightings.samples(known)
    return SampleList(kind=known, samples=[_document(each) for each in samples])


@post(
    "/sources/{kind:str}/try",
    guards=[at_least("admin")],
    status_code=200,
    operation_id="trySample",
    operation_class=AlertsOperation,
    tags=["alerts"],
)
async def try_source(request: AnyRequest, kind: FromPath[str], face: TheFace) -> TriedDocument:
    """Say what a source makes of a request. Nothing is kept, and nobody is paged."""
    known, body = _known(kind, face), await request.body()
    if len(body) > SAMPLE_BYTES_MAX:
        raise ApiError(413, "too-large", f"A sample has at most {SAMPLE_BYTES_MAX // 1024} KB.")
    headers = {
        name.lower(): text for name, text in request.headers.items() if name.lower() != "authorization"
    }
    tried = await try_sample(face, known, body, headers)
    return TriedDocument(
        alerts=tried.alerts, problems=fields_of(tried.problems), acknowledged=tried.acknowledged
    )


@get("/changes", guards=[at_least("viewer")], operation_id="listChanges", tags=["alerts"])
async def list_changes(
    face: TheFace, limit: Annotated[int, QueryParameter(ge=1, le=CHANGES_MAX)] = 200
) -> ChangeList:
    """Changes that senders told of, newest first."""
    return ChangeList(changes=await face.engine.changes.list(limit))


def _known(kind: str, face: Face) -> str:
    if kind not in face.sources:
        known = ", ".join(sorted(face.sources))
        raise ApiError(404, "unknown-source", f"There is no source {kind[:40]!r}; there are: {known}.")
    return kind


def _document(sample: Sample) -> SampleDocument:
    return SampleDocument(
        at=sample.at, kept=sample.kept, refused=sample.refused, size=sample.size, body=sample.body
    )


HANDLERS = (list_sources, read_samples, try_source, list_changes)
"""All of them, to be hung under `/api/v1`."""
