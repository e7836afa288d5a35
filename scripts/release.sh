#!/usr/bin/env bash
# Makes what is published, into dist/: the program, statically linked for x86-64 Linux, as an archive with manual pages, completions, unit and
# licences; the folder that the image is built from; the clients' packages and the description that they are made from; a list of all parts (SBOM,
# CycloneDX); checksums.
#
# Needs Rust and a C compiler, python3 with venv and node with npm for the packages, and `cargo install --locked cargo-cyclonedx` for the list.
set -euo pipefail
cd "$(dirname "$0")/.."
triple=x86_64-unknown-linux-gnu
target="${CARGO_TARGET_DIR:-$PWD/target}"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)"
name="lastseat-$version-$triple"

command -v jq >/dev/null || { echo "release: jq is missing (Debian: jq)" >&2; exit 2; }
command -v cargo-cyclonedx >/dev/null || { echo "release: cargo-cyclonedx is missing: cargo install --locked cargo-cyclonedx" >&2; exit 2; }

# Where it was built is nobody's business: sources are named by their crate, and the list of parts below names no folder either.
cargo_home="${CARGO_HOME:-$HOME/.cargo}"
sysroot="$(rustc --print sysroot)"
flags=(
  -C target-feature=+crt-static
  # Equal functions once, and relocations packed: both only make the program smaller.
  -C link-arg=-Wl,--icf=all -C link-arg=-Wl,--pack-dyn-relocs=relr
  # The last that fits counts.
  --remap-path-prefix="$PWD=." --remap-path-prefix="$target=target"
  --remap-path-prefix="$sysroot=rust" --remap-path-prefix="$cargo_home=cargo"
)
# Encoded, because a path may have spaces.
CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f'; echo "${flags[*]}")"
export CARGO_ENCODED_RUSTFLAGS
# Named, so that the flags are not those of build scripts.
cargo build --locked --profile dist --target "$triple" --package lastseat
program="$target/$triple/dist/lastseat"
if ldd "$program" 2>&1 | grep -q '=>'; then
  echo "release: the program is linked with libraries of this machine" >&2
  exit 1
fi
# The checkout, what is generated, the standard library, other crates. Below the folder, because its own name may be a common one.
folders=("$PWD/"{adapters,api,audit,domain,engine,projections,web}/ "$target/$triple/" "$sysroot/lib/" "$cargo_home/registry/")
if places="$(printf '%s\n' "${folders[@]}" | grep --text --only-matching --fixed-strings --file=- "$program" | sort | uniq -c)"; then
  printf 'release: the program names folders of this machine:\n%s\n' "$places" >&2
  exit 1
fi

rm -rf dist
mkdir -p "dist/$name/completions" dist/image/data dist/image/keys dist/image/tmp
install -m 755 "$program" "dist/$name/lastseat"
"$program" man "dist/$name/man1"
for shell in bash zsh fish; do "$program" completions "$shell" >"dist/$name/completions/lastseat.$shell"; done
cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT deploy/systemd/lastseat.service "dist/$name/"
tar --create --gzip --file "dist/$name.tar.gz" --directory dist --sort=name --owner=0 --group=0 --numeric-owner \
  --mtime="@$(git log -1 --format=%ct)" "$name"

# The image is the program, the machine's authorities for TLS, and a user.
cp "$program" dist/image/lastseat
cp /etc/ssl/certs/ca-certificates.crt dist/image/
echo 'lastseat:x:10001:10001:lastseat:/data:/sbin/nologin' >dist/image/passwd
chmod 700 dist/image/data dist/image/keys
chmod 1777 dist/image/tmp
touch dist/image/data/.keep dist/image/keys/.keep dist/image/tmp/.keep

"$program" openapi >dist/openapi.json
sdk/build dist/openapi.json dist

cargo cyclonedx --manifest-path api/Cargo.toml --format json --target "$triple" --override-filename lastseat-sbom
# What only tests use is no part of the program.
cargo tree --locked --package lastseat --target "$triple" --edges no-dev --prefix none --format '{p}' | cut -d' ' -f1 | sort -u >dist/parts
jq --rawfile parts dist/parts --arg here "$PWD" '
  ($parts | split("\n")) as $names
  | .components |= map(select(.name as $name | $names | index($name)))
  | ([.components[]."bom-ref"] + [.metadata.component."bom-ref"]) as $refs
  | .dependencies |= map(select(.ref as $ref | $refs | index($ref)) | if .dependsOn then .dependsOn |= map(select(. as $ref | $refs | index($ref))) else . end)
  | walk(if type == "string" then split($here) | join(".") else . end)' api/lastseat-sbom.json >"dist/$name.cdx.json"
rm -f dist/parts ./*/lastseat-sbom.json ./*/*/lastseat-sbom.json

(cd dist && sha256sum "$name.tar.gz" "$name.cdx.json" openapi.json lastseat-*.tgz lastseat-*.whl >SHA256SUMS)
rm -rf "dist/$name"
compressed="$(gzip --stdout dist/image/lastseat | wc -c)"
echo "dist/$name.tar.gz, $(stat --format=%s "$program") bytes of program; the image is about $((compressed / 1000000)) MB compressed"
