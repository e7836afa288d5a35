"""What may be sent again, and when. Without I/O: `http.py` does the sending."""

import json
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import httpx

from ._document import KEYED
from .errors import Fault, LastseatError, OutcomeUnknown, Rejection

TAKES_KEY = re.compile("|".join(KEYED))
LONGEST_BACKOFF = 10.0
# Codes of a 503 which say that nothing was done.
NOTHING_DONE = {"busy", "unavailable", "stopping", "payment_queue_full"}
# Statuses of refusals that are kept under the key, and so also hold for an attempt whose answer was lost; but for those that may pass.
DECIDED = {402, 404, 409, 410, 422}
MAY_PASS = {"payment_in_progress", "refund_in_progress", "refund_stands", "refund_unclear", "no_tickets"}


@dataclass(frozen=True)
class Retry:
    """`attempts` counts the first one, too. Seconds: `backoff` is before the first repeat where the server names no time, and doubles;
    after `patience` nothing is sent again, and a longer `Retry-After` ends it at once."""

    attempts: int = 5
    backoff: float = 0.25
    patience: float = 60.0

    def delay(self, failures: int, retry_after: float | None = None) -> float:
        """Spread, so that clients who failed together don't come back together."""
        if retry_after is not None:
            return retry_after * (1 + random.random() / 4)
        longest = min(self.backoff * 2.0 ** (failures - 1), LONGEST_BACKOFF)
        return longest * (0.5 + random.random() / 2)


@dataclass(frozen=True)
class Outcome:
    """One answer or its absence. `passing`: the same request may succeed later. `unknown`: a command that ended like this may have been
    carried out. `decided`: this is the decision of the rules, which a repeat gets as well."""

    error: LastseatError
    passing: bool = False
    unknown: bool = False
    decided: bool = False
    retry_after: float | None = None


def judge(response: httpx.Response) -> Outcome:
    """What an answer that is no success means."""
    status, body = response.status_code, _problem(response)
    request_id = response.headers.get("x-request-id")
    code = body["code"] if body else None
    after = _retry_after(response.headers.get("retry-after"))
    if status < 500 and body:
        rejection = Rejection(body, status=status, request_id=request_id)
        if code == "idempotency_in_flight":
            return Outcome(rejection, passing=True, unknown=True, retry_after=after)
        if code == "rate_limited":
            return Outcome(rejection, passing=True, retry_after=after)
        return Outcome(rejection, decided=is_decision(rejection))
    message = body["detail"] if body else f"The answer has status {status} and is not lastseat's."
    fault = Fault(message, code, status=status, request_id=request_id)
    if status < 500:
        return Outcome(fault)
    # 500 is a defect: nobody says what was done, and a repeat does not help.
    return Outcome(fault, passing=status > 501, unknown=code not in NOTHING_DONE, retry_after=after)


def no_answer(error: httpx.RequestError) -> Outcome:
    """What it means that no answer came."""
    never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    return Outcome(Fault(f"No answer came from the server: {error!r}"), passing=True, unknown=not never_sent)


def is_decision(error: LastseatError) -> bool:
    """Whether a repeat under the same key gets this answer again."""
    return isinstance(error, Rejection) and error.status in DECIDED and error.code not in MAY_PASS


class Attempts:
    """The attempts at one request. A command that takes an `Idempotency-Key` gets one, the same in every attempt."""

    def __init__(self, request: httpx.Request, retry: Retry) -> None:
        path = request.url.raw_path.split(b"?")[0].decode()
        self._command = request.method not in ("GET", "HEAD")
        if self._command and TAKES_KEY.search(f"{request.method} {path}"):
            request.headers.setdefault("idempotency-key", str(uuid4()))
        self._key: str | None = request.headers.get("idempotency-key")
        self._retry = retry
        self._end = time.monotonic() + retry.patience
        self._made = 0
        self._unknown = False

    def failed(self, outcome: Outcome) -> float:
        """Seconds until the request is sent again. Raises what is to be reported if it is not."""
        self._made += 1
        self._unknown = self._unknown or (self._command and outcome.unknown)
        # The rules' decision under the key is that of every attempt under it.
        if self._key is not None and outcome.decided:
            raise outcome.error
        safe = not self._command or self._key is not None or not self._unknown
        wait = self._retry.delay(self._made, outcome.retry_after)
        late = self._made >= self._retry.attempts or time.monotonic() + wait > self._end
        if late or not outcome.passing or not safe:
            if self._unknown:
                error = outcome.error
                raise OutcomeUnknown(self._key, status=error.status, request_id=error.request_id) from error
            raise outcome.error
        return wait


def _problem(response: httpx.Response) -> Mapping[str, Any] | None:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) and {"code", "detail"} <= body.keys() else None


def _retry_after(value: str | None) -> float | None:
    """In seconds or as a date (RFC 9110)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
