#!/usr/bin/env python3
"""Sells a real house from the command line, as an organiser would, and balances the books to the cent.

    scripts/house-sale.py target/debug/lastseat

An imported plan of 1,000 seats, three price types, fees, house seats, a campaign of 500 codes, the till, a transfer,
an exchange of seats, refunds of seats, amounts and bookings, and a cancelled date whose buyers get their money back. What each buyer
pays is computed here from this file's own price list, never taken from an answer: the sums of this file, of the sales
report, of the payment gateway and of the log have to agree.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLAN = ROOT / "docs/examples/house.pretix.json"
PRICES = {
    "category-1": {"adult": 9000, "senior": 7500, "child": 4500},
    "category-2": {"adult": 6000, "senior": 5000, "child": 3000},
    "category-3": {"adult": 2500, "senior": 2000, "child": 1250},
}
SEAT_FEE, BOOKING_FEE = 150, 99
TYPES = ["adult", "senior", "child"]
SHOW = "premiere"


def category(seat):
    """The category that the plan's drawing gives a seat such as `stalls-A-1`."""
    section, row, _ = seat.split("-")
    if section == "stalls":
        return "category-1" if row <= "F" else "category-2"
    return "category-2" if row <= "C" else "category-3"


def price(seat, price_type):
    return PRICES[category(seat)][price_type]


class House:
    """The server, and who speaks to it."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.url = "http://127.0.0.1:8097"
        self.server = None
        self.tokens = {}

    def start(self):
        log = open(self.folder / "server.log", "ab")
        listen = self.url.removeprefix("http://")
        self.server = subprocess.Popen(
            [self.program, "serve", "--demo", "false", "--listen", listen, "--rate-limit-guest-holds", "off", "--rate-limit-guest-cancels", "off"],
            cwd=self.folder, stdout=log, stderr=log)
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url + "/health/ready").close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server is not ready after 30 s:\n" + (self.folder / "server.log").read_text())

    def stop(self, how="terminate"):
        getattr(self.server, how)()
        self.server.wait()

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"lastseat {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def token(self, who, role):
        if who not in self.tokens:
            self.tokens[who] = self.run("token", "--sub", who, "--role", role).strip()
        return self.tokens[who]

    def call(self, path, body=None, token=None, method=None, expect=(200, 201, 202), key=None):
        """The answer's JSON, and its status. Anything that is not expected ends the sale."""
        data = None if body is None else json.dumps(body).encode()
        method = method or ("GET" if body is None else "POST")
        request = urllib.request.Request(self.url + path, data=data, method=method)
        for name, value in (("content-type", data and "application/json"), ("authorization", token and f"Bearer {token}"), ("idempotency-key", key)):
            if value:
                request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            status, text = refusal.code, refusal.read().decode()
        if status not in expect:
            raise SystemExit(f"{method} {path} {data}: expected {expect}, got {status}: {text}")
        return (json.loads(text) if text.startswith(("{", "[")) else text), status


class Books:
    """What this sale should have taken and returned, by how it was paid."""

    def __init__(self):
        self.taken = {}
        self.returned = 0
        self.given_away = 0

    def take(self, how, amount):
        self.taken[how] = self.taken.get(how, 0) + amount

    def total(self):
        return sum(self.taken.values())


def same(what, ours, theirs):
    if ours != theirs:
        raise SystemExit(f"{what}: this file has {ours}, lastseat has {theirs}")
    print(f"  ✓ {what}: {theirs}")


def step(text):
    print(text, flush=True)


def schedule(house, manager):
    step("The plan, and two dates")
    summary = json.loads(house.run("plan", "import", str(PLAN), "--plan", "house", "--url", house.url, "--json"))
    same("seats of the plan", 1000, summary["seats"])
    categories = [
        {"category": name, "price_types": [{"price_type": kind, "price": value} for kind, value in prices.items()]}
        for name, prices in PRICES.items()]
    house.call("/v1/shows", {
        "id": SHOW, "title": "La première", "venue": "Théâtre du Parc", "starts_at": "2031-05-01T19:30:00+02:00",
        "currency": "EUR", "plan": "house", "categories": categories,
        "fees": {"per_seat": SEAT_FEE, "per_booking": BOOKING_FEE}, "max_seats_per_booking": 10}, manager)
    copies, _ = house.call(f"/v1/shows/{SHOW}/copies", {"dates": [{"starts_at": "2031-05-02T19:30:00+02:00", "id": "second-night"}]}, manager)
    same("second date", "second-night", copies["data"][0]["id"])


