#!/usr/bin/env python3
"""The load cases of benches/k6/cases.json, run by `lastseat load` against a server of their own.

    scripts/load-cases.py PROGRAM [--short] [--only CASE] [--json]

Each case has a show of its own. What has to come out is exact: so many winners, all others refused by the rules, nothing broken, no seat sold
twice, the log proved. `--short` has a tenth of the users and looks at no times: they say something on a quiet machine only. Exit status 1: a
case did not come out as it has to.
"""
import argparse, json, os, select, signal, socket, subprocess, sys, tempfile, threading, time, urllib.request
from pathlib import Path

CASES = json.loads((Path(__file__).resolve().parent.parent / "benches/k6/cases.json").read_text())
SHORT = 10


def judge(case, reports):
    """What is wrong with the reports of a case's races. Pure: the test of this file gives it an oversell."""
    wrong = []
    for users, winners, report in reports:
        answered = report["won"] + report["taken"] + report["sold_out"]
        if report["errors"] or report["refused"] or answered != users:
            wrong.append(f"of {users} users {answered} were answered by the rules, {report['refused']} refused otherwise, {report['errors']} got an error")
        if winners is not None and report["won"] != winners:
            wrong.append(f"{report['won']} won instead of {winners}")
        if report["verdict"]["violations"] or report["verdict"]["unverified"]:
            wrong.append("; ".join(report["verdict"]["violations"] + report["verdict"]["unverified"]))
        most = case.get("hold_p99_ms")
        if most and report["hold_latency"] and report["hold_latency"]["p99_ms"] > most:
            wrong.append(f"p99 of a hold is {report['hold_latency']['p99_ms']:.0f} ms, more than {most}")
    return wrong


def self_test():
    """The twin: a judge that lets an oversell pass is of no use."""
    good = {"won": 1, "taken": 499, "sold_out": 0, "refused": 0, "errors": 0, "hold_latency": {"p99_ms": 10}, "verdict": {"violations": [], "unverified": []}}
    assert judge({}, [(500, 1, good)]) == []
    for bad in [{"won": 2, "taken": 498}, {"taken": 498, "errors": 1}, {"verdict": {"violations": ["seat A-1 was given to 2 buyers"], "unverified": []}}]:
        assert judge({}, [(500, 1, {**good, **bad})]), bad
    assert judge({"hold_p99_ms": 5}, [(500, 1, good)])


