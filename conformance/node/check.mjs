// Checks a server of EventStoreDB's protocol with the Node client `@kurrent/kurrentdb-client`.
//
// Prints one line of JSON for each check: its name, whether it holds, and why not. `run` calls it.

import {
  BACKWARDS, END, NO_STREAM, START,
  AccessDeniedError, KurrentDBClient, StreamNotFoundError, WrongExpectedVersionError,
  binaryEvent, eventTypeFilter, excludeSystemEvents, jsonEvent, streamNameFilter,
} from "@kurrent/kurrentdb-client";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

// Time limit of a check.
const PATIENCE_MS = 30_000;
const RUN = randomUUID().slice(0, 8);

const checks = [];
const check = (name, run) => checks.push({ name, run });
class Skipped extends Error {}

/** A stream of this run. */
const stream = (key) => `conf${RUN}${key}-1`;

/** The n-th event; each has an id of its own. */
const event = (n, type = "Happened") => jsonEvent({ type, id: randomUUID(), data: { n }, metadata: { by: "node" } });

/** A stream of this run with events 0, 1, …; returns its name and the position of the last. */
async function filled(client, key, count, type) {
  const name = stream(key);
  const events = Array.from({ length: count }, (_, n) => event(n, type));
  const { position } = await client.appendToStream(name, events, { streamState: NO_STREAM });
  return { name, position };
}

/** Everything that a read yields. */
async function all(read) {
  const events = [];
  for await (const resolved of read) events.push(resolved.event);
  return events;
}

const numbers = (events) => events.map((got) => got.data.n);
const read = async (client, name, options) => numbers(await all(client.readStream(name, options)));

/** The error of a call that must fail with this type. */
async function refused(kind, call) {
  let failed;
  try {
    await call();
  } catch (error) {
    failed = error;
  }
  assert(failed, "it was not refused");
  assert(failed instanceof kind, `${failed?.constructor?.name}, not ${kind.name}: ${failed?.message}`);
  return failed;
}

/** The next events of a subscription. */
async function taken(subscription, count) {
  const events = [];
  for await (const resolved of subscription.iterator({ destroyOnReturn: false })) {
    events.push(resolved.event);
    if (events.length === count) return events;
  }
  throw new Error("the subscription ended");
}

/** Ends the subscriptions even if the check fails. */
async function following(subscriptions, run) {
  try {
    return await run(...subscriptions);
  } finally {
    for (const subscription of subscriptions) {
      subscription.on("error", () => {});
      await subscription.unsubscribe().catch(() => {});
      subscription.destroy();
    }
  }
}

const confirmed = (subscription) => new Promise((resolve, reject) => {
  subscription.once("confirmation", resolve);
  subscription.once("error", reject);
});

// Appending

check("append to a new stream", async (client) => {
  const first = await client.appendToStream(stream("new"), event(0), { streamState: NO_STREAM });
  const again = await client.appendToStream(stream("new2"), event(0), { streamState: NO_STREAM });
  assert.equal(first.nextExpectedRevision, 0n);
  assert(again.position.commit > first.position.commit, "positions grow");
});

check("append at an exact revision", async (client) => {
  const { name } = await filled(client, "exact", 2);
  const written = await client.appendToStream(name, event(2), { streamState: 1n });
  assert.equal(written.nextExpectedRevision, 2n);
  assert.deepEqual(await read(client, name), [0, 1, 2]);
});

check("append several events in one batch", async (client) => {
  const { name, position } = await filled(client, "batch", 50);
  const events = await all(client.readStream(name));
  assert.deepEqual(numbers(events), Array.from({ length: 50 }, (_, n) => n));
  assert.equal(events.at(-1).position.commit, position.commit);
});

