import assert from "node:assert/strict";
import fc from "fast-check";
import { ProxyError } from "../../src/core/proxy_error.ts";
import type { StartPosition } from "../../src/protocol/start_position.ts";
import { V1_FIELDS } from "../../src/protocol/v1_fields.ts";
import { parseV1Request, type V1Limits, type V1Request } from "../../src/protocol/v1_request.ts";

const LIMITS: V1Limits = {
  defaultPartition: "all",
  maxBytes: 500_000,
  idleTimeoutMs: 10,
  rate: 20_000,
};

const MAX_INT64 = 2n ** 63n - 1n;
const name = (maxLength: number) =>
  fc.stringMatching(/^[A-Za-z0-9._-]+$/, { maxLength })
    .filter((text) => text.length <= maxLength && text !== "." && text !== "..");

const start: fc.Arbitrary<StartPosition | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom("earliest" as const, "latest" as const).map((kind) => ({ kind })),
  fc.bigInt(0n, MAX_INT64).map((offset) => ({ kind: "offset" as const, offset })),
  fc.bigInt(1n, MAX_INT64).map((records) => ({ kind: "last" as const, records })),
  fc.bigInt(0n, MAX_INT64).map((timestampMs) => ({ kind: "timestamp" as const, timestampMs })),
);

const partitions = fc.oneof(
  fc.constant("all" as const),
  fc.uniqueArray(fc.nat(2147483647), { minLength: 1, maxLength: 16 })
    .map((list) => list.sort((a, b) => a - b)),
);

const request: fc.Arbitrary<V1Request> = fc.record({
  topic: name(249),
  group: fc.option(name(200), { nil: undefined }),
  partitions,
  start,
  maxBytes: fc.integer({ min: 1, max: LIMITS.maxBytes }),
  lingerMs: fc.integer({ min: 0, max: 60_000 }),
  idleTimeoutMs: fc.integer({ min: LIMITS.idleTimeoutMs, max: 2147483647 }),
  rate: fc.integer({ min: 1, max: 20_000 }),
  asked: fc.subarray([...V1_FIELDS]),
  encoding: fc.constantFrom("text" as const, "base64" as const),
  isolation: fc.constantFrom("committed" as const, "uncommitted" as const),
}).map(({ asked, ...rest }) => {
  const single = rest.partitions !== "all" && rest.partitions.length === 1;
  const has = (field: string) =>
    field === "message" || field === "offset" || asked.some((each) => each === field) ||
    (field === "partition" && !single);
  return { ...rest, single, fields: V1_FIELDS.filter(has) };
}).filter((request) => request.single || request.start?.kind !== "offset");

function startText(start: StartPosition): string {
  switch (start.kind) {
    case "offset":
      return String(start.offset);
    case "last":
      return `-${start.records}`;
    case "timestamp":
      return `ts:${start.timestampMs}`;
    default:
      return start.kind;
  }
}

function toUrl(request: V1Request): URL {
  const url = new URL("ws://127.0.0.1:9999/");
  url.search = new URLSearchParams({
    topic: request.topic,
    consumerGroup: request.group ?? "",
    ...(request.start === undefined ? {} : { offset: startText(request.start) }),
    partition: String(request.partitions),
    maxBytes: String(request.maxBytes),
    idleTimeout: String(request.idleTimeoutMs),
    lingerMs: String(request.lingerMs),
    rate: String(request.rate),
    fields: request.fields.toReversed().join(","),
    encoding: request.encoding,
    isolation: request.isolation,
  }).toString();
  return url;
}

/** Every error must be ours, and say what is wrong. */
function parsesOrRefuses(url: URL): void {
  try {
    parseV1Request(url, LIMITS);
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error));
    assert.equal(error.code, "bad_parameter");
    assert.match(error.message, /^Cannot subscribe: ".*wanted /);
    assert.ok(error.message.length < 8000);
  }
}

Deno.test("parseV1Request() gives back every request, said in a URL", () => {
  fc.assert(fc.property(request, (request) => {
    assert.deepEqual(parseV1Request(toUrl(request), LIMITS), request);
  }));
});

Deno.test("parseV1Request() throws nothing but bad_parameter, any query", () => {
  const query = fc.oneof(fc.string({ unit: "binary" }), fc.webQueryParameters());
  fc.assert(fc.property(query, (query) => {
    const url = new URL("ws://127.0.0.1:9999/?topic=test");
    url.search += `&${query}`;
    parsesOrRefuses(url);
  }));
});

Deno.test("parseV1Request() throws nothing but bad_parameter, one value replaced", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^[-+ts:0-9eTZ.,]{0,30}$/),
    fc.constantFrom("__proto__", "toString", "", "-0", "all", "ts:"),
  );
  fc.assert(fc.property(request, fc.nat(9), value, (request, index, value) => {
    const url = toUrl(request);
    const names = [...url.searchParams.keys()];
    url.searchParams.set(names[index % names.length], value);
    parsesOrRefuses(url);
  }));
});

Deno.test("parseV1Request() throws nothing but bad_parameter, any name beside a good request", () => {
  fc.assert(fc.property(request, fc.string({ unit: "binary" }), (request, name) => {
    const url = toUrl(request);
    url.searchParams.append(name, "1");
    parsesOrRefuses(url);
  }));
});