class Sale:
    def __init__(self, house):
        self.house = house
        self.manager, self.staff = house.token("mary", "manager"), house.token("stan", "staff")
        self.books = {SHOW: Books(), "second-night": Books()}

    def hold(self, show, picks, body=None, token=None):
        """Holds seats with their price types; the price is this file's."""
        seats = [{"seat": seat, "price_type": kind} for seat, kind in picks]
        held, _ = self.house.call(f"/v1/shows/{show}/bookings", {"seats": seats, **(body or {})}, token)
        costs = sum(price(seat, kind) + SEAT_FEE for seat, kind in picks) + BOOKING_FEE
        if held["amount"]["value"] != costs:
            raise SystemExit(f"{picks}: costs {costs}, but is {held['amount']}")
        return held, costs

    def pay(self, held, amount, show):
        paid, _ = self.house.call(f"/v1/bookings/{held['id']}/payment", {"payment_method": "pm_card_visa"}, held["token"])
        if paid["status"] != "confirmed" or paid["amount"]["value"] != amount:
            raise SystemExit(f"not confirmed for {amount}: {paid}")
        self.books[show].take("gateway", amount)

    def buy(self, show, picks):
        held, costs = self.hold(show, picks)
        self.pay(held, costs, show)
        return held, costs


def row(section, letter, first, last):
    return [f"{section}-{letter}-{number}" for number in range(first, last + 1)]


def pairs(seats, rng):
    """Buyers of two seats each, with price types."""
    return [[(seat, rng.choice(TYPES)) for seat in seats[n:n + 2]] for n in range(0, len(seats), 2)]


def house_seats(sale):
    step("House seats for the sponsor and the till")
    call = sale.house.call
    call(f"/v1/shows/{SHOW}/blocks", {"seats": row("stalls", "A", 1, 10), "reason": "Sponsor", "channel": "sponsor", "access_code": "sesame-2031"}, sale.manager)
    call(f"/v1/shows/{SHOW}/blocks", {"seats": row("stalls", "A", 11, 20), "reason": "Till", "channel": "till"}, sale.manager)
    refused, _ = call(f"/v1/shows/{SHOW}/bookings", {"seats": ["stalls-A-1"]}, expect=(409,))
    same("a house seat in the open sale", "seat_unavailable", refused["code"])
    held, costs = sale.hold(SHOW, [("stalls-A-1", "adult"), ("stalls-A-2", "adult")], {"access_code": "sesame-2031"})
    sale.pay(held, costs, SHOW)


def campaign(sale, rng):
    step("A campaign of 500 codes, half the price")
    terms = {"discount": {"percent": 50}, "count": 500, "shows": [SHOW]}
    issued, _ = sale.house.call("/v1/vouchers", terms, sale.manager, key="spring-2031")
    deadline = time.time() + 60
    while issued["status"] != "issued" and time.time() < deadline:
        time.sleep(0.2)
        issued, _ = sale.house.call("/v1/vouchers", terms, sale.manager, key="spring-2031")
    codes = [voucher["voucher"] for voucher in issued["vouchers"]]
    again, _ = sale.house.call("/v1/vouchers", terms, sale.manager, key="spring-2031")
    same("codes, and the same ones for the same request", (500, True), (len(set(codes)), codes == [v["voucher"] for v in again["vouchers"]]))

    def with_code(pick, code):
        held, costs = sale.hold(SHOW, pick)
        discounted, _ = sale.house.call(f"/v1/bookings/{held['id']}/voucher", {"voucher": code}, held["token"])
        # Half of prices and fees, rounded down in the buyer's disfavour.
        left = costs - costs * 50 // 100
        if discounted["amount"]["value"] != left:
            raise SystemExit(f"{costs} at half the price: {left}, but is {discounted}")
        sale.pay(held, left, SHOW)

    picks = pairs(row("stalls", "G", 1, 30) + row("stalls", "H", 1, 30), rng)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(with_code, picks, codes))

    step("Twenty buyers with one code")
    rivals = [sale.hold(SHOW, [(seat, "adult")])[0] for seat in row("balcony", "A", 1, 20)]
    code = codes[-1]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda held: sale.house.call(
            f"/v1/bookings/{held['id']}/voucher", {"voucher": code}, held["token"], expect=(200, 409))[1], rivals))
    same("of them who have it", 1, answers.count(200))
    for held in rivals:
        sale.house.call(f"/v1/bookings/{held['id']}", None, held["token"], method="DELETE")


def open_sale(sale, rng):
    step("The open sale: 100 buyers at once")
    picks = pairs(row("stalls", "B", 1, 30) + row("stalls", "C", 1, 30) + row("balcony", "B", 1, 40) + row("balcony", "E", 1, 40)
                  + row("balcony", "F", 1, 40) + row("balcony", "G", 1, 20), rng)
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda pick: (pick, *sale.buy(SHOW, pick)), picks))


def till(sale):
    step("At the till")
    books = sale.books[SHOW]
    for seat, payment in (("stalls-A-11", "cash"), ("stalls-A-13", "invoice"), ("stalls-A-15", "complimentary")):
        held, costs = sale.hold(SHOW, [(seat, "adult")], {"channel": "till"}, sale.staff)
        sold, _ = sale.house.call(f"/v1/bookings/{held['id']}/payment", {"payment": payment}, sale.staff)
        if sold["status"] != "confirmed":
            raise SystemExit(f"not sold: {sold}")
        books.take(payment, 0 if payment == "complimentary" else costs)
        if payment == "complimentary":
            books.given_away += costs


