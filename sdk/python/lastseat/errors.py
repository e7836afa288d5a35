"""What can go wrong, in three kinds that a caller treats differently."""

from collections.abc import Mapping
from typing import Any, TypeVar

from ._document import PROBLEMS
from .openapi import models

P = TypeVar("P")


class LastseatError(Exception):
    """`status` is the HTTP answer's, if there was one. Name `request_id` when you ask the operator: their log lines have it."""

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class Rejection(LastseatError):
    """The rules said no. Nothing was done, and the same request gets the same answer until the facts change.

    Go by `code`, which is stable. `problem` is of the class for that code, with its facts; a newer server may send codes that this
    version does not know: then it is None, and `body` has what was sent.
    """

    def __init__(self, body: Mapping[str, Any], *, status: int, request_id: str | None = None) -> None:
        super().__init__(str(body.get("detail", body["code"])), status=status, request_id=request_id)
        self.body = body
        self.code: str = body["code"]
        self.problem = _parse(body)

    @property
    def retry_after(self) -> int | None:
        """Seconds after which the facts may have changed."""
        after = self.body.get("retry_after")
        return after if isinstance(after, int) else None

    def facts(self, kind: type[P]) -> P | None:
        """The problem if it is of this class, such as `SeatUnavailableProblem`."""
        return self.problem if isinstance(self.problem, kind) else None


class Fault(LastseatError):
    """The request could not be served, and nothing was done. `code` (`busy`, `unavailable` …) is there if the server has answered."""

    def __init__(self, message: str, code: str | None = None, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.code = code


class OutcomeUnknown(LastseatError):
    """A command may have been carried out or not. Send the same body again with this key: it finds out, and nothing is done twice.

    Not a failure, and no success either. The key is absent only for the few commands that take none.
    """

    def __init__(self, idempotency_key: str | None, *, status: int | None = None, request_id: str | None = None) -> None:
        message = "It is not known whether the request was carried out. Send it again with the same key to find out."
        super().__init__(message, status=status, request_id=request_id)
        self.idempotency_key = idempotency_key


def _parse(body: Mapping[str, Any]) -> Any:
    name = PROBLEMS.get(body["code"])
    if name is None:
        return None
    try:
        return getattr(models, name).from_dict(body)
    except (KeyError, TypeError, ValueError):
        # Of a newer server, with facts that this version does not know.
        return None
