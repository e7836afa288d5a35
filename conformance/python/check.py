"""Checks a server of EventStoreDB's protocol with the Python client `kurrentdbclient`.

Prints one line of JSON for each check: its name, whether it holds, and why not. `run` calls it.
"""

import json
import os
import sys
import time
import uuid

from kurrentdbclient import Checkpoint, CaughtUp, KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import (
    BadRequestError,
    KurrentDBClientError,
    NotFoundError,
    UnauthenticatedError,
    WrongCurrentVersionError,
)

# Seconds after which a subscription fails.
PATIENCE = 30
RUN = uuid.uuid4().hex[:8]

CHECKS = []


def check(name):
    """Registers a check under its name, which is the same for every client."""

    def register(function):
        CHECKS.append((name, function))
        return function

    return register


class Skipped(Exception):
    """This check doesn't apply to this server."""


def stream(key):
    """A stream of this run."""
    return f"conf{RUN}{key}-1"


def event(n, type_="Happened"):
    """The n-th event; each has an id of its own."""
    body = json.dumps({"n": n}).encode()
    return NewEvent(type=type_, data=body, metadata=b'{"by":"python"}', id=uuid.uuid4())


def numbers(events):
    return [json.loads(event.data)["n"] for event in events]


def filled(client, key, count, type_="Happened"):
    """A stream of this run with events 0, 1, …; returns its name and the position of the last."""
    name = stream(key)
    events = [event(n, type_) for n in range(count)]
    position = client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=events)
    return name, position


def expect(got, expected):
    if got != expected:
        raise AssertionError(f"got {got!r}, not {expected!r}")


def refused(kind, call):
    """The error of a call that must fail with this type."""
    try:
        call()
    except kind as error:
        return error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}, not {kind}: {error}") from error
    raise AssertionError("it was not refused")


def taken(subscription, count):
    """The next events of a subscription."""
    events = []
    for got in subscription:
        if not isinstance(got, (Checkpoint, CaughtUp)):
            events.append(got)
        if len(events) == count:
            return events
    raise AssertionError("the subscription ended")


# Appending


@check("append to a new stream")
def _(client):
    first = client.append_to_stream(stream("new"), current_version=StreamState.NO_STREAM, events=event(0))
    again = client.append_to_stream(stream("new2"), current_version=StreamState.NO_STREAM, events=event(0))
    assert again > first, "positions grow"


@check("append at an exact revision")
def _(client):
    name, _ = filled(client, "exact", 2)
    client.append_to_stream(name, current_version=1, events=event(2))
    expect(numbers(client.get_stream(name)), [0, 1, 2])


@check("append several events in one batch")
def _(client):
    name, position = filled(client, "batch", 50)
    read = client.get_stream(name)
    expect(numbers(read), list(range(50)))
    expect(read[-1].commit_position, position)


@check("a conflict is typed and names the revisions")
def _(client):
    name, _ = filled(client, "conflict", 3)
    call = lambda: client.append_to_stream(name, current_version=1, events=event(9))
    error = refused(WrongCurrentVersionError, call)
    expect((error.expected_version, error.actual_version), (1, 2))


@check("a conflict of a batch is typed and names the revisions")
def _(client):
    name, _ = filled(client, "conflicts", 3)
    for asked in (1, StreamState.NO_STREAM):
        call = lambda: client.append_to_stream(name, current_version=asked, events=[event(9), event(10)])
        error = refused(WrongCurrentVersionError, call)
        expect((error.expected_version, error.actual_version), (asked, 2))
    expect(len(client.get_stream(name)), 3)


@check("a conflict with a stream that is missing says so")
def _(client):
    for events in (event(0), [event(0), event(1)]):
        call = lambda: client.append_to_stream(stream("absent"), current_version=4, events=events)
        error = refused(WrongCurrentVersionError, call)
        expect(error.actual_version, StreamState.NO_STREAM)


@check("the same append twice is written once")
def _(client):
    name, _ = filled(client, "twice", 1)
    for events in (event(1), [event(2), event(3)]):
        at = len(client.get_stream(name)) - 1
        first = client.append_to_stream(name, current_version=at, events=events)
        again = client.append_to_stream(name, current_version=at, events=events)
        expect(again, first)
    expect(numbers(client.get_stream(name)), [0, 1, 2, 3])


