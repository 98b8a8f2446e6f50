import assert from "node:assert/strict";
import { ERROR_TABLE, type ErrorCode } from "../../src/core/error_table.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { httpUpgrade, type UpgradeRequest } from "../support/http_upgrade.ts";
import { StuckPeer } from "../support/stuck_peer.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

/** Two partitions; partition 0 holds 10 to 30. */
const TOPIC = "refusals";

let isPrepared = false;

async function prepare(): Promise<{ kafka: string }> {
  const { kafka, helper } = await sharedKafka();
  if (!isPrepared) {
    isPrepared = true;
    await helper.createTopic(TOPIC, { partitions: 2 });
    await helper.produce({ topic: TOPIC, count: 30, partition: 0 });
    await helper.deleteRecords(TOPIC, 0, 10);
  }
  return { kafka: kafka.bootstrap };
}

/** A request that must be refused. */
interface Refusal {
  /** After the `?`. */
  readonly query: string;
  readonly request?: UpgradeRequest;
  readonly code: ErrorCode;
  /** Said to the client. */
  readonly message: RegExp;
  /** More members of the body's `error`. */
  readonly details?: Record<string, unknown>;
}

function parameter(query: string, message: RegExp): Refusal {
  return { query, code: "bad_parameter", message };
}

const RANGE = { partition: 0, earliest: "10", end: "30" };

