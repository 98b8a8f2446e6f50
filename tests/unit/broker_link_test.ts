import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { BrokerLink, LONG_POLL, Refused } from "../../src/kafka/broker_link.ts";
import type { KafkaJsLogger } from "../../src/kafka/kafkajs_internals.ts";
import { patchRequestQueue } from "../../src/kafka/request_queue_patch.ts";
import { eventually } from "../support/eventually.ts";

/** Answers ApiVersions (version 2: Fetch 4 to 11, ApiVersions 0 to 2) and nothing else. */
function fakeBroker() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  let requests = 0;
  const serve = async (connection: Deno.TcpConn) => {
    const request = new Uint8Array(1024);
    for (let count; (count = await connection.read(request)) !== null && count > 0;) {
      requests++;
      const answer = Buffer.alloc(34);
      answer.writeInt32BE(30, 0);
      answer.set(request.subarray(8, 12), 4); // correlation id
      answer.writeInt32BE(2, 10);
      [1, 4, 11, 18, 0, 2].forEach((number, i) => answer.writeInt16BE(number, 14 + 2 * i));
      await connection.write(answer.subarray(0, 34));
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      serve(connection).catch(() => {}).finally(() => {
        open.delete(connection);
        connection.close();
      });
    }
  })();
  return {
    port: listener.addr.port,
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting.catch(() => {});
      await eventually("all connections to the broker to end", () => open.size === 0);
    },
  };
}

const silent: KafkaJsLogger = {
  namespace: () => silent,
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
};

function openLink(port: number): Promise<BrokerLink> {
  patchRequestQueue();
  return BrokerLink.open("127.0.0.1", port, {
    clientId: "test",
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    logger: silent,
  });
}

// A process that was stopped just before it wrote a commit wrote it when it woke up, over those of
// whoever had taken its place.
Deno.test("BrokerLink.send() writes nothing and stays alive, refused by its guard at the last moment", async () => {
  await using broker = fakeBroker();
  const link = await openLink(broker.port);
  const before = broker.requests;
  const reason = new Error("not ours any more");
  const sending = link.send("ApiVersions", {}, () => {
    throw reason;
  });
  await assert.rejects(sending, (error) => {
    assert.ok(error instanceof Refused);
    assert.equal(error.cause, reason);
    return true;
  });
  assert.equal(broker.requests, before);
  assert.equal(link.isAlive, true);
  await link.send("ApiVersions", {}, () => {});
  assert.equal(broker.requests, before + 1);
  link.close();
});

// A proxy was closed in the moment in which the first client reached the end of its topic, when the
// connection for long polls is opened: `close()` destroyed the socket, KafkaJS was not told, and its
// timer and the poll that waited for the connection went on until the time-out, 5 s later. The same
// held up a session whose other connection had failed.
Deno.test("BrokerLink.close() fails what waits for a connection at once", async () => {
  await using broker = fakeBroker();
  const link = await openLink(broker.port);
  const fetching = link.fetch(LONG_POLL, {
    isolationLevel: 0,
    maxWaitTime: 100,
    minBytes: 1,
    maxBytes: 1_000,
    topics: [],
    rackId: "",
  });
  const startMs = performance.now();
  link.close();
  await assert.rejects(fetching, /closed/);
  assert.ok(performance.now() - startMs < 1_000, "it waited for the time-out");
  assert.equal(link.isAlive, false);
});