check("append a batch in several parts", async (client) => {
  const large = (n) => jsonEvent({ type: "Large", data: { n, text: "x".repeat(20_000) } });
  const events = Array.from({ length: 20 }, (_, n) => large(n));
  await client.appendToStream(stream("parts"), events, { streamState: NO_STREAM, batchAppendSize: 50_000 });
  assert.deepEqual(await read(client, stream("parts")), events.map((_, n) => n));
});

check("many batches at one time", async (client) => {
  const names = Array.from({ length: 200 }, (_, n) => stream(`many${n}`));
  await Promise.all(names.map((name, n) => client.appendToStream(name, event(n), { streamState: NO_STREAM })));
  assert.deepEqual(await read(client, names[123]), [123]);
});

check("a conflict of a batch is typed and names the revisions", async (client) => {
  const { name } = await filled(client, "conflict", 3);
  for (const asked of [1n, NO_STREAM]) {
    const error = await refused(WrongExpectedVersionError, () => client.appendToStream(name, [event(8), event(9)], { streamState: asked }));
    assert.deepEqual([error.streamName, error.expectedState, error.actualState], [name, asked, 2n]);
  }
  assert.deepEqual(await read(client, name), [0, 1, 2]);
});

check("a conflict with a stream that is missing says so", async (client) => {
  const error = await refused(WrongExpectedVersionError, () => client.appendToStream(stream("absent"), event(0), { streamState: 4n }));
  assert.deepEqual([error.expectedState, error.actualState], [4n, "no_stream"]);
});

check("a conflict is typed and names the revisions", async (client) => {
  // With credentials for the call, this client uses the unary Append.
  const { name } = await filled(client, "single", 3);
  const options = { streamState: 1n, credentials: { username: "nobody", password: "nothing" } };
  const error = await refused(WrongExpectedVersionError, () => client.appendToStream(name, event(9), options));
  assert.deepEqual([error.streamName, error.expectedState, error.actualState], [name, 1n, 2n]);
});

check("the same append twice is written once", async (client) => {
  const { name } = await filled(client, "twice", 1);
  const events = [event(1), event(2)];
  const first = await client.appendToStream(name, events, { streamState: 0n });
  const again = await client.appendToStream(name, events, { streamState: 0n });
  assert.deepEqual(again, first);
  assert.deepEqual(await read(client, name), [0, 1, 2]);
});

check("an event type may begin with a dollar sign", async (client) => {
  const { name } = await filled(client, "dollar", 2, "$Checkpoint");
  assert.deepEqual((await all(client.readStream(name))).map((got) => got.type), ["$Checkpoint", "$Checkpoint"]);
});

check("absent metadata reads back as absent", async (client) => {
  const bare = [jsonEvent({ type: "Bare", data: {} }), jsonEvent({ type: "Bare", data: {}, metadata: {} })];
  await client.appendToStream(stream("bare"), bare, { streamState: NO_STREAM });
  assert.deepEqual((await all(client.readStream(stream("bare")))).map((got) => got.metadata), [undefined, {}]);
});

check("an append of no events is answered with the revision or as a conflict", async (client) => {
  const { name } = await filled(client, "nothing", 3);
  for (const credentials of [undefined, { username: "nobody", password: "nothing" }]) {
    assert.equal((await client.appendToStream(name, [], { streamState: 2n, credentials })).nextExpectedRevision, 2n);
    const error = await refused(WrongExpectedVersionError, () => client.appendToStream(name, [], { streamState: 9n, credentials }));
    assert.deepEqual([error.expectedState, error.actualState], [9n, 2n]);
  }
});

// Reading

check("an event is read as it was written", async (client) => {
  const written = event(7, "Special");
  const { position } = await client.appendToStream(stream("same"), written, { streamState: NO_STREAM });
  const [got] = await all(client.readStream(stream("same")));
  assert.deepEqual(
    [got.id, got.type, got.data, got.metadata, got.streamId, got.revision, got.isJson],
    [written.id, "Special", { n: 7 }, { by: "node" }, stream("same"), 0n, true],
  );
  assert.equal(got.position.commit, position.commit);
  assert(Math.abs(got.created.getTime() - Date.now()) < 3_600_000, got.created);
});

