#!/usr/bin/env bash
# Runs recipes of the justfile two at a time: most of them wait for processes and browsers of their own. What a recipe prints comes
# in one piece once it has ended, with its time. Fails if one fails, after all have run.
#
#   scripts/side-by-side.sh RECIPE…
set -euo pipefail
cd "$(dirname "$0")/.."

one() {
  local recipe="$1" output code=0
  output="$(mktemp)"
  SECONDS=0
  just "$recipe" >"$output" 2>&1 || code=$?
  # One at a time, so that no two are mixed.
  exec {turn}>"$turns"
  flock "$turn"
  echo "== $recipe: $([ "$code" = 0 ] && echo "well" || echo "FAILED with status $code"), after $SECONDS s"
  cat "$output"
  rm -f "$output"
  return "$code"
}

if [ "${1:-}" = --one ]; then
  one "$2"
else
  turns="$(mktemp)"
  export turns
  trap 'rm -f "$turns"' EXIT
  printf '%s\0' "$@" | xargs -0 -n 1 -P 2 "$0" --one
fi
