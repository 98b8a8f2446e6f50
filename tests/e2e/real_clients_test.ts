import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { parseFrame } from "../support/record_client.ts";
import { ShellCommand } from "../support/shell_command.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const WSCAT = "npx -y wscat@6.1.0";

const sharedKafka = shareKafka();

/** A proxy before a topic of `count` numbered records. */
async function serve(topic: string, count: number, auth?: string): Promise<TestProxy> {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic(topic);
  await helper.produce({ topic, count });
  return await startProxy({ kafka: kafka.bootstrap, ...(auth === undefined ? {} : { auth }) });
}

/** Offsets in whole lines of output, each a frame. */
function offsets(output: string): number[] {
  return output.split("\n").filter((line) => line.startsWith("[{"))
    .flatMap((line) => JSON.parse(line).map(({ offset }: { offset: number }) => offset));
}

Deno.test("wscat prints a topic's frames, then what comes later", async () => {
  const { helper } = await sharedKafka();
  await using proxy = await serve("wscat", 3);
  const line = `${WSCAT} --connect "${proxy.url}?topic=wscat&consumerGroup=group1"`;
  await using wscat = new ShellCommand(line);
  await wscat.shows(/"offset":2\}\]\n/);
  await helper.produce({ topic: "wscat", count: 2, startNumber: 3 });
  await wscat.shows(/"offset":4\}\]\n/);
  assert.deepEqual(offsets(wscat.stdout), [0, 1, 2, 3, 4]);
});

Deno.test("wscat sends its secret, and two subprotocols joined with a bare comma", async () => {
  await using proxy = await serve("wscat-auth", 1, "thisisapassword");
  const line = `${WSCAT} --connect "${proxy.url}?topic=wscat-auth&consumerGroup=group1" ` +
    "-s other -s kafka-proxy.v1";
  await using wscat = new ShellCommand(`${line} -H 'authorization: basic thisisapassword'`);
  await wscat.shows(/"offset":0\}\]\n/);
  const refused = await ShellCommand.run(line);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stdout + refused.stderr, /Unexpected server response: 401/);
});

Deno.test("wscat is told that a newer client has taken over, and ends", async () => {
  await using proxy = await serve("wscat-twice", 1);
  const line = `${WSCAT} --connect "${proxy.url}?topic=wscat-twice&consumerGroup=group1"`;
  await using older = new ShellCommand(line);
  await older.shows(/"offset":0\}\]\n/);
  const newer = await proxy.connect({ topic: "wscat-twice", consumerGroup: "group1" });
  assert.equal((await older.ended()).code, 0);
  assert.equal(proxy.events.count("session_closed"), 1);
  await newer.close();
});

Deno.test("wscat that sends something is closed with 1008", async () => {
  await using proxy = await serve("wscat-talks", 1);
  const line = `${WSCAT} --connect "${proxy.url}?topic=wscat-talks&consumerGroup=" -x hello -w 20`;
  const startMs = performance.now();
  await using wscat = new ShellCommand(line);
  await wscat.ended();
  assert.ok(performance.now() - startMs < 15_000, "it ends long before it would by itself");
});

/** What `ws` tells of a connection, until it is over. */
interface Told {
  readonly frames: string[];
  readonly protocol: string;
  readonly code: number;
  readonly reason: string;
}

/** Reads with `ws` until `enough` frames are there or the server closes. */
function readWithWs(url: string, enough: (frames: string[]) => boolean, options = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  const socket = new WebSocket(url, ["kafka-proxy.v1"], options);
  const frames: string[] = [];
  socket.on("message", (data: Uint8Array, isBinary: boolean) => {
    assert.equal(isBinary, false);
    frames.push(data.toString());
    if (enough(frames)) socket.close(1000, "enough");
  });
  socket.on("error", reject);
  socket.on("close", (code: number, reason: Uint8Array) => {
    resolve({ frames, protocol: socket.protocol, code, reason: reason.toString() });
  });
  return promise;
}

Deno.test("ws reads 100,000 records in order, and closes with its own code", async () => {
  await using proxy = await serve("ws", 100_000);
  const url = proxy.at({ topic: "ws", consumerGroup: "", offset: 0 });
  const last = (frames: string[]) => frames.at(-1)!.endsWith('"offset":99999}]');
  const { frames, protocol, code, reason } = await readWithWs(url, last);
  const records = frames.flatMap((frame) => parseFrame(frame));
  assert.equal(records.length, 100_000);
  records.forEach(({ offset, message }, i) => {
    if (offset !== BigInt(i) || !message!.startsWith(`${i}`)) assert.fail(`${offset} at ${i}`);
  });
  assert.deepEqual([protocol, code, reason], ["kafka-proxy.v1", 1000, "enough"]);
});

Deno.test("ws stops reading and goes on: nothing is lost", async () => {
  await using proxy = await serve("ws-pause", 200_000);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = new WebSocket(proxy.at({ topic: "ws-pause", consumerGroup: "", offset: 0 }));
  let next = 0n;
  let pauses = 0;
  socket.on("message", (data: Uint8Array) => {
    for (const { offset } of parseFrame(data.toString())) {
      if (offset !== next++) reject(new Error(`${offset} came where ${next - 1n} was due`));
    }
    if (next === 200_000n) socket.close();
    else if (pauses < 3) {
      pauses++;
      socket.pause();
      setTimeout(() => socket.resume(), 200);
    }
  });
  socket.on("close", () => resolve());
  socket.on("error", reject);
  await promise;
  assert.equal(next, 200_000n);
});

Deno.test("ws gets status and reason of a refusal, and close code and reason of a takeover", async () => {
  await using proxy = await serve("ws-errors", 1);
  const { promise, resolve } = Promise.withResolvers<{ status: number; body: string }>();
  const refused = new WebSocket(proxy.at({ topic: "nope", consumerGroup: "" }));
  refused.on("error", () => {}); // From `terminate()` below.
  refused.on(
    "unexpected-response",
    async (_: unknown, response: AsyncIterable<Uint8Array> & { statusCode: number }) => {
      let body = "";
      for await (const part of response) body += part.toString();
      refused.terminate();
      resolve({ status: response.statusCode, body });
    },
  );
  const { status, body } = await promise;
  assert.equal(status, 404);
  assert.equal(JSON.parse(body).error.code, "unknown_topic");

  const url = proxy.at({ topic: "ws-errors", consumerGroup: "group1" });
  let newer: Promise<unknown> | undefined;
  const older = await readWithWs(url, () => {
    newer = proxy.connect({ topic: "ws-errors", consumerGroup: "group1" })
      .then((client) => client.close());
    return false;
  });
  await newer;
  assert.equal(older.code, 4409);
  assert.match(older.reason, /^taken over/);
});
