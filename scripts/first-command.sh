#!/usr/bin/env bash
# Does what a newcomer does: starts the program without arguments in an empty folder, opens what
# its banner names, holds and pays for a seat, lets 500 buyers loose on another, and verifies.
set -euo pipefail
program="$(realpath "$1")"
folder="$(mktemp -d)"
cd "$folder"
"$program" >banner.txt 2>server.log &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

url=http://127.0.0.1:8080
for _ in $(seq 50); do curl -fsS "$url/health/ready" >/dev/null 2>&1 && break; sleep 0.1; done
curl -fsS "$url/health/ready" >/dev/null || { echo "the server is not ready after five seconds:"; cat server.log; exit 1; }
cat banner.txt server.log | grep -q curl || { echo "the banner shows no curl to copy"; exit 1; }

held="$(curl -fsS "$url/v1/shows/demo/bookings" -H 'Content-Type: application/json' -d '{"seats":["A-1"]}')"
field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
booking="$(printf '%s' "$held" | field id)"
token="$(printf '%s' "$held" | field token)"
paid="$(curl -fsS "$url/v1/bookings/$booking/payment" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"payment_method":"pm_card_visa"}')"
[ "$(printf '%s' "$paid" | field status)" = confirmed ] || { echo "not confirmed: $paid"; exit 1; }

"$program" load
"$program" verify
kill -TERM "$server"
wait "$server"
trap 'rm -rf "$folder"' EXIT
"$program" verify --data lastseat-data
echo "first-command: served, sold, loaded, verified, drained"