@check("an event type may begin with a dollar sign")
def _(client):
    name, _ = filled(client, "dollar", 2, "$Checkpoint")
    expect([got.type for got in client.get_stream(name)], ["$Checkpoint", "$Checkpoint"])


@check("absent metadata reads back as absent")
def _(client):
    bare = lambda n: NewEvent(type="Bare", data=b"{}", metadata=b"", id=uuid.uuid4())
    for key, events in (("bare", bare(0)), ("bares", [bare(0), bare(1)])):
        client.append_to_stream(stream(key), current_version=StreamState.NO_STREAM, events=events)
        expect({got.metadata for got in client.get_stream(stream(key))}, {b""})


# Reading


@check("an event is read as it was written")
def _(client):
    new = event(7, "Special")
    name = stream("same")
    position = client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=new)
    (read,) = client.get_stream(name)
    expect((read.id, read.type, read.data, read.metadata), (new.id, "Special", b'{"n": 7}', b'{"by":"python"}'))
    expect((read.stream_name, read.stream_position, read.commit_position), (name, 0, position))
    expect(read.content_type, "application/json")
    assert abs(read.recorded_at.timestamp() - time.time()) < 3600, read.recorded_at


@check("read a stream in both directions, from a revision, with a limit")
def _(client):
    name, _ = filled(client, "read", 10)
    expect(numbers(client.get_stream(name)), list(range(10)))
    expect(numbers(client.get_stream(name, backwards=True)), list(range(9, -1, -1)))
    expect(numbers(client.get_stream(name, stream_position=4)), [4, 5, 6, 7, 8, 9])
    expect(numbers(client.get_stream(name, stream_position=4, backwards=True)), [4, 3, 2, 1, 0])
    expect(numbers(client.get_stream(name, limit=3)), [0, 1, 2])
    expect(numbers(client.get_stream(name, backwards=True, limit=1)), [9])
    expect(numbers(client.get_stream(name, stream_position=10)), [])


@check("a missing stream is typed")
def _(client):
    refused(NotFoundError, lambda: client.get_stream(stream("missing")))
    refused(NotFoundError, lambda: client.get_stream(stream("missing"), backwards=True, limit=1))
    expect(client.get_current_version(stream("missing")), StreamState.NO_STREAM)


@check("stream metadata of a plain stream is empty")
def _(client):
    name, _ = filled(client, "meta", 1)
    expect(client.get_stream_metadata(name), ({}, StreamState.NO_STREAM))


@check("read the whole log in both directions from a position")
def _(client):
    name, last = filled(client, "whole", 3)
    read = list(client.read_all(backwards=True, limit=3))
    expect([(got.stream_name, got.stream_position) for got in read], [(name, 2), (name, 1), (name, 0)])
    expect(client.get_commit_position(), last)
    middle = read[1].commit_position
    inclusive = list(client.read_all(commit_position=middle, limit=1))
    expect(inclusive[0].commit_position, middle)
    exclusive = list(client.read_all(commit_position=middle, backwards=True, limit=1))
    assert exclusive[0].commit_position < middle, "backwards, the position is exclusive"


@check("filter the whole log by prefix")
def _(client):
    filled(client, "prefixa", 2, "PrefixA")
    filled(client, "prefixb", 2, "PrefixB")
    by_stream = client.read_all(filter_include=(f"conf{RUN}prefix",), filter_by_stream_name=True, filter_by_prefix=True)
    expect([got.type for got in by_stream], ["PrefixA", "PrefixA", "PrefixB", "PrefixB"])
    some = client.read_all(filter_include=(f"conf{RUN}prefixb",), filter_by_stream_name=True, filter_by_prefix=True, limit=1)
    expect(numbers(some), [0])


