#!/usr/bin/env bash
# Checks what is in deploy/ with the programs that will read it: Prometheus' rules and the dashboards' expressions with
# promtool, the Caddyfile with Caddy, the unit with systemd. A program that is missing is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

for needed in promtool:prometheus caddy:caddy systemd-analyze:systemd python3:python3; do
  command -v "${needed%:*}" >/dev/null || { echo "deploy-check: install the package ${needed#*:}" >&2; exit 1; }
done

promtool check config deploy/prometheus/prometheus.yml
promtool test rules deploy/prometheus/rules_test.yml

# Each expression of the dashboards becomes a rule, because promtool reads nothing else.
python3 - deploy/grafana/dashboards/*.json >"$work/dashboards.yml" <<'END'
import json, sys

rules, uids = [], set()
for file in sys.argv[1:]:
    dashboard = json.load(open(file))
    uids.add(dashboard["uid"])
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "5m")
            rules.append({"record": f"dashboard:{len(rules)}", "expr": expression})
assert len(uids) == len(sys.argv) - 1, "two dashboards have one uid"
json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, sys.stdout)
END
promtool check rules "$work/dashboards.yml"

caddy validate --adapter caddyfile --config deploy/caddy/Caddyfile >"$work/caddy.log" 2>&1 || { cat "$work/caddy.log"; exit 1; }
[ -z "$(caddy fmt --diff deploy/caddy/Caddyfile | grep '^[-+]' || true)" ] || { echo "run: caddy fmt --overwrite deploy/caddy/Caddyfile"; exit 1; }

# The program is not installed here: /bin/true takes its place.
sed 's|^ExecStart=/usr/local/bin/lastseat |ExecStart=/bin/true |' deploy/systemd/lastseat.service >"$work/lastseat.service"
# A name that it does not know is only a warning.
complaints="$(systemd-analyze verify --man=no "$work/lastseat.service" 2>&1 | grep -F lastseat.service || true)"
[ -z "$complaints" ] || { echo "$complaints"; exit 1; }
# 0 is safe, 10 is exposed; the threshold is in tenths.
systemd-analyze security --no-pager --offline=yes --threshold=20 "$work/lastseat.service" | tail -1
echo "deploy-check: rules, dashboards, Caddyfile and unit are valid"
