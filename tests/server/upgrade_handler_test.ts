import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { TOPIC } from "../support/array_reader.ts";
import { eventually } from "../support/eventually.ts";
import { holdsFor } from "../support/holds_for.ts";
import { httpUpgrade, type UpgradeRequest } from "../support/http_upgrade.ts";
import { RecordClient } from "../support/record_client.ts";
import { StuckPeer } from "../support/stuck_peer.ts";
import { TestServer, type TestServerOptions } from "./test_server.ts";

Deno.test("handleUpgrade() serves a client from its offset on, then what is appended", async () => {
  await using server = new TestServer();
  const { reader, events } = server.fakes;
  reader.fill(3, 100);
  await using client = await RecordClient.open(
    server.at(`topic=${TOPIC}&consumerGroup=&offset=50`),
  );
  await client.until(250);
  reader.append(["hello"]);
  await client.until(251);
  client.verify();
  assert.equal(client.records[0].offset, 50n);
  assert.deepEqual(client.records.at(-1), { message: "hello", offset: 300n });
  assert.equal(client.protocol, "");
  const [{ session: _, ...opened }] = events.of("session_opened");
  assert.deepEqual(opened, {
    event: "session_opened",
    topic: TOPIC,
    partitions: [0],
    group: undefined,
    address: "127.0.0.1",
    protocol: "v1",
    principal: "anonymous",
  });
});

Deno.test("handleUpgrade() forgets a client that has gone, its socket and its session", async () => {
  await using server = new TestServer();
  {
    await using _client = await RecordClient.open(server.at(`topic=${TOPIC}&consumerGroup=`));
    assert.equal(server.marks.sockets, 1);
    assert.equal(server.sessions.size, 1);
  }
  await eventually("no socket", () => server.marks.sockets === 0, { everyMs: 1 });
  await eventually("no session", () => server.sessions.size === 0, { everyMs: 1 });
  assert.equal(server.fakes.events.of("session_closed")[0].code, 1000);
});

// Such connections were kept for ever, a file descriptor and 20 KB each: a storm of clients that shake
// hands and leave took all that a process may open.
for (const query of ["", "&closeCodes=1"]) {
  Deno.test(`handleUpgrade() keeps no connection of a client that left while Kafka was asked${query}`, async () => {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const pause = () => {
      asked.resolve();
      return answered.promise;
    };
    await using server = new TestServer({ pause, closeCodes: "on" });
    const port = Number(new URL(server.httpUrl).port);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(handshakeBytes(`/?topic=${TOPIC}&consumerGroup=${query}`));
    await asked.promise;
    connection.close();
    // The listener has had its turns once it has answered others.
    for (let i = 0; i < 3; i++) await (await fetch(`${server.httpUrl}/livez`)).body?.cancel();
    answered.resolve();
    await eventually("the connection to be gone", () => !hasLeftover(port), { everyMs: 5 });
    assert.equal(server.marks.sockets, 0);
    assert.equal(server.isListening, true);
  });
}

for (
  const [offered, echo] of [
    [undefined, null],
    ["kafka-proxy.v1", "kafka-proxy.v1"],
    ["chat,kafka-proxy.v1", "kafka-proxy.v1"],
    ["kafka-proxy.v1, kafka-proxy.v2", "kafka-proxy.v1"],
  ] as const
) {
  Deno.test(`handleUpgrade() names ${echo}, offered ${offered}`, async () => {
    await using server = new TestServer();
    using answer = await httpUpgrade(server.at(`topic=${TOPIC}&consumerGroup=`), {
      headers: { "sec-websocket-protocol": offered },
    });
    assert.equal(answer.status, 101);
    assert.equal(answer.headers.get("sec-websocket-protocol"), echo);
  });
}