/** What gets a clear error on a server without credentials, by name. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  "topic missing": parameter("", /"topic" is missing/),
  "topic empty": parameter("topic=", /"topic" is "", wanted the name of a topic/),
  "topic that is no name": parameter("topic=a%2Fb", /"topic" is "a\/b"/),
  "topic of dots": parameter("topic=..", /"topic" is ".."/),
  "topic too long": parameter(`topic=${"a".repeat(250)}`, /"topic" is "a+/),
  "topic twice": parameter(`topic=${TOPIC}&topic=${TOPIC}`, /"topic" is there 2 times/),
  "topic by a slip": parameter(`Topic=${TOPIC}`, /"Topic" is no parameter, wanted "topic"/),
  "topic unknown": {
    query: "topic=unknown",
    code: "unknown_topic",
    message: /^Cannot read "unknown": there is no such topic$/,
  },
  "topic unknown, to a reader": {
    query: "topic=unknown&consumerGroup=&partition=all",
    code: "unknown_topic",
    message: /^Cannot read "unknown"/,
  },
  "topic of Kafka's own": {
    query: "topic=__consumer_offsets&consumerGroup=",
    code: "forbidden",
    message: /^Cannot read "__consumer_offsets"/,
  },
  "topic that begins like one of Kafka's own": {
    query: "topic=__mine",
    code: "forbidden",
    message: /^Cannot read "__mine"/,
  },
  "group with a blank": parameter(
    `topic=${TOPIC}&consumerGroup=a%20b`,
    /"consumerGroup" is "a b", wanted a consumer group/,
  ),
  "group with a slash": parameter(`topic=${TOPIC}&consumerGroup=a/b`, /"consumerGroup"/),
  "group with a letter beyond ASCII": parameter(
    `topic=${TOPIC}&consumerGroup=%C3%A4`,
    /"consumerGroup" is "ä"/,
  ),
  "group too long": parameter(
    `topic=${TOPIC}&consumerGroup=${"g".repeat(201)}`,
    /"consumerGroup"/,
  ),
  "partition that does not exist": {
    query: `topic=${TOPIC}&partition=2`,
    code: "unknown_partition",
    message: /partition 2: it has 2 partitions, 0 to 1$/,
    details: { partitions: 2 },
  },
  "partition in a list that does not exist": {
    query: `topic=${TOPIC}&partition=0,7`,
    code: "unknown_partition",
    message: /partition 7/,
    details: { partitions: 2 },
  },
  "partition empty": parameter(`topic=${TOPIC}&partition=`, /"partition" is ""/),
  "partition that is a word": parameter(`topic=${TOPIC}&partition=first`, /"partition"/),
  "partition negative": parameter(`topic=${TOPIC}&partition=-1`, /"partition"/),
  "partition with a fraction": parameter(`topic=${TOPIC}&partition=0.5`, /"partition"/),
  "partition twice in a list": parameter(`topic=${TOPIC}&partition=0,0`, /"partition"/),
  "partition beyond 2^31": parameter(`topic=${TOPIC}&partition=2147483648`, /"partition"/),
  "partitions, too many": parameter(
    `topic=${TOPIC}&partition=${Array.from({ length: 17 }, (_, i) => i)}`,
    /"partition".* at most 16/,
  ),
  "offset empty": parameter(`topic=${TOPIC}&offset=`, /"offset" is ""/),
  "offset that is a word": parameter(`topic=${TOPIC}&offset=begin`, /"offset" is "begin"/),
  "offset in hexadecimal": parameter(`topic=${TOPIC}&offset=0x10`, /"offset"/),
  "offset with an exponent": parameter(`topic=${TOPIC}&offset=1e3`, /"offset"/),
  "offset with a fraction": parameter(`topic=${TOPIC}&offset=1.5`, /"offset"/),
  "offset of minus zero": parameter(`topic=${TOPIC}&offset=-0`, /"offset"/),
  "offset beyond 2^63": parameter(`topic=${TOPIC}&offset=9223372036854775808`, /"offset"/),
  "offset by a time that is none": parameter(`topic=${TOPIC}&offset=ts:noon`, /"offset"/),
  "offset for several partitions": parameter(
    `topic=${TOPIC}&offset=10&partition=0,1`,
    /"offset" is 10, a place in one partition/,
  ),
  "offset for all partitions": parameter(
    `topic=${TOPIC}&offset=10&partition=all&consumerGroup=`,
    /"offset" is 10, a place in one partition/,
  ),
  "offset past the end": {
    query: `topic=${TOPIC}&offset=31`,
    code: "out_of_range",
    message: /at offset 31: it holds 10 to 30$/,
    details: RANGE,
  },
  "offset past the end, to a reader": {
    query: `topic=${TOPIC}&offset=9223372036854775807&consumerGroup=`,
    code: "out_of_range",
    message: /it holds 10 to 30$/,
    details: RANGE,
  },
  "offset before the beginning": {
    query: `topic=${TOPIC}&offset=9`,
    code: "out_of_range",
    message: /at offset 9: it holds 10 to 30$/,
    details: RANGE,
  },
  "maxBytes of zero": parameter(`topic=${TOPIC}&maxBytes=0`, /"maxBytes"/),
  "maxBytes over the server's": parameter(
    `topic=${TOPIC}&maxBytes=500001`,
    /"maxBytes" is "500001", wanted bytes from 1 to 500000/,
  ),
  "idleTimeout negative": parameter(`topic=${TOPIC}&idleTimeout=-1`, /"idleTimeout"/),
  "rate of zero": parameter(`topic=${TOPIC}&rate=0`, /"rate"/),
  "fields unknown": parameter(`topic=${TOPIC}&fields=message,value`, /"fields"/),
  "encoding unknown": parameter(`topic=${TOPIC}&encoding=hex`, /"encoding" is "hex"/),
  "isolation unknown": parameter(`topic=${TOPIC}&isolation=read`, /"isolation" is "read"/),
  "method POST": {
    query: `topic=${TOPIC}`,
    request: { method: "POST" },
    code: "method_not_allowed",
    message: /the method is "POST", wanted "GET"$/,
  },
  "method PUT": {
    query: `topic=${TOPIC}`,
    request: { method: "PUT" },
    code: "method_not_allowed",
    message: /the method is "PUT"/,
  },
  "no Upgrade": {
    query: `topic=${TOPIC}`,
    request: { headers: { upgrade: undefined } },
    code: "upgrade_required",
    message: /the header Upgrade is missing, wanted "websocket"$/,
  },
  "Upgrade to something else": {
    query: `topic=${TOPIC}`,
    request: { headers: { upgrade: "h2c" } },
    code: "upgrade_required",
    message: /the header Upgrade is "h2c"/,
  },
  "no Connection": {
    query: `topic=${TOPIC}`,
    request: { headers: { connection: undefined } },
    code: "upgrade_required",
    message: /the header Connection is missing/,
  },
  "Connection that is to be kept": {
    query: `topic=${TOPIC}`,
    request: { headers: { connection: "keep-alive" } },
    code: "upgrade_required",
    message: /the header Connection is "keep-alive"/,
  },
  "no WebSocket version": {
    query: `topic=${TOPIC}`,
    request: { headers: { "sec-websocket-version": undefined } },
    code: "upgrade_required",
    message: /the header Sec-WebSocket-Version is missing, wanted "13"$/,
  },
  "WebSocket version 8": {
    query: `topic=${TOPIC}`,
    request: { headers: { "sec-websocket-version": "8" } },
    code: "upgrade_required",
    message: /the header Sec-WebSocket-Version is "8", wanted "13"$/,
  },
  "no key": {
    query: `topic=${TOPIC}`,
    request: { headers: { "sec-websocket-key": undefined } },
    code: "bad_request",
    message: /the header Sec-WebSocket-Key is missing/,
  },
  "key of the wrong length": {
    query: `topic=${TOPIC}`,
    request: { headers: { "sec-websocket-key": "dGhl" } },
    code: "bad_request",
    message: /the header Sec-WebSocket-Key is "dGhl"/,
  },
  "subprotocol unknown": {
    query: `topic=${TOPIC}`,
    request: { headers: { "sec-websocket-protocol": "soap" } },
    code: "bad_request",
    message: /offered "soap", wanted "kafka-proxy.v1"/,
  },
  "Origin of another page": {
    query: `topic=${TOPIC}`,
    request: { headers: { origin: "https://evil.example" } },
    code: "origin_refused",
    message: /Origin "https:\/\/evil.example"/,
  },
  "Origin with our host and another port": {
    query: `topic=${TOPIC}`,
    request: { headers: { origin: "http://127.0.0.1:1" } },
    code: "origin_refused",
    message: /Origin "http:\/\/127.0.0.1:1"/,
  },
  "Origin of a file": {
    query: `topic=${TOPIC}`,
    request: { headers: { origin: "null" } },
    code: "origin_refused",
    message: /Origin "null"/,
  },
  "Origin whose name was made to mean us": {
    query: `topic=${TOPIC}`,
    request: { headers: { origin: "http://evil.example:9999", host: "evil.example:9999" } },
    code: "origin_refused",
    message: /calls this server "evil.example"/,
  },
};

/** Headers that an answer of this code must have. */
const HEADERS: Partial<Record<ErrorCode, Readonly<Record<string, string>>>> = {
  unauthorized: { "www-authenticate": 'Basic realm="kafka-proxy", charset="UTF-8"' },
  method_not_allowed: { allow: "GET" },
  upgrade_required: { "sec-websocket-version": "13", upgrade: "websocket" },
};

