"""The sale over the installed package: what is refused, repeated, and not known."""

import asyncio
import itertools
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import httpx
import lastseat
import pytest
from lastseat import Fault, HoldArea, Lastseat, OutcomeUnknown, PayBody, Rejection, Retry, SeatUnavailableProblem, answered
from lastseat.openapi.api.bookings import cancel_booking
from lastseat.openapi.api.seats import get_seats
from lastseat.openapi.api.shows import list_shows
from lastseat.openapi.api.tickets import get_tickets
from lastseat.openapi.models import PaymentDeclinedProblem, Tickets

from server import Proxy, Trouble

QUICK = Retry(backoff=0.01)
VISA = PayBody(payment_method="pm_card_visa")
labels = (f"{row}-{number}" for row in "BCDEFGH" for number in range(1, 21))


def fresh(count: int = 1) -> list[str]:
    """Seats that no other test has."""
    return list(itertools.islice(labels, count))


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Lastseat]:
    with Lastseat(proxy.url, retry=QUICK) as client:
        yield client


def survives_a_lost_answer(client: Lastseat, proxy: Proxy) -> None:
    """A command whose answer is lost is made once, and answered."""
    proxy.trouble(Trouble(lose=True))
    seats = fresh()
    booking = client.hold("demo", seats)
    assert [seat.seat for seat in booking.seats] == seats and booking.token
    assert len(proxy.seen) == 2 and proxy.seen[0].key
    assert proxy.seen[0].key == proxy.seen[1].key


def test_the_quick_start_of_the_readme_sells_two_seats(server: str, tmp_path: pathlib.Path) -> None:
    script = pathlib.Path("quickstart.py").read_text()
    assert "http://127.0.0.1:8080" in script
    file = tmp_path / "quickstart.py"
    file.write_text(script.replace("http://127.0.0.1:8080", server))
    shown = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=20, check=True).stdout
    assert re.match(r"confirmed\n", shown) and "seat_booked" in shown


def test_seats_are_held_paid_for_and_confirmed(client: Lastseat) -> None:
    booking = client.hold("demo", fresh(2))
    assert booking.status == "held" and booking.token
    assert client.pay(booking, VISA).status == "confirmed"
    tickets = answered(get_tickets.sync(booking.id, client=client.with_token(booking.token).client))
    assert isinstance(tickets, Tickets) and len(tickets.tickets) == 2


def test_a_bookings_token_cancels_it(client: Lastseat) -> None:
    booking = client.hold("demo", HoldArea(area="floor", quantity=2))
    assert booking.token
    over = answered(cancel_booking.sync(booking.id, client=client.with_token(booking.token).client))
    assert over.status == "aborted"


def test_the_second_hold_of_a_seat_is_a_refusal_whose_facts_have_types(client: Lastseat) -> None:
    seats = fresh()
    client.hold("demo", seats)
    with pytest.raises(Rejection) as refused:
        client.hold("demo", seats)
    error = refused.value
    assert error.code == "seat_unavailable" and error.status == 409 and error.request_id
    problem = error.facts(SeatUnavailableProblem)
    assert problem and problem.seat == seats[0] and problem.state == "locked"
    assert error.facts(PaymentDeclinedProblem) is None
    assert error.retry_after


def test_a_declined_payment_is_a_refusal_and_the_seats_stay_held(client: Lastseat) -> None:
    booking = client.hold("demo", fresh())
    with pytest.raises(Rejection) as refused:
        client.pay(booking, PayBody(payment_method="pm_card_chargeDeclined"))
    problem = refused.value.facts(PaymentDeclinedProblem)
    assert problem and problem.decline_code == "card_declined"
    assert client.pay(booking, VISA).status == "confirmed"


def test_the_same_key_gets_the_same_answer_and_another_body_a_refusal(client: Lastseat) -> None:
    key, body = str(uuid4()), fresh()
    first = client.hold("demo", body, idempotency_key=key)
    assert client.hold("demo", body, idempotency_key=key) == first
    with pytest.raises(Rejection) as refused:
        client.hold("demo", fresh(), idempotency_key=key)
    assert refused.value.code == "idempotency_key_reused"