/** What is refused before Kafka is asked anything. */
const REFUSED: readonly {
  what: string;
  status: number;
  code: string;
  query?: string;
  options?: TestServerOptions;
  request?: UpgradeRequest;
  headers?: Record<string, string>;
}[] = [
  { what: "no topic", status: 400, code: "bad_parameter", query: "" },
  { what: "an offset that is none", status: 400, code: "bad_parameter", query: "topic=t&offset=x" },
  {
    what: "POST",
    status: 405,
    code: "method_not_allowed",
    request: { method: "POST" },
    headers: { allow: "GET" },
  },
  {
    what: "no Upgrade",
    status: 426,
    code: "upgrade_required",
    request: { headers: { Upgrade: undefined } },
    headers: { upgrade: "websocket", "sec-websocket-version": "13" },
  },
  {
    what: "version 8",
    status: 426,
    code: "upgrade_required",
    request: { headers: { "Sec-WebSocket-Version": "8" } },
  },
  {
    what: "a key of the wrong size",
    status: 400,
    code: "bad_request",
    request: { headers: { "Sec-WebSocket-Key": "c2hvcnQ=" } },
  },
  {
    what: "a page of another host",
    status: 403,
    code: "origin_refused",
    request: { headers: { Origin: "http://evil.example" } },
  },
  {
    what: "a page that calls us by another name",
    status: 403,
    code: "origin_refused",
    request: { headers: { Origin: "http://evil.example", Host: "evil.example" } },
  },
  {
    what: "no credentials",
    status: 401,
    code: "unauthorized",
    options: { auth: "thisisapassword" },
    headers: { "www-authenticate": 'Basic realm="kafka-proxy", charset="UTF-8"' },
  },
  {
    what: "wrong credentials",
    status: 401,
    code: "unauthorized",
    options: { auth: "thisisapassword" },
    request: { headers: { Authorization: "basic thisisnopassword" } },
  },
  {
    what: "another protocol",
    status: 501,
    code: "unsupported",
    request: { headers: { "sec-websocket-protocol": "kafka-proxy.v3" } },
  },
  {
    what: "parameters that belong in frames",
    status: 400,
    code: "bad_parameter",
    request: { headers: { "sec-websocket-protocol": "kafka-proxy.v2" } },
  },
  {
    what: "an internal topic",
    status: 403,
    code: "forbidden",
    query: "topic=__consumer_offsets",
  },
];

for (const { what, status, code, query, options, request, headers } of REFUSED) {
  Deno.test(`handleUpgrade() says ${status} ${code} and asks Kafka nothing, ${what}`, async () => {
    await using server = new TestServer(options);
    using answer = await httpUpgrade(server.at(query ?? `topic=${TOPIC}`), request);
    assert.equal(answer.status, status);
    assert.equal(answer.error?.code, code);
    for (const [name, value] of Object.entries(headers ?? {})) {
      assert.equal(answer.headers.get(name), value, name);
    }
    assert.equal(server.fakes.reader.looks.length, 0);
    assert.equal(server.marks.sockets, 0);
  });
}

for (const authorization of ["basic thisisapassword", `Basic ${btoa("a:thisisapassword")}`]) {
  Deno.test(`handleUpgrade() lets in, ${authorization.slice(0, 11)}`, async () => {
    await using server = new TestServer({ auth: "thisisapassword" });
    using answer = await httpUpgrade(server.at(`topic=${TOPIC}&consumerGroup=`), {
      headers: { authorization },
    });
    assert.equal(answer.status, 101);
  });
}

for (
  const [what, status, code, query] of [
    ["no such topic", 404, "unknown_topic", "topic=ordres"],
    ["no such partition", 404, "unknown_partition", `topic=${TOPIC}&partition=3`],
    ["an offset past the end", 416, "out_of_range", `topic=${TOPIC}&consumerGroup=&offset=11`],
  ] as const
) {
  Deno.test(`handleUpgrade() says ${status} ${code}, ${what}`, async () => {
    await using server = new TestServer();
    server.fakes.reader.fill(1, 10);
    using answer = await httpUpgrade(server.at(query));
    assert.equal(answer.status, status);
    assert.equal(answer.error?.code, code);
  });
}

Deno.test("handleUpgrade() says the valid range, out_of_range", async () => {
  await using server = new TestServer();
  server.fakes.reader.fill(1, 10);
  using answer = await httpUpgrade(server.at(`topic=${TOPIC}&consumerGroup=&offset=11`));
  assert.deepEqual([answer.error?.earliest, answer.error?.end], ["0", "10"]);
});

Deno.test("handleUpgrade() says 409 group_in_use, a group with live members", async () => {
  await using server = new TestServer();
  server.fakes.groups.live.set("g1", ["a/10.0.0.1"]);
  using answer = await httpUpgrade(server.at(`topic=${TOPIC}&consumerGroup=g1`));
  assert.equal(answer.status, 409);
  assert.equal(answer.error?.code, "group_in_use");
});