@check("filter the whole log by regular expression")
def _(client):
    filled(client, "regexa", 2, f"Regex{RUN}A")
    filled(client, "regexb", 2, f"Regex{RUN}B")
    types = lambda **filters: [got.type[-1] for got in client.read_all(**filters)]
    expect(types(filter_include=(f"Regex{RUN}[AX]",)), ["A", "A"])
    expect(types(filter_include=(rf".*{RUN}regex[b-z]-\d",), filter_by_stream_name=True), ["B", "B"])
    everything_else = rf"(?!Regex{RUN}B).*"
    expect(types(filter_exclude=(everything_else,)), ["B", "B"])


@check("filter out system events")
def _(client):
    name, _ = filled(client, "own", 1)
    for got in client.read_all(backwards=True, limit=20):
        assert not got.type.startswith("$"), got.type
    expect(next(iter(client.read_all(backwards=True, limit=1))).stream_name, name)


# Subscriptions


@check("subscribe to a stream from its start, then live")
def _(client):
    name, _ = filled(client, "follow", 3)
    with client.subscribe_to_stream(name, timeout=PATIENCE) as followed:
        expect(numbers(taken(followed, 3)), [0, 1, 2])
        client.append_to_stream(name, current_version=2, events=[event(3), event(4)])
        expect(numbers(taken(followed, 2)), [3, 4])


@check("subscribe to a stream after a revision and at its end")
def _(client):
    name, _ = filled(client, "after", 3)
    with (
        client.subscribe_to_stream(name, stream_position=1, timeout=PATIENCE) as after,
        client.subscribe_to_stream(name, from_end=True, timeout=PATIENCE) as live,
    ):
        client.append_to_stream(name, current_version=2, events=event(3))
        expect(numbers(taken(after, 2)), [2, 3])
        expect(numbers(taken(live, 1)), [3])


@check("subscribe to a stream that does not exist yet")
def _(client):
    with client.subscribe_to_stream(stream("later"), timeout=PATIENCE) as followed:
        filled(client, "later", 1)
        expect(numbers(taken(followed, 1)), [0])


@check("subscribe to the whole log at start, position and end")
def _(client):
    name, _ = filled(client, "all", 3)
    positions = [got.commit_position for got in client.get_stream(name)]
    mine = {"filter_include": (f"conf{RUN}all-",), "filter_by_stream_name": True, "filter_by_prefix": True, "timeout": PATIENCE}
    with (
        client.subscribe_to_all(**mine) as start,
        client.subscribe_to_all(commit_position=positions[0], **mine) as after,
        client.subscribe_to_all(from_end=True, **mine) as live,
    ):
        expect(numbers(taken(start, 3)), [0, 1, 2])
        expect(numbers(taken(after, 2)), [1, 2])
        client.append_to_stream(name, current_version=2, events=event(3))
        for followed in (start, after, live):
            expect(numbers(taken(followed, 1)), [3])


@check("subscribe to the whole log with a regular expression")
def _(client):
    filled(client, "rega", 2)
    name, _ = filled(client, "regb", 2)
    mine = {"filter_include": (f"conf{RUN}reg[b-z]-1",), "filter_by_stream_name": True, "timeout": PATIENCE}
    with client.subscribe_to_all(**mine) as followed:
        expect([got.stream_name for got in taken(followed, 2)], [name, name])


@check("checkpoints are sent while nothing passes, and resume")
def _(client):
    name, position = filled(client, "points", 1)
    filled(client, "noise", 200)
    mine = {"filter_include": (f"conf{RUN}points-",), "filter_by_stream_name": True, "filter_by_prefix": True, "timeout": PATIENCE}
    with client.subscribe_to_all(include_checkpoints=True, window_size=10, checkpoint_interval_multiplier=1, **mine) as followed:
        checkpoint = next(got for got in followed if isinstance(got, Checkpoint) and got.commit_position > position)
    client.append_to_stream(name, current_version=0, events=event(1))
    with client.subscribe_to_all(commit_position=checkpoint.commit_position, **mine) as resumed:
        expect(numbers(taken(resumed, 1)), [1])


@check("a subscription reports that it has caught up")
def _(client):
    name, position = filled(client, "caught", 2)
    with client.subscribe_to_stream(name, include_caught_up=True, timeout=PATIENCE) as followed:
        kinds = [type(next(followed)) is CaughtUp for _ in range(3)]
        expect(kinds, [False, False, True])
    with client.subscribe_to_all(commit_position=position, include_caught_up=True, timeout=PATIENCE) as followed:
        assert next(got for got in followed if type(got) is CaughtUp)