check("read a stream in both directions, from a revision, with a limit", async (client) => {
  const { name } = await filled(client, "read", 10);
  const count = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  assert.deepEqual(await read(client, name), count);
  assert.deepEqual(await read(client, name, { direction: BACKWARDS, fromRevision: END }), count.toReversed());
  assert.deepEqual(await read(client, name, { fromRevision: 4n }), count.slice(4));
  assert.deepEqual(await read(client, name, { direction: BACKWARDS, fromRevision: 4n }), [4, 3, 2, 1, 0]);
  assert.deepEqual(await read(client, name, { maxCount: 3 }), [0, 1, 2]);
  assert.deepEqual(await read(client, name, { direction: BACKWARDS, fromRevision: END, maxCount: 1 }), [9]);
  assert.deepEqual(await read(client, name, { fromRevision: 10n }), []);
});

check("a missing stream is typed", async (client) => {
  const error = await refused(StreamNotFoundError, () => all(client.readStream(stream("missing"))));
  assert.equal(error.streamName, stream("missing"));
});

check("stream metadata of a plain stream is empty", async (client) => {
  const { name } = await filled(client, "meta", 1);
  assert.equal((await client.getStreamMetadata(name)).metadata, undefined);
});

check("read the whole log in both directions from a position", async (client) => {
  const { name } = await filled(client, "whole", 3);
  // With a filter, because a real server writes system events in between.
  const filter = streamNameFilter({ prefixes: [name] });
  const got = await all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 3, filter }));
  assert.deepEqual(numbers(got), [2, 1, 0]);
  const middle = got[1].position;
  const inclusive = await all(client.readAll({ fromPosition: middle, maxCount: 1, filter }));
  assert.deepEqual(numbers(inclusive), [1]);
  const exclusive = await all(client.readAll({ direction: BACKWARDS, fromPosition: middle, maxCount: 1, filter }));
  assert.deepEqual(numbers(exclusive), [0]);
});

check("filter the whole log by prefix", async (client) => {
  await filled(client, "prefixa", 2, `Prefix${RUN}A`);
  await filled(client, "prefixb", 2, `Prefix${RUN}B`);
  const types = async (filter) => (await all(client.readAll({ filter }))).map((got) => got.type.at(-1));
  assert.deepEqual(await types(streamNameFilter({ prefixes: [`conf${RUN}prefix`] })), ["A", "A", "B", "B"]);
  assert.deepEqual(await types(eventTypeFilter({ prefixes: [`Prefix${RUN}B`, "Nothing"] })), ["B", "B"]);
});

check("filter the whole log by regular expression", async (client) => {
  await filled(client, "regexa", 2, `Regex${RUN}A`);
  await filled(client, "regexb", 2, `Regex${RUN}B`);
  const types = async (filter) => (await all(client.readAll({ filter }))).map((got) => got.type.at(-1));
  assert.deepEqual(await types(eventTypeFilter({ regex: `^Regex${RUN}[AX]$` })), ["A", "A"]);
  assert.deepEqual(await types(streamNameFilter({ regex: `${RUN}regex[b-z]-\\d$` })), ["B", "B"]);
  assert.deepEqual(await types(eventTypeFilter({ regex: `^(?!Regex${RUN}A)Regex${RUN}.*$` })), ["B", "B"]);
});

check("filter out system events", async (client) => {
  const { name } = await filled(client, "own", 1);
  const got = await all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 20, filter: excludeSystemEvents() }));
  assert(got.every(({ type }) => !type.startsWith("$")));
  assert.equal(got[0].streamId, name);
});

// Subscriptions

check("subscribe to a stream from its start, then live", async (client) => {
  const { name } = await filled(client, "follow", 3);
  await following([client.subscribeToStream(name, { fromRevision: START })], async (followed) => {
    assert.deepEqual(numbers(await taken(followed, 3)), [0, 1, 2]);
    await client.appendToStream(name, [event(3), event(4)], { streamState: 2n });
    assert.deepEqual(numbers(await taken(followed, 2)), [3, 4]);
  });
});

