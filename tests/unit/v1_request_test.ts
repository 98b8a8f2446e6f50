import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { parseV1Request, type V1Limits, type V1Request } from "../../src/protocol/v1_request.ts";

const LIMITS: V1Limits = {
  defaultPartition: 0,
  maxBytes: 500_000,
  idleTimeoutMs: 0,
  rate: undefined,
};

function parse(query: string, limits: Partial<V1Limits> = {}): V1Request {
  return parseV1Request(new URL(`ws://127.0.0.1:9999/${query}`), { ...LIMITS, ...limits });
}

/** The problems of a refused query; it fails when the query is accepted or refused otherwise. */
function problems(query: string, limits: Partial<V1Limits> = {}): string[] {
  try {
    parse(query, limits);
  } catch (error) {
    assert.ok(error instanceof ProxyError);
    assert.equal(error.code, "bad_parameter");
    const { problems } = error.details as { problems: string[] };
    assert.equal(error.message, `Cannot subscribe: ${problems.join("; ")}`);
    return problems;
  }
  assert.fail(`accepted: ${query}`);
}

Deno.test("parseV1Request() fills in the defaults, topic alone", () => {
  assert.deepEqual(parse("?topic=test"), {
    topic: "test",
    group: "default",
    partitions: [0],
    single: true,
    start: undefined,
    maxBytes: 500_000,
    idleTimeoutMs: 0,
    lingerMs: 0,
    rate: undefined,
    fields: ["message", "offset"],
    encoding: "text",
    isolation: "committed",
  });
});

Deno.test("parseV1Request() takes the server's settings as defaults", () => {
  const limits = {
    defaultPartition: 7,
    maxBytes: 1000,
    idleTimeoutMs: 100,
    lingerMs: 3,
    rate: 50,
  };
  const { partitions, maxBytes, idleTimeoutMs, lingerMs, rate } = parse("?topic=test", limits);
  assert.deepEqual({ partitions, maxBytes, idleTimeoutMs, lingerMs, rate }, {
    partitions: [7],
    maxBytes: 1000,
    idleTimeoutMs: 100,
    lingerMs: 3,
    rate: 50,
  });
});

Deno.test("parseV1Request() reads the original's own example", () => {
  const { topic, group, start, partitions } = parse(
    "?topic=test&consumerGroup=group1&offset=1000&partition=0",
  );
  assert.deepEqual({ topic, group, start, partitions }, {
    topic: "test",
    group: "group1",
    start: { kind: "offset", offset: 1000n },
    partitions: [0],
  });
});

Deno.test("parseV1Request() reads without a group, empty consumerGroup", () => {
  assert.equal(parse("?topic=test&consumerGroup=").group, undefined);
  assert.equal(parse("?topic=test&consumerGroup").group, undefined);
});

Deno.test("parseV1Request() counts offset 0", () => {
  assert.deepEqual(parse("?topic=test&offset=0").start, { kind: "offset", offset: 0n });
});

Deno.test("parseV1Request() is single, one integer asked for or defaulted", () => {
  assert.equal(parse("?topic=test&partition=3", { defaultPartition: "all" }).single, true);
  assert.equal(parse("?topic=test").single, true);
});

Deno.test("parseV1Request() is not single and adds the partition field, a list or all", () => {
  for (
    const request of [
      parse("?topic=test&partition=0,2"),
      parse("?topic=test&partition=all"),
      parse("?topic=test", { defaultPartition: "all" }),
    ]
  ) {
    assert.equal(request.single, false);
    assert.deepEqual(request.fields, ["message", "offset", "partition"]);
  }
});

Deno.test("parseV1Request() takes every start but an offset, several partitions", () => {
  for (const offset of ["earliest", "latest", "-5", "ts:5"]) {
    assert.notEqual(parse(`?topic=test&partition=all&offset=${offset}`).start, undefined);
  }
});

Deno.test("parseV1Request() refuses an offset, several partitions", () => {
  assert.deepEqual(problems("?topic=test&partition=0,2&offset=1000"), [
    '"offset" is 1000, a place in one partition, but "partition" is "0,2", wanted one partition ' +
    'number, or an offset of "earliest", "latest", "-N" or "ts:"',
  ]);
  assert.equal(problems("?topic=test&partition=all&offset=0").length, 1);
  assert.equal(problems("?topic=test&offset=0", { defaultPartition: "all" }).length, 1);
});

Deno.test("parseV1Request() blames the partition only, offset beside a wrong partition", () => {
  const [problem, ...others] = problems("?topic=test&offset=5&partition=x", {
    defaultPartition: "all",
  });
  assert.match(problem, /^"partition" is "x", wanted "all", a partition number/);
  assert.deepEqual(others, []);
});

Deno.test("parseV1Request() takes the plus of a time zone, encoded or not", () => {
  const start = {
    kind: "timestamp",
    timestampMs: BigInt(Date.UTC(2026, 0, 31, 8, 30)),
  };
  assert.deepEqual(parse("?topic=test&offset=ts:2026-01-31T09:30%2B01:00").start, start);
  assert.deepEqual(parse("?topic=test&offset=ts:2026-01-31T09:30+01:00").start, start);
});

