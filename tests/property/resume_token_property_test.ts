import assert from "node:assert/strict";
import fc from "fast-check";
import { ProxyError } from "../../src/core/proxy_error.ts";
import {
  decodeResumeToken,
  encodeResumeToken,
  MAX_RESUME_POSITIONS,
  MAX_RESUME_TOKEN_CHARS,
  type ResumeState,
} from "../../src/protocol/resume_token.ts";

const topic = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/)
  .filter((name) => name !== "." && name !== "..");
const next = fc.oneof(fc.bigInt(0n, 2n ** 63n - 1n), fc.bigInt(0n, 300n));
const partitions = fc.uniqueArray(
  fc.tuple(fc.oneof(fc.nat(2 ** 31 - 1), fc.nat(20)), next),
  { minLength: 1, maxLength: 6, selector: ([partition]) => partition },
);
const topics = fc.uniqueArray(
  fc.tuple(topic, fc.option(fc.uuid(), { nil: undefined }), partitions),
  { maxLength: 4, selector: ([topic]) => topic },
);

const state: fc.Arbitrary<ResumeState> = fc.tuple(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.constantFrom(undefined, "committed" as const, "uncommitted" as const),
  topics,
).map(([clusterId, isolation, topics]) => ({
  clusterId,
  ...(isolation && { isolation }),
  positions: topics.flatMap(([topic, topicId, partitions]) =>
    partitions.map(([partition, next]) => ({ topic, ...(topicId && { topicId }), partition, next }))
  ),
}));

/** Positions as tokens have them. */
function ordered({ positions, ...rest }: ResumeState): ResumeState {
  return {
    ...rest,
    positions: positions.toSorted((a, b) =>
      a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
    ),
  };
}

/** The state, or `undefined` when it is refused as it is to be. */
function decodedOrRefused(token: string): ResumeState | undefined {
  try {
    return decodeResumeToken(token);
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error));
    assert.equal(error.code, "bad_parameter");
    return undefined;
  }
}

Deno.test("decodeResumeToken() gives what was encoded, any state", () => {
  fc.assert(fc.property(state, (state) => {
    const token = encodeResumeToken(state);
    assert.match(token, /^[A-Za-z0-9_-]+$/);
    assert.deepEqual(decodeResumeToken(token), ordered(state));
    assert.equal(encodeResumeToken(ordered(state)), token);
  }));
});

Deno.test("decodeResumeToken() throws bad_parameter, tokens cut or changed anywhere", () => {
  fc.assert(
    fc.property(state, fc.nat(), fc.constantFrom("", "A", "_", "="), (state, at, char) => {
      const token = encodeResumeToken(state);
      const place = at % token.length;
      const changed = token.slice(0, place) + char + token.slice(place + 1);
      if (changed === token) return;
      assert.equal(decodedOrRefused(changed), undefined);
      assert.equal(decodedOrRefused(token.slice(0, place)), undefined);
      if (char !== "") assert.equal(decodedOrRefused(token + char), undefined);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("decodeResumeToken() gives a state or bad_parameter, any text", () => {
  const bytes = fc.uint8Array({ maxLength: 60 })
    .map((bytes) =>
      Uint8Array.of(1, 0, ...bytes).toBase64({ alphabet: "base64url", omitPadding: true })
    );
  fc.assert(
    fc.property(fc.oneof(fc.string(), bytes), (text) => void decodedOrRefused(text)),
    { numRuns: 3000 },
  );
});

for (
  const [what, token] of [
    ["too long", "A".repeat(MAX_RESUME_TOKEN_CHARS + 1)],
    ["far too long", "A".repeat(16_777_216)],
    ["many topics", "AQAA" + "_".repeat(262_000)],
    ["many empty partitions", "AQAA____f_" + "A".repeat(262_000)],
  ]
) {
  Deno.test(`decodeResumeToken() ends soon, ${what}`, () => {
    const start = performance.now();
    assert.equal(decodedOrRefused(token), undefined);
    assert.ok(performance.now() - start < 2000);
  });
}

Deno.test("encodeResumeToken() stays readable, as many positions as there may be", () => {
  const positions = Array.from({ length: MAX_RESUME_POSITIONS }, (_, partition) => ({
    topic: `topic-${partition % 64}-${"x".repeat(230)}`,
    topicId: "x".repeat(22),
    partition: partition * 200_000,
    next: 2n ** 63n - 1n,
  }));
  const token = encodeResumeToken({ clusterId: "c", positions });
  assert.ok(token.length <= MAX_RESUME_TOKEN_CHARS, String(token.length));
  assert.equal(decodeResumeToken(token).positions.length, positions.length);
  const more = [...positions, { topic: "one-more", partition: 0, next: 0n }];
  assert.throws(() => encodeResumeToken({ clusterId: "c", positions: more }), RangeError);
});

Deno.test("encodeResumeToken() throws RangeError, a partition twice or a number out of bounds", () => {
  const position = { topic: "orders", partition: 0, next: 5n };
  for (
    const positions of [
      [position, position],
      [{ ...position, partition: -1 }],
      [{ ...position, next: -1n }],
      [{ ...position, next: 2n ** 63n }],
    ]
  ) {
    assert.throws(() => encodeResumeToken({ clusterId: "c", positions }), RangeError);
  }
});

Deno.test("encodeResumeToken() keeps its form, version 1", () => {
  const token = encodeResumeToken({
    clusterId: "5L6g3nShT-eMCtK--X86sw",
    positions: [{ topic: "orders", partition: 0, next: 1200n }],
  });
  assert.equal(token, "AQAWNUw2ZzNuU2hULWVNQ3RLLS1YODZzdwEGb3JkZXJzAAEBsAmb4iOw");
});