for (const code of ["kafka_unavailable", "leaving"] as const) {
  Deno.test(`handleUpgrade() says 503 ${code} and when to come back, not ready`, async () => {
    await using server = new TestServer();
    server.refusal = new ProxyError(code, "not now");
    using answer = await httpUpgrade(server.at(`topic=${TOPIC}`));
    assert.equal(answer.status, 503);
    assert.equal(answer.error?.code, code);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal(server.fakes.reader.looks.length, 0);
  });
}

Deno.test("handleUpgrade() says 503 leaving, it begins to leave while Kafka is asked", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = new TestServer({ pause: () => gate.promise });
  const answering = httpUpgrade(server.at(`topic=${TOPIC}&consumerGroup=`));
  await eventually("the question", () => server.fakes.reader.looks.length > 0, { everyMs: 1 });
  server.refusal = new ProxyError("leaving", "The server is leaving");
  gate.resolve();
  using answer = await answering;
  assert.equal(answer.status, 503);
  assert.equal(server.marks.sockets, 0);
});

Deno.test("handleUpgrade() says 503 overloaded, one socket over the limit", async () => {
  await using server = new TestServer({ maxSockets: 2 });
  const url = server.at(`topic=${TOPIC}&consumerGroup=`);
  await using _one = await RecordClient.open(url);
  {
    await using _two = await RecordClient.open(url);
    using answer = await httpUpgrade(url);
    assert.equal(answer.status, 503);
    assert.equal(answer.error?.code, "overloaded");
    assert.match(answer.error!.message, /2 are open, the limit is 2$/);
  }
  await eventually("one socket", () => server.marks.sockets === 1, { everyMs: 1 });
  await using _three = await RecordClient.open(url);
});

Deno.test("handleUpgrade() says 503 overloaded, the memory for records spent", async () => {
  await using server = new TestServer();
  const url = server.at(`topic=${TOPIC}&consumerGroup=`);
  await using _one = await RecordClient.open(url);
  server.marks.hold(256 << 20);
  {
    using answer = await httpUpgrade(url);
    assert.equal(answer.status, 503);
    assert.equal(answer.error?.code, "overloaded");
    assert.equal(answer.error.limit, "memoryBytes");
  }
  server.marks.hold(-(256 << 20));
  await using _two = await RecordClient.open(url);
});

Deno.test("handleUpgrade() keeps to the limit, many at a time while Kafka is asked", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = new TestServer({ maxSockets: 2, pause: () => gate.promise });
  const url = server.at(`topic=${TOPIC}&consumerGroup=`);
  const answering = Array.from({ length: 5 }, () => httpUpgrade(url));
  await eventually("all questions", () => server.fakes.reader.looks.length === 5, { everyMs: 1 });
  gate.resolve();
  const answers = await Promise.all(answering);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [101, 101, 503, 503, 503]);
  for (const answer of answers) answer[Symbol.dispose]();
});

Deno.test("handleUpgrade() says 429 too_many_requests, one socket over the address's limit", async () => {
  await using server = new TestServer({ maxSocketsPerAddress: 1 });
  const url = server.at(`topic=${TOPIC}&consumerGroup=`);
  {
    await using _one = await RecordClient.open(url);
    using answer = await httpUpgrade(url);
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal(answer.error?.code, "too_many_requests");
    assert.equal(answer.error.limit, "maxSocketsPerAddress");
  }
  await eventually("no socket", () => server.marks.sockets === 0, { everyMs: 1 });
  await using _two = await RecordClient.open(url);
});

Deno.test("handleUpgrade() gives the place back, requests that are refused", async () => {
  await using server = new TestServer({ maxSocketsPerAddress: 1 });
  for (let i = 0; i < 3; i++) {
    using answer = await httpUpgrade(server.at("topic=missing&consumerGroup="));
    assert.equal(answer.error?.code, "unknown_topic");
  }
  await using _client = await RecordClient.open(server.at(`topic=${TOPIC}&consumerGroup=`));
});