check("subscribe to a stream after a revision and at its end", async (client) => {
  const { name } = await filled(client, "after", 3);
  const both = [client.subscribeToStream(name, { fromRevision: 1n }), client.subscribeToStream(name, { fromRevision: END })];
  await following(both, async (after, live) => {
    await confirmed(live);
    await client.appendToStream(name, event(3), { streamState: 2n });
    assert.deepEqual(numbers(await taken(after, 2)), [2, 3]);
    assert.deepEqual(numbers(await taken(live, 1)), [3]);
  });
});

check("subscribe to a stream that does not exist yet", async (client) => {
  await following([client.subscribeToStream(stream("later"))], async (followed) => {
    await confirmed(followed);
    await filled(client, "later", 1);
    assert.deepEqual(numbers(await taken(followed, 1)), [0]);
  });
});

check("subscribe to the whole log at start, position and end", async (client) => {
  const { name } = await filled(client, "all", 3);
  const filter = streamNameFilter({ prefixes: [name] });
  const [first] = await all(client.readStream(name, { maxCount: 1 }));
  const three = [START, first.position, END].map((fromPosition) => client.subscribeToAll({ fromPosition, filter }));
  await following(three, async (start, after, live) => {
    await confirmed(live);
    assert.deepEqual(numbers(await taken(start, 3)), [0, 1, 2]);
    assert.deepEqual(numbers(await taken(after, 2)), [1, 2]);
    await client.appendToStream(name, event(3), { streamState: 2n });
    for (const followed of [start, after, live]) assert.deepEqual(numbers(await taken(followed, 1)), [3]);
  });
});

check("subscribe to the whole log with a regular expression", async (client) => {
  await filled(client, "rega", 2);
  const { name } = await filled(client, "regb", 2);
  const filter = streamNameFilter({ regex: `^conf${RUN}reg[b-z]-1$` });
  await following([client.subscribeToAll({ filter })], async (followed) => {
    assert.deepEqual((await taken(followed, 2)).map((got) => got.streamId), [name, name]);
  });
});

check("checkpoints are sent while nothing passes, and resume", async (client) => {
  const { name, position } = await filled(client, "points", 1);
  await filled(client, "noise", 200);
  const prefixes = [name];
  let reached;
  const checkpoint = new Promise((resolve) => { reached = resolve; });
  const checkpointReached = async (_, at) => { if (at.commit > position.commit) reached(at); };
  const filter = streamNameFilter({ prefixes, maxSearchWindow: 10, checkpointInterval: 1, checkpointReached });
  const fromPosition = await following([client.subscribeToAll({ filter })], async (followed) => {
    followed.on("error", () => {});
    followed.resume();
    return checkpoint;
  });
  await client.appendToStream(name, event(1), { streamState: 0n });
  await following([client.subscribeToAll({ fromPosition, filter: streamNameFilter({ prefixes }) })], async (resumed) => {
    assert.deepEqual(numbers(await taken(resumed, 1)), [1]);
  });
});

check("a subscription reports that it has caught up", async (client) => {
  const { name, position } = await filled(client, "caught", 2);
  for (const subscribe of [() => client.subscribeToStream(name), () => client.subscribeToAll({ fromPosition: position })]) {
    await following([subscribe()], async (followed) => {
      const caughtUp = new Promise((resolve, reject) => followed.once("caughtUp", resolve).once("error", reject));
      followed.resume();
      await caughtUp;
    });
  }
});

// Intended differences from a real server.

const policy = () => { if (process.env.CONFORMANCE_OURS !== "1") throw new Skipped(); };

