#!/usr/bin/env python3
"""Makes what the upgrade test opens: a data directory that a released program has written, and what that program answered about it.

    scripts/old-data.py PROGRAM NAME      writes api/tests/kill_9/upgrade/NAME.tar.gz

Run it once for each release, with the program that is published, and commit the file. The test opens all of them with the program of today.
"""
import json, os, signal, subprocess, sys, tarfile, tempfile, time, urllib.error, urllib.request
from pathlib import Path

program, name = os.path.abspath(sys.argv[1]), sys.argv[2]
out = Path(__file__).resolve().parent.parent / "api/tests/kill_9/upgrade" / f"{name}.tar.gz"
work = Path(tempfile.mkdtemp())
data = work / "data"


def token(role):
    return subprocess.run([program, "token", "--sub", role, "--role", role, "--data", data], check=True, capture_output=True, text=True).stdout.strip()


server = subprocess.Popen([program, "serve", "--listen", "127.0.0.1:0", "--data", data], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
url = next(line.split()[-1].rstrip("/") for line in server.stdout if "Seat map" in line)
roles = {role: token(role) for role in ["manager", "staff", "admin", "buyer"]}


def ask(method, path, body=None, role=None, bearer=None, accept="application/json"):
    headers = {"accept": accept, "content-type": "application/json"}
    if role or bearer:
        headers["authorization"] = f"Bearer {bearer or roles[role]}"
    request = urllib.request.Request(url + path, method=method, headers=headers, data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}")
    return json.loads(text) if text else None


ask("POST", "/v1/shows", role="manager", body={
    "id": "gala", "title": "Gala", "currency": "EUR", "max_seats_per_buyer": 20,
    "categories": [{"category": "front", "price": 5000}, {"category": "standing", "price": 2000}],
    "areas": [
        {"area": "stalls", "category": "front", "rows": [{"row": "A", "seats": 10}, {"row": "B", "seats": 10}]},
        {"area": "floor", "category": "standing", "capacity": 50},
    ],
})


def hold(body, **who):
    return ask("POST", "/v1/shows/gala/bookings", body, **(who or {"role": "buyer"}))


def pay(booking, body=None, **who):
    return ask("POST", f"/v1/bookings/{booking['id']}/payment", body or {"payment_method": "pm_card_visa"}, **(who or {"role": "buyer"}))


def command(booking, verb, body=None, role="manager"):
    return ask("POST", f"/v1/bookings/{booking['id']}/{verb}", body, role=role)


three = hold({"seats": ["A-1", "A-2", "A-3"]})
pay(three)
part = hold({"seats": ["A-4", "A-5"]})
pay(part)
command(part, "refund", {"seats": ["A-5"]})
gone = hold({"seats": ["A-6"]})
pay(gone)
command(gone, "refund")
given_back = hold({"seats": ["A-7"]})
ask("DELETE", f"/v1/bookings/{given_back['id']}", role="buyer")
moved = hold({"seats": ["B-1"]})
pay(moved)
command(moved, "exchange", {"leaves": ["B-1"], "takes": ["B-2"]})
command(moved, "transfer", {"buyer": "somebody-else"})
till = hold({"seats": ["B-3"], "channel": "till"}, role="staff")
pay(till, {"payment": "cash"}, role="staff")
code = ask("POST", "/v1/vouchers", {"discount": {"percent": 50}}, role="manager")["vouchers"][0]["voucher"]
half = hold({"seats": ["B-5"]})
ask("POST", f"/v1/bookings/{half['id']}/voucher", {"voucher": code}, role="buyer")
pay(half)
waiting = hold({"area": "floor", "quantity": 2})
pay(hold({"area": "floor", "quantity": 4}))
ticket = ask("GET", f"/v1/bookings/{three['id']}/tickets", role="staff")["tickets"][0]["ticket"]
ask("POST", "/v1/checkins", {"ticket": ticket, "gate": "north"}, role="staff")
command(three, "tickets/A-2/reissue", role="staff")
ask("POST", "/v1/shows/demo/pause", role="manager")
ask("POST", "/v1/accounts", {"email": "ann@example.org", "password": "correct horse battery staple"})
time.sleep(2)

paths = [
    "/v1/shows/gala", "/v1/shows/gala/seats", "/v1/shows/gala/sales", "/v1/shows/gala/bookings?limit=100", "/v1/shows/gala/checkins",
    "/v1/shows/gala/tickets", f"/v1/bookings/{three['id']}/tickets", f"/v1/bookings/{moved['id']}",
]
answers = {path: ask("GET", path, role="admin") for path in paths}
answers["/v1/me/rewards"] = ask("GET", "/v1/me/rewards", role="buyer")
server.send_signal(signal.SIGTERM)
server.wait(timeout=30)
version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
(data / "answers.json").write_text(json.dumps({"version": version, "waiting": waiting["id"], "answers": answers}, indent=1))
out.parent.mkdir(parents=True, exist_ok=True)
with tarfile.open(out, "w:gz") as archive:
    archive.add(data, arcname="data")
print(out, out.stat().st_size, "bytes", file=sys.stderr)