Deno.test("handleUpgrade() says 429 before anything else, an address that comes too often", async () => {
  await using server = new TestServer({ upgradesPerSecond: 1, auth: "thisisapassword" });
  using first = await httpUpgrade(server.at(`topic=${TOPIC}`));
  assert.equal(first.status, 401);
  using second = await httpUpgrade(server.at(`topic=${TOPIC}`));
  assert.equal(second.status, 429);
  assert.equal(second.error?.limit, "upgradesPerSecond");
});

Deno.test("handleUpgrade() says 431 headers_too_large, over maxHeaderBytes", async () => {
  await using server = new TestServer({ maxHeaderBytes: 2_000 });
  const headers = { "x-padding": "x".repeat(2_000) };
  using answer = await httpUpgrade(server.at(`topic=${TOPIC}`), { headers });
  assert.equal(answer.status, 431);
  assert.equal(answer.error?.code, "headers_too_large");
});

Deno.test("handleUpgrade() says 503 overloaded, one group session over the limit and no reader", async () => {
  await using server = new TestServer({ maxGroupSessions: 1, partitions: 2 });
  await using _group = await RecordClient.open(server.at(`topic=${TOPIC}&consumerGroup=g1`));
  using answer = await httpUpgrade(server.at(`topic=${TOPIC}&consumerGroup=g1&partition=1`));
  assert.equal(answer.status, 503);
  assert.match(answer.error!.message, /one more group session: 1 are open, the limit is 1$/);
  await using _reader = await RecordClient.open(server.at(`topic=${TOPIC}&consumerGroup=`));
});