async function assertRefused(proxy: TestProxy, name: string, refusal: Refusal): Promise<void> {
  const { query, request, code, message, details = {} } = refusal;
  const answer = await httpUpgrade(`${proxy.url}?${query}`, request);
  try {
    assert.equal(answer.status, ERROR_TABLE[code].status, `${name}: ${answer.body}`);
    const { code: said, message: text, ...more } = answer.error!;
    assert.equal(said, code, name);
    assert.match(text, message, name);
    if (code !== "bad_parameter") assert.deepEqual(more, details, name);
    assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8", name);
    assert.equal(answer.headers.get("cache-control"), "no-store", name);
    for (const [header, value] of Object.entries(HEADERS[code] ?? {})) {
      assert.equal(answer.headers.get(header), value, `${name}: ${header}`);
    }
    assert.equal(answer.headers.get("sec-websocket-accept"), null, name);
  } finally {
    answer[Symbol.dispose]();
  }
}

async function assertServes(proxy: TestProxy, request: UpgradeRequest = {}): Promise<void> {
  const query = { topic: TOPIC, offset: 10, consumerGroup: "" };
  using answer = await proxy.upgrade(query, request);
  assert.equal(answer.status, 101, answer.body);
}

Deno.test("What gets a clear error: every refusal has its status, code and headers", async () => {
  await using proxy = await startProxy(await prepare());
  for (const [name, refusal] of Object.entries(REFUSALS)) {
    await assertRefused(proxy, name, refusal);
  }
  const count = Object.keys(REFUSALS).length;
  assert.equal(proxy.events.count("session_refused"), count);
  assert.equal(proxy.events.count("session_opened"), 0);
  assert.equal(proxy.events.count("request_failed"), 0);
  assert.equal(proxy.proxy.sockets, 0);
  await assertServes(proxy);
  const { helper } = await sharedKafka();
  await assert.rejects(helper.describeTopic("unknown"), "no topic was created");
});