def test_a_hold_whose_answer_is_lost_is_made_once(client: Lastseat, proxy: Proxy) -> None:
    survives_a_lost_answer(client, proxy)


class NewKeys(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["idempotency-key"] = str(uuid4())
        return super().handle_request(request)


def test_the_check_of_lost_answers_sees_a_client_that_makes_a_new_key_for_each_attempt(proxy: Proxy) -> None:
    with Lastseat(proxy.url, retry=QUICK, transport=NewKeys()) as twin, pytest.raises(Rejection) as refused:
        survives_a_lost_answer(twin, proxy)
    assert refused.value.code == "seat_unavailable"


def test_a_payment_whose_answer_is_cut_half_way_is_made_once(client: Lastseat, proxy: Proxy) -> None:
    booking = client.hold("demo", fresh())
    proxy.trouble(Trouble(cut_after=25), Trouble(drop=True))
    assert client.pay(booking, VISA).status == "confirmed"
    assert len(proxy.seen) == 3 and len({seen.key for seen in proxy.seen}) == 1


def test_a_503_is_sent_again_with_the_same_key_not_before_retry_after(client: Lastseat, proxy: Proxy) -> None:
    proxy.trouble(Trouble(status=503, code="busy", retry_after=1))
    client.hold("demo", fresh())
    first, second = proxy.seen
    assert first.key and first.key == second.key
    assert second.at - first.at >= 0.99


def test_429_and_a_request_that_is_still_in_progress_are_sent_again(client: Lastseat, proxy: Proxy) -> None:
    proxy.trouble(
        Trouble(status=429, code="rate_limited", retry_after=0), Trouble(status=409, code="idempotency_in_flight", retry_after=0)
    )
    client.hold("demo", fresh())
    assert len(proxy.seen) == 3


def test_a_server_that_stays_busy_is_a_fault_nothing_was_done(client: Lastseat, proxy: Proxy) -> None:
    proxy.trouble(*[Trouble(status=503, code="busy")] * 5)
    with pytest.raises(Fault) as failed:
        client.hold("demo", fresh())
    assert failed.value.code == "busy" and len(proxy.seen) == 5


def test_a_retry_after_beyond_the_patience_ends_it_at_once(client: Lastseat, proxy: Proxy) -> None:
    proxy.trouble(Trouble(status=503, code="busy", retry_after=3600))
    with pytest.raises(Fault):
        client.hold("demo", fresh())
    assert len(proxy.seen) == 1


def test_an_outcome_that_stays_unknown_is_neither_success_nor_refusal_and_its_key_finds_out(client: Lastseat, proxy: Proxy) -> None:
    body = fresh()
    # The first attempt is carried out. That the last one finds the server busy says nothing about it.
    unknown = Trouble(status=503, code="outcome_unknown")
    proxy.trouble(Trouble(lose=True), Trouble(status=502), unknown, Trouble(drop=True), Trouble(status=503, code="busy"))
    with pytest.raises(OutcomeUnknown) as failed:
        client.hold("demo", body)
    assert isinstance(failed.value.__cause__, Fault)
    assert client.hold("demo", body, idempotency_key=failed.value.idempotency_key).status == "held"


@pytest.mark.parametrize(
    ("trouble", "times"),
    [(Trouble(status=503, code="outcome_unknown"), 5), (Trouble(status=504), 5), (Trouble(status=500, code="internal"), 1)],
)
def test_what_the_server_itself_or_a_proxy_does_not_know_is_unknown_and_a_defect_is_not_repeated(
    client: Lastseat, proxy: Proxy, trouble: Trouble, times: int
) -> None:
    proxy.trouble(*[trouble] * times)
    with pytest.raises(OutcomeUnknown):
        client.hold("demo", fresh())
    assert len(proxy.seen) == times


def test_a_refusal_that_is_not_kept_under_the_key_says_nothing_about_a_lost_answer(client: Lastseat, proxy: Proxy) -> None:
    proxy.trouble(Trouble(lose=True), Trouble(status=401, code="token_expired"))
    with pytest.raises(OutcomeUnknown):
        client.hold("demo", fresh())


def test_a_command_without_a_key_is_not_sent_again_a_read_is(client: Lastseat, proxy: Proxy) -> None:
    proxy.trouble(Trouble(lose=True))
    with pytest.raises(OutcomeUnknown) as failed:
        client.client.get_httpx_client().post("/v1/webhooks/stripe")
    assert failed.value.idempotency_key is None and len(proxy.seen) == 1
    # It may be sent again where the server says that nothing was done.
    proxy.trouble(Trouble(status=503, code="busy"), Trouble(drop=True))
    with pytest.raises(OutcomeUnknown):
        client.client.get_httpx_client().post("/v1/webhooks/stripe")
    assert len(proxy.seen) == 2
    proxy.trouble(Trouble(lose=True), Trouble(status=502), Trouble(drop=True))
    assert len(answered(list_shows.sync(client=client.client)).data) == 1


def test_a_payment_that_the_gateway_has_not_answered_is_asked_for_again_until_it_is_decided(client: Lastseat) -> None:
    booking = client.hold("demo", fresh())
    assert client.pay(booking, PayBody(payment_method="pm_lastseat_answerLost")).status == "confirmed"


def test_a_payment_that_stays_undecided_is_an_unknown_outcome(server: str) -> None:
    with Lastseat(server, retry=Retry(patience=1.0)) as hasty:
        booking = hasty.hold("demo", fresh())
        with pytest.raises(OutcomeUnknown):
            hasty.pay(booking, PayBody(payment_method="pm_lastseat_unavailable"))


def test_an_attempt_that_takes_too_long_is_given_up_and_the_next_one_gets_its_answer(proxy: Proxy) -> None:
    with Lastseat(proxy.url, retry=QUICK, timeout=2.0) as hasty:
        proxy.trouble(Trouble(stall_after=10))
        assert hasty.hold("demo", fresh()).status == "held"
        assert len(proxy.seen) == 2


def test_a_refusal_of_a_newer_server_has_its_code(client: Lastseat, proxy: Proxy) -> None:
    proxy.trouble(Trouble(status=409, code="of_next_year"))
    with pytest.raises(Rejection) as refused:
        client.hold("demo", fresh())
    assert refused.value.code == "of_next_year" and refused.value.problem is None


def test_nobody_at_the_address_is_a_fault() -> None:
    with Lastseat("http://127.0.0.1:9", retry=Retry(attempts=2, backoff=0.001)) as nobody, pytest.raises(Fault):
        nobody.hold("demo", ["A-1"])


def test_the_async_client_does_the_same(proxy: Proxy) -> None:
    async def sale() -> None:
        async with lastseat.AsyncLastseat(proxy.url, retry=QUICK) as client:
            seats = answered(await get_seats.asyncio("demo", client=client.client))
            proxy.trouble(Trouble(lose=True), Trouble(status=503, code="busy", retry_after=0))
            body = fresh()
            booking = await client.hold("demo", body)
            assert len({seen.key for seen in proxy.seen}) == 1 and len(proxy.seen) == 3
            with pytest.raises(Rejection):
                await client.hold("demo", body)
            assert (await client.pay(booking, VISA)).status == "confirmed"
            proxy.trouble(Trouble(cut_after=300))
            async for change in client.seat_changes("demo", start=seats.position):
                if change.name == "seat_booked":
                    break
            assert len(proxy.seen) == 2

    asyncio.run(sale())


def test_the_package_has_the_version_of_its_server(server: str) -> None:
    assert lastseat.__version__ == httpx.get(f"{server}/openapi.json").json()["info"]["version"]