// Throwing after the upgrade, or an upgrade of a request that is gone, closes the whole listener.
Deno.test({
  name: "handleUpgrade() goes on serving, clients that vanish while Kafka is asked",
  // Deno 2.9 never ends the upgrade of a connection that is gone: an operation of its own stays.
  sanitizeOps: false,
  async fn() {
    const gate = Promise.withResolvers<void>();
    await using server = new TestServer({ pause: () => gate.promise });
    const query = `topic=${TOPIC}&consumerGroup=g1`;
    const url = new URL(server.at(query));
    for (let i = 0; i < 5; i++) {
      const connection = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
      await connection.write(new TextEncoder().encode(
        `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n` +
          "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ));
      await eventually("the question", () => server.fakes.reader.looks.length > i, { everyMs: 1 });
      connection.close();
    }
    gate.resolve();
    await using client = await RecordClient.open(server.at(query));
    server.fakes.reader.append(["hello"]);
    await client.until(1);
    await eventually("the one socket that is left", () => server.marks.sockets === 1);
    await eventually("the one session that is left", () => server.sessions.size === 1);
    // Those that are given up by then take nothing over from the one that lives.
    server.fakes.reader.append(["hello again"]);
    await client.until(2);
    assert.equal(client.closeInfo, undefined);
    assert.equal(server.isListening, true);
  },
});

Deno.test("handleUpgrade() closes with 1008, a message from the client", async () => {
  await using server = new TestServer();
  const peer = await StuckPeer.connect(server.at(`topic=${TOPIC}&consumerGroup=`));
  await peer.send(1, "hello");
  assert.deepEqual(await peer.read(), { code: 1008, reason: "v1 clients send nothing" });
  peer[Symbol.dispose]();
  await eventually("no socket", () => server.marks.sockets === 0, { everyMs: 1 });
});

Deno.test("handleUpgrade() hands over, a newer client of the same group", async () => {
  await using server = new TestServer();
  const { reader, groups } = server.fakes;
  reader.fill(2, 10);
  const url = server.at(`topic=${TOPIC}&consumerGroup=g1`);
  await using older = await RecordClient.open(url);
  await older.until(20);
  await using newer = await RecordClient.open(url);
  assert.equal((await older.closed).code, 4409);
  assert.equal(groups.get("g1", TOPIC, 0), 20n);
  reader.fill(1, 5);
  await newer.until(5);
  assert.equal(newer.records[0].offset, 20n);
});

for (
  const [code, spoil] of [
    [4404, (server: TestServer) => server.fakes.reader.deleteTopic()],
    [
      1001,
      (server: TestServer) =>
        [...server.sessions].forEach(({ session }) => void session.stop(1001, "leaving", 0)),
    ],
    [4409, (server: TestServer) => server.fakes.leases.given.forEach((lease) => lease.lose())],
  ] as [number, (server: TestServer) => void][]
) {
  Deno.test(`handleUpgrade() closes with ${code}, as the client sees it`, async () => {
    await using server = new TestServer();
    await using client = await RecordClient.open(server.at(`topic=${TOPIC}&consumerGroup=g1`));
    await eventually("the poll", () => server.fakes.reader.waitingPolls > 0, { everyMs: 1 });
    spoil(server);
    assert.equal((await client.closed).code, code);
  });
}

Deno.test("handleUpgrade() reads nothing more and closes with 4408, a client that takes nothing", async () => {
  await using server = new TestServer({ stallTimeoutMs: 1_000 });
  const { reader, groups, events } = server.fakes;
  const value = "x".repeat(500_000);
  for (let i = 0; i < 40; i++) reader.append([value]);
  using peer = await StuckPeer.connect(server.at(`topic=${TOPIC}&consumerGroup=g1`));
  const { sink } = await eventually("the session", () => [...server.sessions].at(0), {
    everyMs: 1,
  });
  await eventually("a full socket", () => !sink.hasRoom, { everyMs: 1 });
  await holdsFor(50, "full", () => !sink.hasRoom);
  const fetches = reader.fetches.length;
  const { sentBytes } = sink;
  assert.ok(sentBytes < 15_000_000, `${sentBytes} bytes were sent`);
  await holdsFor(100, "nothing read", () => reader.fetches.length <= fetches + 1);
  // Its place is free at once, whether or not the close goes through.
  await eventually("the session to end", () => server.sessions.size === 0);
  assert.equal(events.of("session_closed")[0].code, 4408);
  const committed = groups.get("g1", TOPIC, 0) ?? 0n;
  assert.ok(committed < 40n, `committed ${committed} of 40`);
  assert.equal(server.marks.sockets, 1);
  peer[Symbol.dispose]();
  await eventually("the socket to go", () => server.marks.sockets === 0);
});

Deno.test("handleUpgrade() commits no record that was not sent, a client that leaves in the middle", async () => {
  await using server = new TestServer({ commitIntervalMs: 10 });
  const { reader, groups } = server.fakes;
  reader.fill(200, 100);
  const url = server.at(`topic=${TOPIC}&consumerGroup=g1&maxBytes=9000`);
  {
    await using client = await RecordClient.open(url);
    await client.until(500);
  }
  await eventually("the session to end", () => server.sessions.size === 0);
  const { records } = server.fakes.events.of("session_closed")[0];
  const committed = groups.get("g1", TOPIC, 0) ?? 0n;
  assert.ok(committed <= BigInt(Number(records)), `committed ${committed}, sent ${records}`);
});

for (
  const [what, query, protocols, code, options] of [
    ["no such topic", "topic=ordres", [], 4404, {}],
    ["wrong parameters", "topic=", [], 4400, {}],
    ["no credentials", `topic=${TOPIC}`, ["kafka-proxy.v1"], 4401, { auth: "thisisapassword" }],
    ["no credentials for v2", "", ["kafka-proxy.v2"], 4401, { auth: "thisisapassword" }],
  ] as const
) {
  Deno.test(`handleUpgrade() closes with ${code}, closeCodes=1 and ${what}`, async () => {
    await using server = new TestServer({ ...options, closeCodes: "on" });
    const client = await RecordClient.open(server.at(`${query}&closeCodes=1`), {
      protocols: [...protocols],
    });
    const { code: found, reason } = await client.untilClosed();
    assert.equal(found, code, reason);
    assert.notEqual(reason, "");
    assert.equal(server.sessions.size, 0);
    assert.equal(server.fakes.events.of("session_refused").length, 1);
  });
}

Deno.test("handleUpgrade() answers with HTTP, closeCodes=1 on a server that does not allow it", async () => {
  await using server = new TestServer();
  using answer = await httpUpgrade(server.at("topic=ordres&closeCodes=1"));
  assert.equal(answer.status, 404);
});

function handshakeBytes(path: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
}

/** Whether a connection to the port has been ended by the peer alone (`CLOSE_WAIT` of Linux). */
function hasLeftover(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`^ *\\d+: [0-9A-F]+:${hex} \\S+ 08 `, "m").test(
    Deno.readTextFileSync("/proc/net/tcp"),
  );
}
