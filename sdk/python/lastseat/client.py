"""The client: the sale by name, and every other operation over the generated modules, with `client=lastseat.client`."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Self, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from httpx_sse import EventSource

from .errors import LastseatError, OutcomeUnknown
from .events import SILENCE, SeatEvent, Stream
from .http import AsyncBearer, AsyncRetryingClient, Bearer, RetryingClient
from .openapi.api.bookings import hold_seats, pay_booking
from .openapi.client import AuthenticatedClient
from .openapi.models import Booking, HoldArea, HoldBestAvailable, HoldSeats, PayBody
from .openapi.types import UNSET
from .retry import Outcome, Retry, is_decision, judge, no_answer

T = TypeVar("T")
# Labels of seats, or a body.
HoldBody = HoldSeats | HoldArea | HoldBestAvailable | Sequence[str]


def answered(answer: T | None) -> T:
    """What a generated operation has answered. None is for "not modified" only: refusals are exceptions."""
    if answer is None:
        raise ValueError("the answer has nothing in it")
    return answer


def _body(body: HoldBody) -> HoldSeats | HoldArea | HoldBestAvailable:
    if isinstance(body, (HoldSeats, HoldArea, HoldBestAvailable)):
        return body
    return HoldSeats(seats=[body] if isinstance(body, str) else list(body))


class _Payment:
    """Asks under one key until the gateway has answered."""

    def __init__(self, key: str | None, retry: Retry) -> None:
        self.key = key or str(uuid4())
        self._end = time.monotonic() + retry.patience
        self._begun = False

    def wait(self, booking: Booking) -> float | None:
        """Seconds until the same is sent again; None if this is an answer."""
        if booking.status != "paying" or booking.next_action:
            return None
        self._begun = True
        wait = float(booking.retry_after or 1)
        if time.monotonic() + wait > self._end:
            raise OutcomeUnknown(self.key, status=202)
        return wait

    def failed(self, error: LastseatError) -> LastseatError:
        """A payment that has begun continues by itself, whatever became of the question."""
        if not self._begun or is_decision(error):
            return error
        unknown = OutcomeUnknown(self.key, status=error.status, request_id=error.request_id)
        unknown.__cause__ = error
        return unknown


def _generated(server: str, token: str | None) -> AuthenticatedClient:
    # Of this type also for guests: the types of operations that both may call ask for it.
    return AuthenticatedClient(server, token or "")


def _httpx_args(server: str, token: str | None, timeout: float, httpx_args: dict[str, Any]) -> dict[str, Any]:
    headers = httpx.Headers(httpx_args.pop("headers", None))
    if token:
        headers["authorization"] = f"Bearer {token}"
    return {"base_url": server, "timeout": timeout, **httpx_args, "headers": headers}


def _stream_path(show: str) -> str:
    return f"/v1/shows/{quote(show, safe='')}/seats/stream"


class Lastseat:
    """A server, and who calls it. `token` is a JWT or a booking's token; a guest has none. `httpx_args` are httpx.Client's."""

    def __init__(
        self, server: str, *, token: str | None = None, retry: Retry = Retry(), timeout: float = 30.0, **httpx_args: Any
    ) -> None:
        self.retry = retry
        self._over: httpx.Client = RetryingClient(retry=retry, **_httpx_args(server, token, timeout, httpx_args))
        self.client = _generated(server, token).set_httpx_client(self._over)

    def with_token(self, token: str) -> "Lastseat":
        """The same server, over the same connections, for the bearer of another token."""
        other = object.__new__(Lastseat)
        other.retry = self.retry
        other._over = Bearer(self._over, token)
        other.client = _generated(str(self._over.base_url), token).set_httpx_client(other._over)
        return other

    def hold(self, show: str, body: HoldBody, *, idempotency_key: str | None = None) -> Booking:
        """Holds the labelled seats, or what the body says: all or none, for this booking alone until `expires_at`. Keep its `token`."""
        key = idempotency_key or UNSET
        return answered(hold_seats.sync(show, client=self.client, body=_body(body), idempotency_key=key))

    def pay(self, booking: Booking, body: PayBody | None = None, *, idempotency_key: str | None = None) -> Booking:
        """Pays for a booking, with its own token if it has one. Returns when the payment is decided or the buyer has to act: look at
        `status` and `next_action`. Without an answer of the gateway in time it is an `OutcomeUnknown`."""
        payer = self.with_token(booking.token) if booking.token else self
        payment = _Payment(idempotency_key, self.retry)
        while True:
            try:
                paid = answered(
                    pay_booking.sync(booking.id, client=payer.client, body=body or PayBody(), idempotency_key=payment.key)
                )
            except LastseatError as error:
                raise payment.failed(error)
            wait = payment.wait(paid)
            if wait is None:
                return paid
            time.sleep(wait)

    def seat_changes(self, show: str, *, start: int | None = None, silence: float = SILENCE) -> Iterator[SeatEvent]:
        """Every change of a show's seats after position `start`, once and in order. Reconnects by itself until the loop is left. A
        connection on which nothing comes for `silence` seconds is ended.

        Raises a `Rejection` where that would not help; `invalid_parameter`: the position is not of this log or too far back, so load the
        seats again."""
        stream = Stream(start, self.retry, silence)
        timeout = stream.timeout(self._over.timeout)
        while True:
            outcome: Outcome
            try:
                arguments: dict[str, Any] = {"params": stream.params, "headers": stream.headers(), "timeout": timeout}
                with self._over.stream("GET", _stream_path(show), **arguments) as response:
                    if response.status_code == 200:
                        for message in EventSource(response).iter_sse():
                            event = stream.accept(message)
                            if event is not None:
                                yield event
                        outcome = no_answer(httpx.ReadError("the stream has ended"))
                    else:
                        response.read()
                        outcome = judge(response)
            except httpx.RequestError as error:
                outcome = no_answer(error)
            time.sleep(stream.interrupted(outcome))

    def close(self) -> None:
        self._over.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncLastseat:
    """As `Lastseat`, for asyncio. `httpx_args` are httpx.AsyncClient's."""

    def __init__(
        self, server: str, *, token: str | None = None, retry: Retry = Retry(), timeout: float = 30.0, **httpx_args: Any
    ) -> None:
        self.retry = retry
        self._over: httpx.AsyncClient = AsyncRetryingClient(retry=retry, **_httpx_args(server, token, timeout, httpx_args))
        self.client = _generated(server, token).set_async_httpx_client(self._over)

    def with_token(self, token: str) -> "AsyncLastseat":
        """The same server, over the same connections, for the bearer of another token."""
        other = object.__new__(AsyncLastseat)
        other.retry = self.retry
        other._over = AsyncBearer(self._over, token)
        other.client = _generated(str(self._over.base_url), token).set_async_httpx_client(other._over)
        return other

    async def hold(self, show: str, body: HoldBody, *, idempotency_key: str | None = None) -> Booking:
        key = idempotency_key or UNSET
        return answered(await hold_seats.asyncio(show, client=self.client, body=_body(body), idempotency_key=key))

    async def pay(self, booking: Booking, body: PayBody | None = None, *, idempotency_key: str | None = None) -> Booking:
        payer = self.with_token(booking.token) if booking.token else self
        payment = _Payment(idempotency_key, self.retry)
        while True:
            try:
                paid = answered(
                    await pay_booking.asyncio(booking.id, client=payer.client, body=body or PayBody(), idempotency_key=payment.key)
                )
            except LastseatError as error:
                raise payment.failed(error)
            wait = payment.wait(paid)
            if wait is None:
                return paid
            await asyncio.sleep(wait)

    async def seat_changes(self, show: str, *, start: int | None = None, silence: float = SILENCE) -> AsyncIterator[SeatEvent]:
        stream = Stream(start, self.retry, silence)
        timeout = stream.timeout(self._over.timeout)
        while True:
            outcome: Outcome
            try:
                arguments: dict[str, Any] = {"params": stream.params, "headers": stream.headers(), "timeout": timeout}
                async with self._over.stream("GET", _stream_path(show), **arguments) as response:
                    if response.status_code == 200:
                        async for message in EventSource(response).aiter_sse():
                            event = stream.accept(message)
                            if event is not None:
                                yield event
                        outcome = no_answer(httpx.ReadError("the stream has ended"))
                    else:
                        await response.aread()
                        outcome = judge(response)
            except httpx.RequestError as error:
                outcome = no_answer(error)
            await asyncio.sleep(stream.interrupted(outcome))

    async def close(self) -> None:
        await self._over.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
