"""The language server on standard input and output: findings as diagnostics, hover, completion."""

import asyncio
import logging
from typing import cast
from urllib.parse import unquote, urlsplit

import msgspec
from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

import tocsin
from tocsin.base.problems import Problem, Weight
from tocsin.faces.lsp.assist import offers, understood
from tocsin.playbook.model import Playbook
from tocsin.playbook.read import read_playbook

QUIET_SECONDS = 0.15
"""How long nothing must be typed before the text is read again."""

_WEIGHTS = {
    Weight.ERROR: lsp.DiagnosticSeverity.Error,
    Weight.WARNING: lsp.DiagnosticSeverity.Warning,
    Weight.INFO: lsp.DiagnosticSeverity.Information,
}


class _Read(msgspec.Struct, frozen=True):
    text: str
    playbook: Playbook


class PlaybookServer(LanguageServer):
    """Keeps the last reading of every open document."""

    def __init__(self) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            "tocsin", tocsin.__version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full
        )
        self.documentation = ""
        self._read: dict[str, _Read] = {}
        self._asked: dict[str, int] = {}

    async def changed(self, uri: str, quiet: float) -> None:
        """Read a document again, unless it changes meanwhile, and tell what is wrong with it."""
        asked = self._asked[uri] = self._asked.get(uri, 0) + 1
        await asyncio.sleep(quiet)
        if self._asked.get(uri) != asked:
            return
        document = self.workspace.get_text_document(uri)
        text, version = document.source, document.version
        playbook = await asyncio.to_thread(read_playbook, text.encode("utf-8", "replace"), _name(uri))
        if self._asked.get(uri) != asked:
            return
        self._read[uri] = _Read(text, playbook)
        lines = text.splitlines()
        found = [self._diagnostic(each, lines) for each in playbook.findings]
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri=uri, diagnostics=found, version=version)
        )

    def _diagnostic(self, problem: Problem, lines: list[str]) -> lsp.Diagnostic:
        at = min(max(problem.line - 1, 0), max(len(lines) - 1, 0))
        width = len(lines[at].encode("utf-16-le")) // 2 if lines else 0
        link = None
        if self.documentation:
            page = f"{self.documentation.rstrip('/')}/docs/reference/findings.md#{problem.code.lower()}"
            link = lsp.CodeDescription(href=page)
        return lsp.Diagnostic(
            range=lsp.Range(lsp.Position(at, 0), lsp.Position(at, width)),
            message=f"{problem.message}\n{problem.mend}",
            severity=_WEIGHTS[problem.severity],
            code=problem.code,
            code_description=link,
            source="tocsin",
        )

    def playbook(self, uri: str) -> Playbook:
        """The playbook of an open document; of its present text where it has just changed."""
        text = self.workspace.get_text_document(uri).source
        read = self._read.get(uri)
        if read is None or read.text != text:
            read = self._read[uri] = _Read(text, read_playbook(text.encode("utf-8", "replace"), _name(uri)))
        return read.playbook

    def forget(self, uri: str) -> None:
        """A document was closed; its findings go with it."""
        self._read.pop(uri, None)
        self._asked.pop(uri, None)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=uri, diagnostics=[]))


def _name(uri: str) -> str:
    return unquote(urlsplit(uri).path).rsplit("/", 1)[-1] or "playbook.md"


def make_server() -> PlaybookServer:
    """A server with everything that it answers; nothing runs yet."""
    server = PlaybookServer()

    @server.feature(lsp.INITIALIZE)
    def ready(params: lsp.InitializeParams) -> None:
        """Take over the options of the editor."""
        given = cast(object, params.initialization_options)
        link = (
            cast(dict[str, object], given).get("documentation")
            if isinstance(given, dict)
            else getattr(given, "documentation", None)
        )
        server.documentation = link if isinstance(link, str) else ""

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        """Read it at once."""
        await server.changed(params.text_document.uri, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def edited(params: lsp.DidChangeTextDocumentParams) -> None:
        """Read it again, once nothing is typed for a moment."""
        await server.changed(params.text_document.uri, QUIET_SECONDS)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        """Forget it."""
        server.forget(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        """What the line was understood as."""
        text = understood(server.playbook(params.text_document.uri), params.position.line + 1)
        if not text:
            return None
        return lsp.Hover(contents=lsp.MarkupContent(kind=lsp.MarkupKind.Markdown, value=text))

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=["@", " ", "="]))
    def complete(params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        """Keys and values of directives and of the front matter."""
        lines = server.workspace.get_text_document(params.text_document.uri).source.split("\n")
        row = params.position.line
        line = lines[row] if row < len(lines) else ""
        # Positions count in UTF-16.
        before = line.encode("utf-16-le")[: params.position.character * 2].decode("utf-16-le", "ignore")
        return [
            lsp.CompletionItem(
                label=each.label,
                detail=each.detail,
                insert_text=each.text,
                kind=lsp.CompletionItemKind.Property,
            )
            for each in offers(lines, row + 1, before)
        ]

    return server


def run() -> None:
    """Serve an editor on standard input and output until it leaves."""
    # Standard output belongs to the protocol, and an editor shows standard error as its own log.
    logging.getLogger("pygls").setLevel(logging.ERROR)
    make_server().start_io()
