"""The server's log: JSON lines that hold no tensor value and no text of a request's body.

Messages of exceptions may quote values, so of an exception only its type and frames are logged.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime

LOG = logging.getLogger("obfnet.serving")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            line["error"] = record.exc_info[0].__name__
            line["frames"] = [f"{each.name}, {each.filename}:{each.lineno}" for each in frames]
        return json.dumps(line)


def event(what: str, level: int = logging.INFO, failed: bool = False, **fields: object) -> None:
    """Log one line; ``failed`` adds what is known of the exception that is being handled."""
    LOG.log(level, what, extra={"fields": fields}, exc_info=failed)


def to_stderr() -> None:
    """Write this log, and the warnings of the HTTP server, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    for logger, level in ((LOG, logging.INFO), (logging.getLogger("uvicorn"), logging.WARNING)):
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