check("policy: a blind append is refused", async (client) => {
  policy();
  for (const streamState of ["any", "stream_exists"]) {
    const error = await refused(Error, () => client.appendToStream(stream("blind"), event(0), { streamState }));
    assert.match(error.message, /never appends blindly/);
  }
});

check("policy: events that are not JSON are refused", async (client) => {
  policy();
  const binary = binaryEvent({ type: "Binary", data: new Uint8Array([0]) });
  const error = await refused(Error, () => client.appendToStream(stream("binary"), binary, { streamState: NO_STREAM }));
  assert.match(error.message, /JSON only.*Base64/);
});

check("policy: streams can't be deleted", async (client) => {
  policy();
  const { name } = await filled(client, "delete", 1);
  for (const remove of ["deleteStream", "tombstoneStream"]) {
    const error = await refused(AccessDeniedError, () => client[remove](name, { expectedRevision: 0n }));
    assert.match(error.message, /streams can't be deleted/);
  }
  assert.deepEqual(await read(client, name), [0]);
});

/** With the scheme that this client prefers. */
const connect = (uri) => KurrentDBClient.connectionString(uri.replace(/^esdb/, "kurrentdb"));

const guarded = (token) => {
  policy();
  return connect(process.env.CONFORMANCE_GUARDED.replace("//", token ? `//anybody:${token}@` : "//"));
};

check("policy: a wrong token is refused", async () => {
  for (const token of ["wrong", ""]) {
    const client = guarded(token);
    await refused(AccessDeniedError, () => all(client.readStream(stream("secret"))));
    await following([client.subscribeToAll()], (followed) => refused(AccessDeniedError, () => taken(followed, 1)));
    const options = { streamState: NO_STREAM, credentials: token ? { username: "anybody", password: token } : undefined };
    if (token) await refused(AccessDeniedError, () => client.appendToStream(stream("secret"), event(0), options));
    await client.dispose();
  }
});

check("policy: the writer's token allows both, the reader's only reading", async () => {
  const writer = guarded("write-me");
  const { name } = await filled(writer, "guarded", 2);
  const reader = guarded("read-me");
  assert.deepEqual(await read(reader, name), [0, 1]);
  await following([reader.subscribeToStream(name)], async (followed) => assert.deepEqual(numbers(await taken(followed, 2)), [0, 1]));
  const options = { streamState: 1n, credentials: { username: "anybody", password: "read-me" } };
  const error = await refused(AccessDeniedError, () => reader.appendToStream(name, event(2), options));
  assert.match(error.message, /may only read/);
  await writer.dispose();
  await reader.dispose();
});

check("policy: discovery leads to the advertised name", async () => {
  policy();
  const client = connect(process.env.CONFORMANCE_GUARDED.replace("esdb://", "esdb+discover://anybody:write-me@"));
  const { name } = await filled(client, "discover", 1);
  assert.deepEqual(await read(client, name), [0]);
  await client.dispose();
});

check("policy: a read-only server refuses appends", async () => {
  policy();
  const client = connect(process.env.CONFORMANCE_READ_ONLY);
  assert.deepEqual(await all(client.readAll({ maxCount: 1 })), []);
  const options = { streamState: NO_STREAM, credentials: { username: "nobody", password: "nothing" } };
  const error = await refused(AccessDeniedError, () => client.appendToStream(stream("readonly"), event(0), options));
  assert.match(error.message, /read-only/);
  await client.dispose();
});

const client = connect(process.env.CONFORMANCE_SERVER);
// A late error of a subscription must not end the process.
process.on("unhandledRejection", () => {});
for (const { name, run } of checks) {
  const result = { check: name, holds: true };
  const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => { throw new Error("it took too long"); });
  try {
    await Promise.race([run(client), late]);
  } catch (error) {
    if (error instanceof Skipped) {
      result.holds = null;
    } else {
      result.holds = false;
      result.why = `${error?.constructor?.name}: ${error?.message}`;
    }
  }
  console.log(JSON.stringify(result));
}
await client.dispose();
process.exit(0);
