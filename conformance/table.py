"""Prints the results, one column for each client. Exit status 1 if a check fails."""

import json
import sys


def main(files):
    clients, rows, failures = [], {}, []
    for path in files:
        client = path.rsplit("/", 1)[-1].removesuffix(".jsonl")
        clients.append(client)
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                found = json.loads(line)
                rows.setdefault(found["check"], {})[client] = found["holds"]
                if found["holds"] is False:
                    failures.append(f"✗ {client}: {found['check']}\n    {found['why']}")
        if not any(client in row for row in rows.values()):
            failures.append(f"✗ {client}: it ran no checks")

    signs = {True: "✓", False: "✗", None: "·"}
    width = max(map(len, rows), default=0)
    print(" " * width, *(f"{client:>8}" for client in clients))
    for check, row in rows.items():
        # A dot: not run with this client or against this server.
        print(f"{check:<{width}}", *(f"{signs[row.get(client)]:>8}" for client in clients))
    print()
    for failure in failures:
        print(failure)
    hold = sum(value is True for row in rows.values() for value in row.values())
    print(f"{hold} checks pass, {len(failures)} fail")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
