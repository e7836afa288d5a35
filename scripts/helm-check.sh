#!/usr/bin/env bash
# Lints the chart and renders it in both modes. Get helm with: go install helm.sh/helm/v3/cmd/helm@v3.22.0 (some
# minutes, which is why CI leaves this out).
set -euo pipefail
cd "$(dirname "$0")/.."
chart=deploy/helm/lastseat
cluster=(--values "$chart/ci/cluster-values.yaml")
# helm that is built like this knows no version of Kubernetes.
as=(--kube-version 1.31.0)
# The chart sells for money unless it is asked not to.
trial=(--set settings.payments=sandbox)

helm lint --strict "$chart" "${trial[@]}"
helm lint --strict "$chart" "${cluster[@]}"
helm template sale "$chart" "${as[@]}" "${trial[@]}" | grep -c '^kind:' | grep -qx 4
helm template sale "$chart" "${as[@]}" "${cluster[@]}" | grep -c '^kind:' | grep -qx 7

# With an ingress, in both modes: the pages are routed, and what is for operators is not.
for mode in "${cluster[*]}" "${trial[*]} --set ingress.enabled=true"; do
  # shellcheck disable=SC2086  # words, not one argument
  rendered="$(helm template sale "$chart" "${as[@]}" $mode)"
  for path in / /v1 /assets /account /wallet /entrance /office /embed.js; do
    grep -qxF "          - path: $path" <<<"$rendered" || { echo "no ingress path $path with: $mode" >&2; exit 1; }
  done
  ! grep -E '^ +- path: /(metrics|health)' <<<"$rendered" || { echo "for operators only, with: $mode" >&2; exit 1; }
done

# What must be refused.
refused() { ! helm template sale "$chart" "${as[@]}" "${trial[@]}" "$@" >/dev/null 2>&1 || { echo "rendered: $*" >&2; exit 1; }; }
refused --set settings.payments=stripe-live
refused --set settings.payments=stripe
refused --set mode=cluster
refused --set settings.public_uri=https://tickets.example.org
refused --set settings.redis=redis://redis
refused --set replicas=3
refused --set 'embedded.persistence.accessModes={ReadWriteMany}'
echo "helm-check: the chart renders in both modes and refuses what is wrong"