def after_sales(sale, sold):
    step("A transfer, and refunds")
    call, books = sale.house.call, sale.books[SHOW]
    (_, moved, _), (_, given, whole), (seats_of, partly, _), (_, by_amount, _) = sold[:4]
    call(f"/v1/bookings/{moved['id']}/transfer", {"buyer": "anna"}, sale.staff)
    _, status = call(f"/v1/bookings/{moved['id']}", None, moved["token"], expect=(404,))
    same("the former owner's answer after a transfer", 404, status)

    call(f"/v1/bookings/{given['id']}/refund", None, sale.staff, method="POST")
    books.returned += whole
    seat, kind = seats_of[0]
    for _ in range(2):
        call(f"/v1/bookings/{partly['id']}/refund", {"seats": [seat]}, sale.staff, key="part-1")
    books.returned += price(seat, kind) + SEAT_FEE
    call(f"/v1/bookings/{by_amount['id']}/refund", {"amount": 700}, sale.staff, key="part-2")
    books.returned += 700
    free, _ = sale.buy(SHOW, [(seat, "child")])
    print(f"  ✓ the seat that came back is sold again: {free['id']}")


def exchange(sale, sold):
    step("An exchange of seats")
    call, (picks, booking, costs) = sale.house.call, sold[4]
    (old, _), (kept, _) = picks
    path, new = f"/v1/bookings/{booking['id']}/exchange", "balcony-H-1"
    for _ in range(2):
        moved, _ = call(path, {"leaves": [old], "takes": [{"seat": new, "price_type": "child"}]}, sale.staff, key="exchange-1")
    same("seats after it", sorted([kept, new]), sorted(seat["seat"] for seat in moved["seats"]))
    same("what was paid", costs, moved["amount"]["value"])
    dearer = {"leaves": [new], "takes": [{"seat": "stalls-D-1", "price_type": "adult"}]}
    refused, _ = call(path, dearer, sale.staff, expect=(409,))
    same("to a dearer seat", ("exchange_costs_more", PRICES["category-1"]["adult"] - PRICES["category-3"]["child"]),
         (refused["code"], refused["more"]["value"]))
    sale.buy(SHOW, [(old, "child")])
    print(f"  ✓ the seat that was given up is sold again: {old}")


def cancelled_date(sale, rng):
    step("The second night is cancelled, and the server is killed in the middle of its refunds")
    call, house, show = sale.house.call, sale.house, "second-night"
    picks = pairs(row("stalls", "D", 1, 30) + row("balcony", "H", 1, 40) + row("balcony", "I", 1, 40), rng)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda pick: sale.buy(show, pick), picks))
    call(f"/v1/shows/{show}/cancel", None, sale.manager, method="POST")
    call(f"/v1/shows/{show}/refunds", None, sale.manager, method="POST")
    house.stop("kill")
    house.start()
    deadline = time.time() + 120
    while True:
        job, _ = call(f"/v1/shows/{show}/refunds", None, sale.manager)
        print(f"  {json.dumps(job)}", flush=True)
        if job["complete"]:
            break
        if time.time() > deadline:
            raise SystemExit(f"the refunds are not complete: {job}")
        time.sleep(1)
    books = sale.books[show]
    books.returned += books.total()


def balance(sale):
    step("The books")
    house = sale.house
    taken = returned = 0
    for show, books in sale.books.items():
        for _ in range(50):
            report, _ = house.call(f"/v1/shows/{show}/sales", None, sale.staff)
            found = (report["captured"]["value"], report["refunded"]["value"])
            if found == (books.total(), books.returned):
                break
            time.sleep(0.2)
        same(f"{show}: taken and returned in the sales report", (books.total(), books.returned), found)
        by_payment = {line["payment"]: line["captured"] for line in report["by_payment"]}
        same(f"{show}: by payment", books.taken, by_payment)
        taken, returned = taken + books.taken.get("gateway", 0), returned + books.returned
    lines = house.run("payments", "reconcile", "--json").strip().splitlines()
    print(f"  ✓ the gateway has what the log has: {lines[-1]}")
    house.run("verify")
    house.stop()
    house.run("verify", "--data", "lastseat-data")
    print(f"  ✓ verify finds nothing, while it runs and afterwards\ntaken by card {taken / 100:.2f} EUR, returned {returned / 100:.2f} EUR")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    rng = random.Random(2031)
    with tempfile.TemporaryDirectory() as folder:
        house = House(os.path.realpath(sys.argv[1]), Path(folder))
        house.start()
        try:
            sale = Sale(house)
            schedule(house, sale.manager)
            house_seats(sale)
            campaign(sale, rng)
            sold = open_sale(sale, rng)
            till(sale)
            after_sales(sale, sold)
            exchange(sale, sold)
            cancelled_date(sale, rng)
            balance(sale)
        finally:
            if house.server.poll() is None:
                house.stop("kill")
    print("house-sale: sold, transferred, exchanged, refunded, cancelled, balanced to the cent")


if __name__ == "__main__":
    main()