Deno.test("parseV1Request() narrows what the server allows, bounds included", () => {
  const limits = { maxBytes: 1000, idleTimeoutMs: 100, rate: 50 };
  for (
    const [maxBytes, idleTimeoutMs, rate] of [[1, 2147483647, 1], [1000, 100, 50]]
  ) {
    const request = parse(
      `?topic=test&maxBytes=${maxBytes}&idleTimeout=${idleTimeoutMs}&rate=${rate}`,
      limits,
    );
    assert.equal(request.maxBytes, maxBytes);
    assert.equal(request.idleTimeoutMs, idleTimeoutMs);
    assert.equal(request.rate, rate);
  }
});

Deno.test("parseV1Request() names the server's limit, wider than it allows", () => {
  const limits = { maxBytes: 1000, idleTimeoutMs: 100, lingerMs: 3, rate: 50 };
  const query = "?topic=test&maxBytes=1001&idleTimeout=99&lingerMs=2&rate=51";
  assert.deepEqual(problems(query, limits), [
    '"maxBytes" is "1001", wanted bytes from 1 to 1000, the server\'s own limit',
    '"idleTimeout" is "99", wanted milliseconds from 100, the server\'s own pause, to 2147483647',
    '"lingerMs" is "2", wanted milliseconds from 3, the server\'s own wait, to 60000',
    '"rate" is "51", wanted records a second from 1 to 50, the server\'s own limit',
  ]);
});

for (
  const [parameter, name] of [
    ["topic=", "topic"],
    ["topic=.", "topic"],
    ["topic=..", "topic"],
    ["topic=a/b", "topic"],
    ["topic=a b", "topic"],
    ["topic=caf%C3%A9", "topic"],
    ["topic=%FF", "topic"],
    ["topic=%00", "topic"],
    [`topic=${"t".repeat(250)}`, "topic"],
    ["topic=test&consumerGroup=a b", "consumerGroup"],
    ["topic=test&consumerGroup=g/1", "consumerGroup"],
    [`topic=test&consumerGroup=${"g".repeat(201)}`, "consumerGroup"],
    ["topic=test&offset=", "offset"],
    ["topic=test&offset=end", "offset"],
    ["topic=test&offset=+5", "offset"],
    ["topic=test&offset=-0", "offset"],
    ["topic=test&partition=", "partition"],
    ["topic=test&partition=-1", "partition"],
    ["topic=test&partition=0,0", "partition"],
    ["topic=test&maxBytes=0", "maxBytes"],
    ["topic=test&maxBytes=1e3", "maxBytes"],
    ["topic=test&idleTimeout=-1", "idleTimeout"],
    ["topic=test&idleTimeout=2147483648", "idleTimeout"],
    ["topic=test&rate=0", "rate"],
    ["topic=test&rate=0.5", "rate"],
    ["topic=test&rate=", "rate"],
    ["topic=test&fields=", "fields"],
    ["topic=test&fields=value", "fields"],
    ["topic=test&encoding=json", "encoding"],
    ["topic=test&isolation=read_committed", "isolation"],
  ]
) {
  Deno.test(`parseV1Request() refuses and names ${name}, ${parameter.slice(0, 60)}`, () => {
    const [problem, ...others] = problems(`?${parameter}`);
    assert.match(problem, new RegExp(`^"${name}" is ".*", wanted `));
    assert.deepEqual(others, []);
  });
}

Deno.test("parseV1Request() takes names at their longest", () => {
  const [topic, group] = ["t".repeat(249), "g".repeat(200)];
  const request = parse(`?topic=${topic}&consumerGroup=${group}`);
  assert.deepEqual([request.topic, request.group], [topic, group]);
});

Deno.test("parseV1Request() shows how a topic is given, no topic", () => {
  assert.deepEqual(problems(""), ['"topic" is missing, wanted as in "/?topic=test"']);
});

Deno.test("parseV1Request() reports everything at once, many wrong parameters", () => {
  const found = problems("?topic=a/b&offset=x&partition=y&rate=z&encoding=e&Isolation=i");
  assert.deepEqual(found.map((problem) => problem.split(" ")[0]).sort(), [
    '"Isolation"',
    '"encoding"',
    '"offset"',
    '"partition"',
    '"rate"',
    '"topic"',
  ]);
});

Deno.test("parseV1Request() refuses a parameter that is there twice", () => {
  assert.deepEqual(problems("?topic=test&offset=1&offset=1"), [
    '"offset" is there 2 times, wanted once',
  ]);
});

Deno.test("parseV1Request() names the parameter that was meant, slips", () => {
  assert.deepEqual(problems("?Topic=test"), ['"Topic" is no parameter, wanted "topic"']);
  assert.deepEqual(problems("?topic=test&consumergroup=g"), [
    '"consumergroup" is no parameter, wanted "consumerGroup"',
  ]);
});

Deno.test("parseV1Request() passes over names that are nobody's slip, even repeated", () => {
  const query = "?topic=test&closeCodes=1&access_token=a&ticket=b&_=1&_=2&clientId=x&constructor=1";
  assert.deepEqual(parse(query), parse("?topic=test"));
});

Deno.test("parseV1Request() never shows the value of an unknown name, slip with a secret", () => {
  assert.ok(!problems("?topic=test&Topic=s3cret").join().includes("s3cret"));
});

Deno.test("parseV1Request() answers briefly, long and many wrong parameters", () => {
  const slips = Array.from({ length: 2000 }, (_, index) => `tOpic${index % 10}${"_".repeat(20)}=1`);
  const found = problems(`?${slips.join("&")}&offset=${"9".repeat(100_000)}`);
  assert.ok(found.length <= 10 && found.join().length < 2000);
});
