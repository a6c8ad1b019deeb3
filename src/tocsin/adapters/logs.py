"""Where the log goes and how it looks: lines for people, or JSON for machines, on standard error."""

import logging
import sys
from contextlib import redirect_stderr, suppress
from typing import Any, Literal, TextIO, cast

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: Literal["debug", "info", "warning", "error"], form: Literal["text", "json"]) -> None:
    """Set up structlog and the standard library's logging. Times are UTC in ISO 8601."""
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        # The richer formatters print local variables, in which tokens and cookies stand.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(LEVELS[level], logging.WARNING), stream=sys.stderr, force=True)


def unfailing_stderr() -> redirect_stderr[TextIO]:
    """Within this context, what is written to standard error never fails."""
    return redirect_stderr(cast(TextIO, _Unfailing(sys.stderr)))


class _Unfailing:
    """The stream of the log, which never fails: where its disk is full or its terminal has gone, the line
    is lost, and not the request or the clock that wrote it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as far as that is possible."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written, as far as that is possible."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
