import assert from "node:assert/strict";
import { parseFrame, RecordClient } from "../support/record_client.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";

/** Sends these frames to whoever connects, then closes with 4404 when asked to. */
function serve(frames: readonly (string | Uint8Array)[], closes = false) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (!request.headers.has("upgrade")) return Response.json({ error: { code: "x" } });
    if (frames.length === 0) {
      return Response.json({ error: { code: "unknown_topic", message: "no" } }, { status: 404 });
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => {
      for (const frame of frames) socket.send(frame as string);
      if (closes) socket.close(4404, "gone");
    };
    return response;
  });
  return {
    url: `ws://127.0.0.1:${server.addr.port}/?topic=test`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const frame = (...offsets: number[]) =>
  `[${offsets.map((offset) => `{"message":"m","offset":${offset}}`)}]`;

Deno.test("parseFrame() keeps every digit of an offset, and leaves messages alone", () => {
  const [long, short] = parseFrame(
    '[{"message":"\\"offset\\":9007199254740993","offset":9007199254740993,"timestamp":1},' +
      '{"message":null,"offset":5}]',
  );
  assert.deepEqual(long, {
    message: '"offset":9007199254740993',
    offset: 9007199254740993n,
    timestamp: 1,
  });
  assert.deepEqual(short, { message: null, offset: 5n });
});

Deno.test("parseFrame() refuses what is no frame", () => {
  for (const text of ["[]", "{}", '[{"message":"a"}]', '[{"offset":1}]', '[{"message":1}]']) {
    assert.throws(() => parseFrame(text), /v1 frame is no/);
  }
  assert.throws(() => parseFrame("nonsense"), SyntaxError);
});

Deno.test("RecordClient.until() waits for a count and for a condition", async () => {
  await using server = serve([frame(4, 5), frame(6)]);
  await using client = await RecordClient.open(server.url);
  await client.until(3);
  await client.until(({ next }) => next === 7n);
  assert.deepEqual(client.records.map(({ offset }) => offset), [4n, 5n, 6n]);
  assert.equal(client.frameCount, 2);
  client.verify();
  assert.deepEqual(await client.close(), { code: 1000, reason: "" });
});

Deno.test("RecordClient.verify() finds what its history finds", async () => {
  await using server = serve([frame(0, 1), frame(1, 2)]);
  await using client = await RecordClient.open(server.url, { keep: false });
  await client.until(4);
  assert.throws(() => client.verify(), /duplicate in partition 0: 1 came again/);
  assert.deepEqual(client.records, []);
});

Deno.test("RecordClient.until() says what it waited for, in vain or closed", async () => {
  await using server = serve([frame(0)]);
  await using client = await RecordClient.open(server.url);
  await client.until(1);
  await assert.rejects(
    client.until(2, { timeoutMs: 20 }),
    /Waited 20 ms in vain for 2 records \(1 records in 1 frames, next 0: 1\)/,
  );
  await using closing = serve([frame(0)], true);
  await using closed = await RecordClient.open(closing.url);
  await assert.rejects(
    closed.until(2),
    /Closed with 4404 "gone" while waiting for 2 records/,
  );
  assert.deepEqual(await closed.untilClosed(), { code: 4404, reason: "gone" });
});

Deno.test("RecordClient passes on what a callback throws, and refuses binary frames", async () => {
  await using server = serve([frame(0)]);
  const onRecord = () => {
    throw new Error("not this one");
  };
  await using client = await RecordClient.open(server.url, { onRecord });
  await assert.rejects(client.until(2), /not this one/);
  await using binary = serve([new Uint8Array(3)]);
  await using reader = await RecordClient.open(binary.url);
  await assert.rejects(reader.until(1), /binary frame/);
});

Deno.test("RecordClient.open() is refused where there is no upgrade, and httpUpgrade() shows why", async () => {
  await using server = serve([]);
  await assert.rejects(RecordClient.open(server.url), /Cannot connect to ws:/);
  using answer = await httpUpgrade(server.url);
  assert.equal(answer.status, 404);
  assert.deepEqual(answer.error, { code: "unknown_topic", message: "no" });
  using plain = await httpUpgrade(server.url, { headers: { Upgrade: undefined } });
  assert.deepEqual([plain.status, plain.headers.get("content-type")], [200, "application/json"]);
});

Deno.test("httpUpgrade() gives the connection of an accepted upgrade, with nothing read", async () => {
  await using server = serve([frame(0)]);
  using answer = await httpUpgrade(server.url);
  assert.equal(answer.status, 101);
  const bytes = new Uint8Array(64);
  const count = await answer.connection.read(bytes);
  assert.equal(bytes[0], 0x81);
  assert.equal(new TextDecoder().decode(bytes.subarray(2, count ?? 0)), frame(0));
});