Deno.test("What gets a clear error: bad_parameter names every mistake one by one", async () => {
  await using proxy = await startProxy(await prepare());
  const query = "topic=a/b&offset=x&partition=y&rate=0&ofset=1&consumerGroup=a%20b";
  using answer = await httpUpgrade(`${proxy.url}?${query}`);
  const problems = answer.error!.problems as string[];
  assert.deepEqual(
    problems.map((problem) => /^"(\w+)"/.exec(problem)?.[1]).sort(),
    ["consumerGroup", "ofset", "partition", "rate", "topic"],
  );
  assert.equal(answer.error!.message, `Cannot subscribe: ${problems.join("; ")}`);
});

const SECRET = "thisisapassword";

/** Values of the Authorization header, and whether they let in. */
const CREDENTIALS: readonly (readonly [value: string | undefined, isGood: boolean])[] = [
  [`basic ${SECRET}`, true],
  [`Basic ${SECRET}`, true],
  [`BASIC ${SECRET}`, true],
  [`Basic ${btoa(`alice:${SECRET}`)}`, true],
  [`basic ${btoa(`:${SECRET}`)}`, true],
  [undefined, false],
  ["", false],
  ["basic", false],
  ["basic ", false],
  [SECRET, false],
  [`Bearer ${SECRET}`, false],
  [`Digest ${SECRET}`, false],
  [`basic ${SECRET}x`, false],
  [`basic ${SECRET.slice(0, -1)}`, false],
  [`basic ${SECRET.toUpperCase()}`, false],
  [`basic ${SECRET} ${SECRET}`, false],
  [`basic ${SECRET}, basic ${SECRET}`, false],
  [`Basic ${btoa(SECRET)}`, false],
  [`Basic ${btoa(`${SECRET}:`)}`, false],
  [`Basic ${btoa(`alice:${SECRET}:`)}`, false],
  [`Basic ${btoa("alice:wrong")}`, false],
  [`Basic ${"A".repeat(10_000)}`, false],
];

Deno.test("What gets a clear error: wrong credentials give 401, before anything is asked of Kafka", async () => {
  const { kafka } = await prepare();
  await using proxy = await startProxy({ kafka, auth: SECRET });
  for (const [authorization, isGood] of CREDENTIALS) {
    const request = { headers: { authorization } };
    if (isGood) {
      await assertServes(proxy, request);
      continue;
    }
    await assertRefused(proxy, `${authorization}`, {
      query: "topic=unknown",
      request,
      code: "unauthorized",
      message: authorization === undefined
        ? /^Cannot authenticate: the Authorization header is missing, wanted "Authorization: basic/
        : /^Cannot authenticate: the credentials are wrong/,
    });
  }
  await assertRefused(proxy, "good credentials and an unknown topic", {
    query: "topic=unknown",
    request: { headers: { authorization: `basic ${SECRET}` } },
    code: "unknown_topic",
    message: /"unknown"/,
  });
});