class Server:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.data = tempfile.mkdtemp()
        self.process = subprocess.Popen([self.program, "serve", "--listen", "127.0.0.1:0", "--data", self.data], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = next(line.split()[-1].rstrip("/") for line in self.process.stdout if "Seat map" in line)
        threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True).start()
        out = subprocess.run([self.program, "token", "--sub", "load", "--role", "admin", "--data", self.data], check=True, capture_output=True, text=True)
        self.token = out.stdout.strip()

    def schedule(self, show, case, share):
        rows = [{"row": chr(65 + row), "seats": 20} for row in range(max(1, case.get("rows", 1) // share))]
        area = {"area": "floor", "category": "all", "capacity": max(1, case["area"] // share)} if case["area"] else {"area": "seats", "category": "all", "rows": rows}
        body = {"id": show, "title": show, "currency": "EUR", "max_seats_per_booking": 10, "categories": [{"category": "all", "price": 1000}], "areas": [area]}
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/shows", json.dumps(body).encode(), headers), timeout=30).read()

    def race(self, show, case, users):
        goal = ["--seat", case["seat"]] if case.get("seat") else ["--area", "floor", "--quantity", str(case["quantity"])] if case["area"] else ["--spread"]
        command = [self.program, "load", "--url", self.url, "--data", self.data, "--show", show, "--buyers", str(users), "--no-pay", "--json", *goal]
        return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=600).stdout)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


class Readers:
    """Open seat streams. Each has to get every hold, once and in order."""

    def __init__(self, url, show, count):
        host, port = url.removeprefix("http://").split(":")
        self.sockets = []
        for _ in range(count):
            reader = socket.create_connection((host, int(port)), timeout=30)
            reader.sendall(f"GET /v1/shows/{show}/seats/stream HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n\r\n".encode())
            self.sockets.append(reader)
        self.texts = {reader: b"" for reader in self.sockets}
        self.done = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        poll = select.epoll()
        by_number = {}
        for reader in self.sockets:
            reader.setblocking(False)
            poll.register(reader, select.EPOLLIN)
            by_number[reader.fileno()] = reader
        while not self.done:
            for number, _ in poll.poll(0.2):
                try:
                    self.texts[by_number[number]] += by_number[number].recv(1 << 16)
                except BlockingIOError:
                    pass

    def finish(self, changes):
        """What is wrong with what they got."""
        until = time.monotonic() + 60
        held = lambda text: text.count(b"event: seat_locked") + text.count(b"event:seat_locked")
        while time.monotonic() < until and any(held(text) < changes for text in self.texts.values()):
            time.sleep(0.1)
        self.done = True
        self.thread.join()
        short = sum(held(text) != changes for text in self.texts.values())
        ids = lambda text: [int(line.split(b":")[1]) for line in text.split(b"\n") if line.startswith(b"id:")]
        disordered = sum(sorted(set(ids(text))) != ids(text) for text in self.texts.values())
        for reader in self.sockets:
            reader.close()
        return [f"{short} readers did not get {changes} changes"] * bool(short) + [f"{disordered} readers got changes twice or out of order"] * bool(disordered)


def run_case(server, name, case, share):
    show = f"case-{name}"
    server.schedule(show, case, share)
    winners = case.get("won")
    if winners is not None and winners > 1:
        winners //= share
    if name == "steps":
        reports = [(users // share, users // share, server.race(show, case, users // share)) for users in case["steps"]]
        # The last steps find the house full: then so many win as there are places left.
        left = max(1, case["area"] // share)
        reports = [(users, min(users, left - sum(other for other, _, _ in reports[:index])), report) for index, (users, _, report) in enumerate(reports)]
        return reports, judge(case, reports)
    users = max(2, case["users"] // share)
    readers = Readers(server.url, show, max(2, case["readers"] // share)) if "readers" in case else None
    reports = [(users, winners, server.race(show, case, users))]
    # Of those who ask for a random free seat, some ask for the same: the losers are refused by the rules.
    if case.get("rows"):
        reports = [(users, None, reports[0][2])]
    wrong = judge(case, reports)
    if readers:
        wrong += readers.finish(reports[0][2]["won"])
    return reports, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    self_test()
    server = Server(args.program)
    failed, results = 0, []
    try:
        for name, case in CASES.items():
            if args.only not in (None, name):
                continue
            if args.short:
                case = {key: value for key, value in case.items() if not key.endswith("_ms")}
            print(f"{name}: {case['what']} …", file=sys.stderr, flush=True)
            reports, wrong = run_case(server, name, case, SHORT if args.short else 1)
            failed += bool(wrong)
            for users, _, report in reports:
                latency = report["hold_latency"] or {}
                results.append({"case": name, "users": users, "won": report["won"], "lost": report["taken"] + report["sold_out"], "errors": report["errors"] + report["refused"],
                                "seconds": round(report["seconds"], 2), "p50_ms": latency.get("p50_ms"), "p99_ms": latency.get("p99_ms"), "wrong": wrong})
                if not args.json:
                    verdict = "as it has to be" if not wrong else "WRONG: " + "; ".join(wrong)
                    print(f"  {name:<10}{users:>7} users {report['won']:>6} won {report['taken'] + report['sold_out']:>6} lost  p50 {latency.get('p50_ms', 0):>6.0f} ms  p99 {latency.get('p99_ms', 0):>6.0f} ms   {verdict}", flush=True)
    finally:
        code = server.stop()
    if args.json:
        print(json.dumps(results, indent=1))
    if code != 0:
        sys.exit(f"the server ended with {code}")
    verified = subprocess.run([server.program, "verify", "--data", server.data], capture_output=True, text=True)
    if verified.returncode != 0:
        sys.exit(verified.stdout + verified.stderr)
    if not args.json:
        print("  verify: no violation")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
