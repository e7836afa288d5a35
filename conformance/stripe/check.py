"""The whole flow of a payment against `lastseat sandbox`, with Stripe's own SDK for Python, unmodified.

    check.py PROGRAM

Starts the program, and ends it.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe

SECRET = "whsec_conformance"
received = []
# What came to the endpoint that the SDK has made.
at_endpoint = []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        (received if self.path == "/hook" else at_endpoint).append((body, self.headers["stripe-signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def refused(kind, code, call):
    try:
        call()
    except kind as error:
        assert error.code == code, (error.code, code)
        return error
    raise AssertionError(f"not refused: {kind.__name__} {code}")


def run(client):
    intents = client.v1.payment_intents
    new = {"amount": 1200, "currency": "eur", "capture_method": "manual", "payment_method_types": ["card"],
           "metadata": {"lastseat_show": "demo"}, "description": "one seat"}

    # Idempotency.
    first = intents.create(new, {"idempotency_key": "a"})
    again = intents.create(new, {"idempotency_key": "a"})
    assert first.id == again.id and again.last_response.headers["idempotent-replayed"] == "true"
    refused(stripe.IdempotencyError, None, lambda: intents.create({**new, "amount": 1300}, {"idempotency_key": "a"}))

    # A decline, then a success, then the capture.
    declined = refused(stripe.CardError, "card_declined",
                       lambda: intents.confirm(first.id, {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"}))
    assert declined.http_status == 402 and declined.error.decline_code == "insufficient_funds"
    assert declined.error.payment_intent.status == "requires_payment_method"
    assert intents.confirm(first.id, {"payment_method": "pm_card_visa"}).status == "requires_capture"
    charge = intents.retrieve(first.id, {"expand": ["latest_charge"]}).latest_charge
    assert charge.payment_method_details.card.capture_before > time.time() + 6 * 24 * 3600
    assert intents.capture(first.id).amount_received == 1200
    refused(stripe.InvalidRequestError, "payment_intent_unexpected_state", lambda: intents.capture(first.id))

    # Refunds.
    part = client.v1.refunds.create({"payment_intent": first.id, "amount": 200, "metadata": {"why": "x"}})
    assert part.amount == 200 and client.v1.refunds.retrieve(part.id).metadata["why"] == "x"
    assert client.v1.refunds.create({"charge": charge.id}).amount == 1000
    refused(stripe.InvalidRequestError, "charge_already_refunded", lambda: client.v1.refunds.create({"charge": charge.id}))
    assert client.v1.charges.retrieve(charge.id).refunded

    # A card by number, which has to authenticate.
    card = client.v1.payment_methods.create({"type": "card", "card": {"number": "4000002500003155", "exp_month": 12, "exp_year": 2034, "cvc": "123"}})
    three_ds = intents.create({**new, "payment_method": card.id, "confirm": True, "return_url": "http://127.0.0.1:9/shop"})
    assert three_ds.status == "requires_action"
    page = three_ds.next_action.redirect_to_url.url
    location = answer_page(page)
    assert "redirect_status=succeeded" in location and first.id not in location, location
    assert intents.retrieve(three_ds.id).status == "requires_capture"
    assert intents.cancel(three_ds.id, {"cancellation_reason": "abandoned"}).status == "canceled"

    # Lists, page by page.
    made = {intents.create(new).id for _ in range(5)}
    listed = [intent.id for intent in intents.list({"limit": 2}).auto_paging_iter()]
    assert len(listed) == len(set(listed)) == 7 and made <= set(listed), listed
    assert client.v1.events.list({"type": "charge.refunded", "limit": 100}).data

    refused(stripe.InvalidRequestError, "amount_too_small", lambda: intents.create({**new, "amount": 10}))
    refused(stripe.InvalidRequestError, "resource_missing", lambda: intents.retrieve("pi_none"))
    assert client.v1.accounts.retrieve_current().object == "account" and client.v1.balance.retrieve().object == "balance"


def endpoints(client, port):
    """Sets an endpoint up as a shop does at Stripe, gets an event there, and takes it down."""
    made = client.v1.webhook_endpoints.create({"url": f"http://127.0.0.1:{port}/endpoint", "description": "shop",
                                               "enabled_events": ["payment_intent.created"]}, {"idempotency_key": "we"})
    assert made.secret.startswith("whsec_") and made.status == "enabled"
    assert [one.id for one in client.v1.webhook_endpoints.list().auto_paging_iter()] == [made.id]
    intent = client.v1.payment_intents.create({"amount": 1200, "currency": "eur"})
    for _ in range(100):
        if at_endpoint:
            break
        time.sleep(0.1)
    [(body, signature)] = at_endpoint
    event = stripe.Webhook.construct_event(body, signature, made.secret)
    assert (event.type, event.data.object.id) == ("payment_intent.created", intent.id)
    refused(stripe.SignatureVerificationError, None, lambda: stripe.Webhook.construct_event(body, signature, SECRET))
    assert client.v1.webhook_endpoints.update(made.id, {"disabled": True, "enabled_events": ["*"]}).status == "disabled"
    shown = client.v1.webhook_endpoints.retrieve(made.id)
    assert (shown.enabled_events, shown.description, "secret" in shown) == (["*"], "shop", False)
    assert client.v1.webhook_endpoints.delete(made.id).deleted
    refused(stripe.InvalidRequestError, "resource_missing", lambda: client.v1.webhook_endpoints.retrieve(made.id))


def answer_page(page):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    form = urllib.parse.urlencode({"result": "complete"}).encode()
    try:
        urllib.request.build_opener(Stay).open(page, form)
    except urllib.error.HTTPError as answer:
        assert answer.code == 303
        return answer.headers["location"]
    raise AssertionError("no redirect")


def webhooks():
    for _ in range(100):
        if any(b"payment_intent.canceled" in body for body, _ in received):
            break
        time.sleep(0.1)
    kinds = {stripe.Webhook.construct_event(body, signature, SECRET).type for body, signature in received}
    expected = {"payment_intent.created", "payment_intent.payment_failed", "payment_intent.amount_capturable_updated",
                "payment_intent.succeeded", "payment_intent.requires_action", "payment_intent.canceled", "charge.refunded"}
    assert expected <= kinds, expected - kinds
    body, signature = received[0]
    refused(stripe.SignatureVerificationError, None,
            lambda: stripe.Webhook.construct_event(body.replace(b"payment_intent", b"payment_intenT"), signature, SECRET))
    refused(stripe.SignatureVerificationError, None, lambda: stripe.Webhook.construct_event(body, signature, "whsec_other"))


def main():
    hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as data:
        arguments = ["--listen", "127.0.0.1:0", "--data", data, "--webhook-secret", SECRET,
                     "--webhook", f"http://127.0.0.1:{hook.server_port}/hook"]
        program = subprocess.Popen([sys.argv[1], "sandbox", *arguments], stdout=subprocess.PIPE, text=True)
        try:
            address = next(found[0] for line in program.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            client = stripe.StripeClient("sk_test_conformance", base_addresses={"api": address})
            run(client)
            webhooks()
            endpoints(client, hook.server_port)
            with_live_key = stripe.StripeClient("sk_live_x", base_addresses={"api": address})
            refused(stripe.AuthenticationError, None, with_live_key.v1.balance.retrieve)
        finally:
            program.terminate()
            program.wait(30)
    print(json.dumps({"sdk": f"stripe-python {stripe.VERSION}", "webhooks": len(received)}))


main()
