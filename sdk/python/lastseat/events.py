"""The changes of a show's seats, each once and in order, however often the connection is lost."""

import datetime
import json
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import ServerSentEvent

from .openapi.models.seat_state import SeatState
from .retry import Outcome, Retry

# Seconds. The server sends a comment after 15 s of silence, so this is a dead connection.
SILENCE = 45.0


@dataclass(frozen=True)
class Event:
    """`position` is the one in the server's log. Start from `resume` to get everything after this event: of a change of several seats,
    the last one has it."""

    name: str
    position: int
    resume: int | None


@dataclass(frozen=True)
class SeatChange(Event):
    """`name`: `seat_locked`, `seat_processing`, `seat_booked`, `seat_released`, `seat_blocked` or `seat_unblocked`."""

    seat: str
    state: SeatState
    at: datetime.datetime


@dataclass(frozen=True)
class AreaAvailability(Event):
    """Of an area whose places have no labels."""

    area: str
    available: int


@dataclass(frozen=True)
class ShowRevised(Event):
    """Prices, times or the plan may differ: read the show and its seats again."""

    revision: int
    at: datetime.datetime


SeatEvent = SeatChange | AreaAvailability | ShowRevised


class Stream:
    """Where a reader is: lets each change pass once, and counts failures. Only the last change of a log event has an id, so a cut in
    between brings the whole group again."""

    def __init__(self, start: int | None, retry: Retry, silence: float) -> None:
        self.params = {} if start is None else {"from": start}
        self.resume: int | None = None
        self._retry = retry
        self._silence = silence
        self._failures = 0
        self._group: set[tuple[int, str]] = set()
        self._available: dict[str, int] = {}

    def headers(self) -> dict[str, str]:
        headers = {"accept": "text/event-stream", "cache-control": "no-store"}
        if self.resume is not None:
            headers["last-event-id"] = str(self.resume)
        return headers

    def timeout(self, of: httpx.Timeout) -> httpx.Timeout:
        return httpx.Timeout(connect=of.connect, read=self._silence, write=of.write, pool=of.pool)

    def interrupted(self, outcome: Outcome) -> float:
        """Seconds until the next connection. Raises where coming back would not help."""
        if not outcome.passing:
            raise outcome.error
        self._failures += 1
        return self._retry.delay(self._failures, outcome.retry_after)

    def accept(self, message: ServerSentEvent) -> SeatEvent | None:
        if not message.data:
            return None
        self._failures = 0
        body = json.loads(message.data)
        fresh = self._differs(body) if message.event == "area_availability" else self._first(body)
        # An event without an id shows the one before it.
        if message.id and int(message.id) != self.resume:
            self.resume = int(message.id)
            self._group.clear()
        return _parse(message.event, body, self.resume) if fresh else None

    def _differs(self, body: dict[str, Any]) -> bool:
        """Every connection begins with the current values."""
        known = self._available.get(body["area"])
        self._available[body["area"]] = body["available"]
        return bool(known != body["available"])

    def _first(self, body: dict[str, Any]) -> bool:
        name = (body["position"], body.get("seat", ""))
        first = name not in self._group
        self._group.add(name)
        return first


def _parse(name: str, body: dict[str, Any], resume: int | None) -> SeatEvent | None:
    position = body["position"]
    if name == "area_availability":
        return AreaAvailability(name, position, resume, body["area"], body["available"])
    if name == "show_revised":
        return ShowRevised(name, position, resume, body["revision"], datetime.datetime.fromisoformat(body["at"]))
    if "seat" in body:
        # Also in a state that this version does not know: a change must not be missing.
        return SeatChange(name, position, resume, body["seat"], body["state"], datetime.datetime.fromisoformat(body["at"]))
    return None
