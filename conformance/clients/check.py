"""Sells two seats over the client that openapi-python-client makes of the API's description.

    check.py PROGRAM
"""

import os
import subprocess
import sys
import tempfile
import threading
from uuid import uuid4

from lastseat_client import AuthenticatedClient, Client
from lastseat_client.api.bookings import hold_seats, pay_booking
from lastseat_client.api.sandbox import authenticate_payment
from lastseat_client.api.seats import get_seats
from lastseat_client.api.shows import list_shows
from lastseat_client.api.tickets import get_tickets
from lastseat_client.models.authentication import Authentication
from lastseat_client.models.booking import Booking
from lastseat_client.models.hold_seats import HoldSeats
from lastseat_client.models.pay_body import PayBody
from lastseat_client.models.payment_declined_problem import PaymentDeclinedProblem
from lastseat_client.models.redirect_to_url import RedirectToUrl
from lastseat_client.models.seat_unavailable_problem import SeatUnavailableProblem
from lastseat_client.models.seats import Seats
from lastseat_client.models.show_list import ShowList
from lastseat_client.models.tickets import Tickets


def sale(url: str) -> list[str]:
    steps: list[str] = []
    guest = Client(base_url=url)
    shows = list_shows.sync(client=guest, status="on_sale")
    assert isinstance(shows, ShowList), shows
    show = next(show for show in shows.data if show.id == "demo")
    seats = get_seats.sync(show.id, client=guest)
    assert isinstance(seats, Seats), seats
    free = [seat.seat for seat in seats.seats if seat.state == "available"][:2]

    # A hold needs no token; the client's type for operations that may have one asks for a client that does.
    nobody = AuthenticatedClient(base_url=url, token="", auth_header_name="X-None", prefix="")
    body = HoldSeats(seats=list(free), reference="order-1")
    held = hold_seats.sync(show.id, client=nobody, body=body, idempotency_key=str(uuid4()))
    assert isinstance(held, Booking) and isinstance(held.token, str), held
    assert held.status == "held"
    steps.append(f"held {' '.join(seat.seat for seat in held.seats)}")

    late = hold_seats.sync(show.id, client=nobody, body=body)
    assert isinstance(late, SeatUnavailableProblem), late
    steps.append(f"{late.seat} is {late.state}")

    own = AuthenticatedClient(base_url=url, token=held.token)
    declined = pay_booking.sync(held.id, client=own, body=PayBody(payment_method="pm_card_visa_chargeDeclined"))
    assert isinstance(declined, PaymentDeclinedProblem), declined
    steps.append(f"declined: {declined.decline_code}")

    asked = pay_booking.sync(held.id, client=own, body=PayBody(payment_method="pm_card_authenticationRequired"))
    assert isinstance(asked, Booking) and isinstance(asked.next_action, RedirectToUrl), asked
    intent = asked.next_action.url.rsplit("/", 1)[-1]
    authenticate_payment.sync(intent, client=guest, body=Authentication(outcome="succeeded"))
    paid = pay_booking.sync(held.id, client=own, body=PayBody())
    assert isinstance(paid, Booking) and paid.status == "confirmed", paid
    steps.append("confirmed at the bank")

    tickets = get_tickets.sync(held.id, client=own)
    assert isinstance(tickets, Tickets), tickets
    assert [ticket.seat for ticket in tickets.tickets] == free
    steps.append(f"{len(tickets.tickets)} tickets")
    return steps


def serve(program: str, folder: str) -> tuple[subprocess.Popen[str], str]:
    environment = {**os.environ, "LASTSEAT_LOG_LEVEL": "warn"}
    arguments = [program, "serve", "--listen", "127.0.0.1:0", "--data", folder]
    server = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if "Seat map" in line:
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return server, line.split()[-1].rstrip("/")
    raise SystemExit("clients, Python: the server said no address")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server, url = serve(sys.argv[1], folder)
        try:
            print(f"clients, Python: {', '.join(sale(url))}")
        finally:
            server.terminate()
            server.wait()


main()
