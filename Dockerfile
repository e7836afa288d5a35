# lastseat as an image: the program, and an unprivileged user to run it.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package lastseat && cp target/release/lastseat /lastseat

FROM debian:bookworm-slim
# Authorities for TLS to the event store; curl for health checks.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/*
# The directories are made here so that volumes mounted there belong to the user.
RUN useradd --system --uid 10001 --no-create-home lastseat && install -d -o lastseat -g lastseat -m 0700 /data /keys
COPY --from=build /lastseat /usr/local/bin/lastseat
USER lastseat
WORKDIR /data
ENV LASTSEAT_LISTEN=0.0.0.0:8080 LASTSEAT_DATA=/data
EXPOSE 8080
ENTRYPOINT ["lastseat"]