Deno.test("What gets a clear error: pages of our own host and those that --origin names pass", async () => {
  const { kafka } = await prepare();
  await using proxy = await startProxy({ kafka, origin: ["https://app.example"] });
  const { host, port } = new URL(proxy.url);
  for (
    const headers of [
      {},
      { origin: `http://${host}` },
      { origin: `http://localhost:${port}`, host: `localhost:${port}` },
      { origin: "https://app.example" },
    ]
  ) {
    await assertServes(proxy, { headers });
  }
  for (const origin of ["https://app.example.evil", "http://app.example", "https://b.example"]) {
    await assertRefused(proxy, origin, {
      query: `topic=${TOPIC}`,
      request: { headers: { origin } },
      code: "origin_refused",
      message: /Cannot accept a page of Origin/,
    });
  }
});

Deno.test("What gets a clear error: __consumer_offsets is refused unless the configuration names it", async () => {
  const { kafka } = await prepare();
  {
    // So that it exists.
    await using proxy = await startProxy({ kafka, commitIntervalMs: 10 });
    await using client = await proxy.connect({ topic: TOPIC });
    await client.until(20);
    const { helper } = await sharedKafka();
    await eventually(
      "a position to be committed",
      async () => (await helper.groupOffsets("default")).length === 1,
    );
  }
  await using proxy = await startProxy({ kafka, internalTopics: ["__consumer_offsets"] });
  await using client = await proxy.read({ topic: "__consumer_offsets", partition: "all" });
  await client.until(1);
  await assertRefused(proxy, "another one", {
    query: "topic=__transaction_state",
    code: "forbidden",
    message: /^Cannot read "__transaction_state"/,
  });
});

Deno.test("What gets a clear error: a frame from a v1 client closes its socket with 1008", async () => {
  const { kafka } = await prepare();
  await using proxy = await startProxy({ kafka });
  const frames = [[1, "hello"], [2, "\0\x01"], [1, ""], [2, ""]] as const;
  for (const query of [{ consumerGroup: "" }, { consumerGroup: "frames" }]) {
    for (const [opcode, payload] of frames) {
      using peer = await StuckPeer.connect(proxy.at({ topic: TOPIC, offset: 30, ...query }));
      await peer.send(opcode, payload);
      const close = await peer.readToEnd(() => {});
      assert.deepEqual(close, { code: 1008, reason: "v1 clients send nothing" });
    }
  }
  await using client = await proxy.read({ topic: TOPIC });
  client.send("hello");
  assert.equal((await client.untilClosed()).code, 1008);
  client.verify();
  await eventually("no socket", () => proxy.proxy.sockets === 0);
  await assertServes(proxy);
});

Deno.test("What gets a clear error: one socket too many gives 503 and Retry-After", async () => {
  const { kafka } = await prepare();
  await using proxy = await startProxy({ kafka, maxSockets: 3, maxGroupSessions: 1 });
  const overloaded = { code: "overloaded", message: /^Cannot open one more / } as const;
  {
    await using _first = await proxy.connect({ topic: TOPIC, consumerGroup: "one" });
    await assertRefused(proxy, "a second group", {
      query: `topic=${TOPIC}&consumerGroup=two`,
      ...overloaded,
      details: { limit: "maxGroupSessions" },
    });
    await using _second = await proxy.connect({ topic: TOPIC, consumerGroup: "" });
    await using _third = await proxy.connect({ topic: TOPIC, consumerGroup: "" });
    await assertRefused(proxy, "a fourth socket", {
      query: `topic=${TOPIC}&consumerGroup=`,
      ...overloaded,
      details: { limit: "maxSockets" },
    });
    using answer = await proxy.upgrade({ topic: TOPIC, consumerGroup: "" });
    assert.equal(answer.headers.get("retry-after"), "1");
  }
  await eventually("room", () => proxy.proxy.sockets === 0);
  await assertServes(proxy);
});
