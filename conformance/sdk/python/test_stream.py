"""The seat stream over the installed package: every change once and in order, however the connection is cut."""

import httpx
import pytest
from lastseat import Lastseat, PayBody, Rejection, Retry, SeatChange, answered
from lastseat.openapi.api.seats import get_seats
from lastseat.openapi.models.seat_state import SeatState

from server import Proxy, Trouble

QUICK = Retry(backoff=0.001)


def position(client: Lastseat) -> int:
    return answered(get_seats.sync("demo", client=client.client)).position


def sell(client: Lastseat, *seats: str) -> None:
    booking = client.hold("demo", seats)
    assert client.pay(booking, PayBody(payment_method="pm_card_visa")).status == "confirmed"


def read(client: Lastseat, start: int, end: int) -> list[tuple[int, str, str, SeatState]]:
    """Changes of seats up to the last one of the sales so far."""
    changes: list[tuple[int, str, str, SeatState]] = []
    for event in client.seat_changes("demo", start=start):
        if isinstance(event, SeatChange):
            changes.append((event.position, event.name, event.seat, event.state))
        if event.resume == end:
            break
    return changes


def survives_cuts(client: Lastseat, proxy: Proxy, start: int, end: int, expected: list[tuple[int, str, str, SeatState]]) -> int:
    """Cuts the stream once at each of many places, in events and between them."""
    for cuts in range(1_000):
        proxy.trouble(Trouble(cut_after=1 + 13 * cuts))
        assert read(client, start, end) == expected, f"cut after {1 + 13 * cuts} bytes"
        # Everything came before the cut.
        if len(proxy.seen) == 1:
            return cuts
    raise AssertionError("the stream has no end")


class Forgets(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("last-event-id", None)
        return super().handle_request(request)


def test_a_stream_that_is_cut_anywhere_resumes_without_gap_or_repeat(server: str, proxy: Proxy) -> None:
    with Lastseat(server) as direct, Lastseat(proxy.url, retry=QUICK) as client:
        start = position(direct)
        sell(direct, "A-11", "A-12", "A-13")
        sell(direct, "A-15", "A-16")
        end = position(direct)
        expected = read(direct, start, end)
        assert len(expected) >= 10, expected
        assert survives_cuts(client, proxy, start, end, expected) > 50

        with Lastseat(proxy.url, retry=QUICK, transport=Forgets()) as forgetful, pytest.raises(AssertionError, match="cut after"):
            survives_cuts(forgetful, proxy, start, end, expected)


def test_refusals_for_now_are_waited_out(server: str, proxy: Proxy) -> None:
    with Lastseat(server) as direct, Lastseat(proxy.url, retry=QUICK) as client:
        start = position(direct)
        sell(direct, "A-18")
        proxy.trouble(Trouble(drop=True), Trouble(status=503, code="busy", retry_after=0), Trouble(status=502))
        assert [change[2] for change in read(client, start, position(direct))] == ["A-18"] * 3
        assert len(proxy.seen) == 4


def test_a_connection_that_has_gone_silent_is_replaced(server: str, proxy: Proxy) -> None:
    with Lastseat(server) as direct, Lastseat(proxy.url, retry=QUICK) as client:
        start = position(direct)
        sell(direct, "A-8", "A-9")
        proxy.trouble(Trouble(stall_after=300))
        changes = client.seat_changes("demo", start=start, silence=0.3)
        booked = (change.seat for change in changes if isinstance(change, SeatChange) and change.state == "booked")
        assert [next(booked), next(booked)] == ["A-8", "A-9"]
        assert len(proxy.seen) >= 2


def test_a_position_that_the_log_has_not_reached_is_a_refusal(server: str) -> None:
    with Lastseat(server) as direct:
        with pytest.raises(Rejection) as refused:
            next(iter(direct.seat_changes("demo", start=1_000_000_000)))
        assert refused.value.code == "invalid_parameter"
        with pytest.raises(Rejection) as refused:
            next(iter(direct.seat_changes("nowhere")))
        assert refused.value.code == "show_not_found"
