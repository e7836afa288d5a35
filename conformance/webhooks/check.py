"""Takes the messages of `lastseat serve`, and checks each with the reference library for Python.

    check.py PROGRAM
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD1t6vNLZB+kw="]
messages = queue.Queue()


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        messages.put((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def send(url, path, body, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def serve(program, folder, endpoint):
    """While one secret replaces another, both sign."""
    settings = {
        "LASTSEAT_WEBHOOK_ENDPOINTS": f"shop={endpoint}",
        "LASTSEAT_WEBHOOK_ENDPOINT_SECRETS": ",".join(f"shop={secret}" for secret in SECRETS),
        "LASTSEAT_LOG_LEVEL": "warn",
    }
    arguments = [program, "serve", "--listen", "127.0.0.1:0", "--data", folder]
    server = subprocess.Popen(arguments, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if "Seat map" in line:
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return server, line.split()[-1].rstrip("/")
    raise SystemExit("webhooks, Python: the server said no address")


def main():
    endpoint = HTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        server, url = serve(sys.argv[1], folder, f"http://127.0.0.1:{endpoint.server_port}/hooks")
        try:
            held = send(url, "/v1/shows/demo/bookings", {"seats": ["A-1"], "reference": "order-1 „ä“"})
            send(url, f"/v1/bookings/{held['id']}/payment", {"payment_method": "pm_card_visa"}, held["token"])
            kinds = []
            while "booking.confirmed" not in kinds:
                headers, body = messages.get(timeout=30)
                for secret in SECRETS:
                    kinds.append(Webhook(secret).verify(body, headers)["type"])
            try:
                Webhook(SECRETS[0]).verify(body.replace(b"confirmed", b"cancelled"), headers)
                raise SystemExit("webhooks, Python: a changed message passes")
            except WebhookVerificationError:
                pass
            data = json.loads(body)["data"]
            assert (data["booking"], data["reference"]) == (held["id"], "order-1 „ä“"), data
        finally:
            server.terminate()
            server.wait()
    print(f"webhooks, Python: {', '.join(dict.fromkeys(kinds))}")


main()
