"""httpx clients that send again what may be sent again, and raise what is refused. The generated operations run over them."""

import asyncio
import time
from typing import Any

import httpx

from .retry import Attempts, Outcome, Retry, judge, no_answer


class RetryingClient(httpx.Client):
    def __init__(self, *, retry: Retry, **httpx_args: Any) -> None:
        super().__init__(**httpx_args)
        self.retry = retry

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        if stream:
            return super().send(request, stream=True, **options)
        attempts = Attempts(request, self.retry)
        while True:
            outcome: Outcome
            try:
                response = super().send(request, **options)
            except httpx.RequestError as error:
                outcome = no_answer(error)
            else:
                if response.status_code < 400:
                    return response
                outcome = judge(response)
            time.sleep(attempts.failed(outcome))


class AsyncRetryingClient(httpx.AsyncClient):
    def __init__(self, *, retry: Retry, **httpx_args: Any) -> None:
        super().__init__(**httpx_args)
        self.retry = retry

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        if stream:
            return await super().send(request, stream=True, **options)
        attempts = Attempts(request, self.retry)
        while True:
            outcome: Outcome
            try:
                response = await super().send(request, **options)
            except httpx.RequestError as error:
                outcome = no_answer(error)
            else:
                if response.status_code < 400:
                    return response
                outcome = judge(response)
            await asyncio.sleep(attempts.failed(outcome))


class _Nowhere(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError("requests go through the other client")


class _AsyncNowhere(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError("requests go through the other client")


class Bearer(httpx.Client):
    """Sends over the connections of another client, with a token of its own."""

    def __init__(self, over: httpx.Client, token: str) -> None:
        super().__init__(base_url=over.base_url, headers=with_token(over, token), timeout=over.timeout, transport=_Nowhere())
        self._over = over

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        return self._over.send(request, **options)


class AsyncBearer(httpx.AsyncClient):
    """Sends over the connections of another client, with a token of its own."""

    def __init__(self, over: httpx.AsyncClient, token: str) -> None:
        super().__init__(base_url=over.base_url, headers=with_token(over, token), timeout=over.timeout, transport=_AsyncNowhere())
        self._over = over

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        return await self._over.send(request, **options)


def with_token(client: httpx.Client | httpx.AsyncClient, token: str) -> httpx.Headers:
    headers = httpx.Headers(client.headers)
    headers["authorization"] = f"Bearer {token}"
    return headers
