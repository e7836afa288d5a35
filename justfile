# CI calls these; so can you. `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes.
default:
    @just --list

# Everything that CI checks, in its order.
ci: fmt-check deploy-check lint test foreign-programs conformance-web load-cases-short (first-command "debug") (house-sale "debug") (api-examples "debug")

# Is the code formatted?
fmt-check:
    cargo fmt --all --check
    cargo fmt --check --manifest-path conformance/stripe/rust/Cargo.toml

# Lints of all code, tests included; a warning is an error.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# What is in deploy/, checked by the programs that will read it: promtool, Caddy, systemd.
deploy-check:
    scripts/deploy-check.sh

# The Helm chart, linted and rendered. Needs helm, which takes minutes to build: CI leaves it out.
helm-check:
    scripts/helm-check.sh

# The README's test command.
test:
    cargo test

# All that begin with `conformance` and `openapi-lint`, the longest first; but the pages, whose browsers need the cores, by themselves.
[private]
foreign-programs: (program "debug")
    scripts/side-by-side.sh conformance-sdk conformance-clients conformance conformance-stripe conformance-oidc conformance-webhooks openapi-lint

# The OpenAPI document, checked by somebody else's linter (Redocly).
openapi-lint:
    conformance/openapi/lint

# Tests the EventStoreDB-protocol server with the official clients for Python and Node; or a server of your
# choice: `just conformance esdb://admin:changeit@host:2113`.
conformance *server:
    conformance/run {{server}}

# A whole payment against `lastseat sandbox` with Stripe's own SDKs for Python and Node, and async-stripe's client.
conformance-stripe:
    conformance/stripe/run

# Callers who sign in at a real OpenID provider, npm's oidc-provider.
conformance-oidc:
    conformance/oidc/run

# What a shop's endpoint receives, checked with the reference libraries of Standard Webhooks for Python and Node.
conformance-webhooks:
    conformance/webhooks/run

# Clients generated from the OpenAPI document, type-checked, and a sale over each.
conformance-clients:
    conformance/clients/run

# The packages for TypeScript and Python: built, installed into empty projects, and run against a server that is cut off.
conformance-sdk:
    conformance/sdk/run

# The pages: types of their scripts, rules that run in the browser, both languages, and axe-core over each page.
conformance-web:
    conformance/web/run

# One seat and 500 users, 10,000 users and 1,000 phones, …: exact counts, times, `verify`. See benches/k6.
load-cases *args: (program "release")
    scripts/load-cases.py "${CARGO_TARGET_DIR:-target}/release/lastseat" {{args}}

# The same with a tenth of the users, and without a look at times.
load-cases-short: (program "debug")
    scripts/load-cases.py "${CARGO_TARGET_DIR:-target}/debug/lastseat" --short

# Licences, sources and bans of all dependencies. Needs `cargo install --locked cargo-deny`.
deny:
    cargo deny check licenses bans sources

# What is published, into dist/. Takes ten minutes.
release:
    scripts/release.sh

# The packages for TypeScript and Python of this version, into dist/.
sdk profile="release": (program profile)
    "${CARGO_TARGET_DIR:-target}/{{profile}}/lastseat" openapi >"${CARGO_TARGET_DIR:-target}/openapi.json"
    sdk/build "${CARGO_TARGET_DIR:-target}/openapi.json" dist

# The debug program as the tests have built it: `cargo build` would build what it depends on a second time, with the
# features that only tests leave on.
[private]
program profile:
    {{ if profile == "debug" { "cargo test --no-run --test cli" } else { "cargo build --profile " + profile } }}

# The README's first command on an empty folder: does it serve, sell and verify? CI takes the build of the tests, which
# saves it ten minutes.
first-command profile="release": (program profile)
    scripts/first-command.sh "${CARGO_TARGET_DIR:-target}/{{profile}}/lastseat"

# Sells a house of 1,000 seats from the command line, and balances its books to the cent.
house-sale profile="release": (program profile)
    scripts/house-sale.py "${CARGO_TARGET_DIR:-target}/{{profile}}/lastseat"

# Runs every command of docs/API.md as it is printed.
api-examples profile="release": (program profile)
    scripts/api-examples.py "${CARGO_TARGET_DIR:-target}/{{profile}}/lastseat"

# Writes the table of settings in docs/OPERATIONS.md from their declaration.
settings-table:
    LASTSEAT_WRITE_DOCS=1 cargo test -p lastseat --lib the_operators_table

# Measures who may do what and writes the table in docs/SECURITY.md.
access-matrix:
    LASTSEAT_WRITE_DOCS=1 cargo test --test access_matrix every_operation

# The log on a disk that is full: LOG_SMALL_DISK names the mount point of one of a few megabytes.
full-disk:
    cargo test --test event_log_faults -- --ignored full_disk

# kill -9 under load, as often as you like: `just kill-9 1000`.
kill-9 cycles="50":
    LASTSEAT_KILL_CYCLES={{cycles}} cargo test --release -p lastseat --test kill_9 -- --nocapture

# kill -9 of nodes, and of the log that they share: `just cluster-kill-9 100`.
cluster-kill-9 cycles="30":
    LASTSEAT_CLUSTER_KILL_CYCLES={{cycles}} cargo test --release -p lastseat --test cluster -- --nocapture --test-threads 1 kills

# The random simulation, with as many seeds as you like.
simulate seeds="10000":
    LASTSEAT_SIMULATION_SEEDS={{seeds}} cargo test --release -p lastseat-engine --test simulation -- --nocapture

# Random edits of a log and of an export: `verify` finds each, or it is of a class that no log shows.
random-edits edits="1000":
    LASTSEAT_EDITS={{edits}} cargo test --test random_edits -- --nocapture

# Figures, as ratios within one run. Takes some minutes; close what else runs.
bench:
    cargo run --profile dist -p lastseat-benches