# Intended differences from a real server.


def policy():
    if os.environ.get("CONFORMANCE_OURS") != "1":
        raise Skipped


@check("policy: a blind append is refused")
def _(client):
    policy()
    for asked in (StreamState.ANY, StreamState.EXISTS):
        for events in (event(0), [event(0), event(1)]):
            call = lambda: client.append_to_stream(stream("blind"), current_version=asked, events=events)
            error = refused(KurrentDBClientError, call)
            assert "never appends blindly" in str(error), error


@check("policy: events that are not JSON are refused")
def _(client):
    policy()
    binary = NewEvent(type="Binary", data=b"\x00", content_type="application/octet-stream")
    call = lambda: client.append_to_stream(stream("binary"), current_version=StreamState.NO_STREAM, events=[binary])
    message = str(refused(BadRequestError, call))
    assert "JSON only" in message and "Base64" in message, message


@check("policy: streams can't be deleted")
def _(client):
    policy()
    name, _ = filled(client, "delete", 1)
    for delete in (client.delete_stream, client.tombstone_stream):
        error = refused(KurrentDBClientError, lambda: delete(name, current_version=0))
        assert "PERMISSION_DENIED" in str(error) and "streams can't be deleted" in str(error), error
    expect(numbers(client.get_stream(name)), [0])


def guarded(token):
    policy()
    uri = os.environ["CONFORMANCE_GUARDED"]
    return KurrentDBClient(uri.replace("//", f"//anybody:{token}@", 1))


@check("policy: a wrong token is refused")
def _(_):
    client = guarded("wrong")
    refused(UnauthenticatedError, lambda: client.get_stream(stream("secret")))
    refused(UnauthenticatedError, lambda: client.subscribe_to_all(timeout=PATIENCE))
    for events in (event(0), [event(0), event(1)]):
        call = lambda: client.append_to_stream(stream("secret"), current_version=StreamState.NO_STREAM, events=events)
        refused(UnauthenticatedError, call)


@check("policy: the writer's token allows both, the reader's only reading")
def _(_):
    name, _ = filled(guarded("write-me"), "guarded", 2)
    reader = guarded("read-me")
    expect(numbers(reader.get_stream(name)), [0, 1])
    expect(numbers(taken(reader.subscribe_to_stream(name, timeout=PATIENCE), 2)), [0, 1])
    for events in (event(2), [event(2), event(3)]):
        call = lambda: reader.append_to_stream(name, current_version=1, events=events)
        error = refused(KurrentDBClientError, call)
        assert "PERMISSION_DENIED" in str(error) and "may only read" in str(error), error


@check("policy: discovery leads to the advertised name")
def _(_):
    policy()
    uri = os.environ["CONFORMANCE_GUARDED"].replace("esdb://", "esdb+discover://anybody:write-me@", 1)
    client = KurrentDBClient(uri)
    name, _ = filled(client, "discover", 1)
    expect(numbers(client.get_stream(name)), [0])


@check("policy: a read-only server refuses appends")
def _(_):
    policy()
    client = KurrentDBClient(os.environ["CONFORMANCE_READ_ONLY"])
    expect(list(client.read_all(limit=1)), [])
    call = lambda: client.append_to_stream(stream("readonly"), current_version=StreamState.NO_STREAM, events=event(0))
    error = refused(KurrentDBClientError, call)
    assert "PERMISSION_DENIED" in str(error) and "read-only" in str(error), error


def main():
    client = KurrentDBClient(os.environ["CONFORMANCE_SERVER"])
    for name, function in CHECKS:
        result = {"check": name, "holds": True}
        try:
            function(client)
        except Skipped:
            result["holds"] = None
        except Exception as error:  # noqa: BLE001: any error fails the check
            result["holds"] = False
            result["why"] = f"{type(error).__name__}: {error}"
        print(json.dumps(result), flush=True)
    client.close()


if __name__ == "__main__":
    sys.exit(main())
