import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { parseV2Request } from "../../src/protocol/v2_parser.ts";
import type { V2Request } from "../../src/protocol/v2_requests.ts";
import type { V2Response } from "../../src/protocol/v2_responses.ts";
import { decodeResumeToken } from "../../src/protocol/resume_token.ts";
import { V2FrameEncoder } from "../../src/protocol/v2_frames.ts";
import { allFrames, chunkOf, wireBatches } from "../support/encoded_frames.ts";
import { codeSpans, repositoryText, section, tableRows } from "../support/markdown.ts";

const PROTOCOL = await repositoryText("docs/PROTOCOL.md");

/** Lines of the blocks that one side's frames stand in. */
function examples(side: "client" | "server"): string[] {
  return [...PROTOCOL.matchAll(/^```jsonl (client|server)\n([^]*?)^```$/gm)]
    .filter(([, own]) => own === side)
    .flatMap(([, , lines]) => lines.trimEnd().split("\n"));
}

type ResponseOf<Type> = Extract<V2Response, { readonly type: Type }>;
type FieldsOf<Type> = {
  readonly [Name in keyof ResponseOf<Type>]-?: undefined extends ResponseOf<Type>[Name] ? "may"
    : "must";
};

/** The fields of every frame of a server, as its types have them. */
const RESPONSES: { readonly [Type in V2Response["type"]]: FieldsOf<Type> } = {
  hello: {
    type: "must",
    protocol: "must",
    session: "must",
    server: "must",
    limits: "must",
    principal: "must",
  },
  subscribed: {
    type: "must",
    id: "may",
    subscription: "must",
    topics: "must",
    recovered: "may",
    partitions: "must",
  },
  assigned: { type: "must", subscription: "must", partitions: "must" },
  revoked: { type: "must", subscription: "must", partitions: "must" },
  gap: {
    type: "must",
    subscription: "must",
    topic: "must",
    partition: "must",
    from: "must",
    to: "must",
    reason: "must",
  },
  end: { type: "must", subscription: "must", topic: "must", partition: "must", end: "must" },
  position: { type: "must", subscription: "must", resume: "must" },
  ended: { type: "must", subscription: "must", code: "must", message: "must" },
  lag: { type: "must", id: "may", subscription: "must", partitions: "must" },
  committed: {
    type: "must",
    id: "may",
    subscription: "must",
    topic: "must",
    partition: "must",
    next: "must",
  },
  produced: { type: "must", id: "must", results: "must" },
  permitted: { type: "must", id: "may", records: "must", bytes: "must" },
  pong: { type: "must", id: "may" },
  ok: { type: "must", id: "must" },
  error: { type: "must", id: "may", code: "must", message: "must", subscription: "may" },
  expiring: { type: "must", inMs: "must" },
  draining: { type: "must", inMs: "must" },
};

/** The fields a request may have, as the parser names them to somebody who has written another. */
function parserFields(type: string): string[] {
  try {
    parseV2Request(JSON.stringify({ type, "?": 1 }));
  } catch (error) {
    assert.ok(error instanceof ProxyError);
    const [, names] = /wanted one of (.*)$/.exec(error.message)!;
    return names.split(", ");
  }
  assert.fail(`${type} takes any field`);
}

for (const example of examples("client")) {
  Deno.test(`PROTOCOL.md has requests that are read, ${example.slice(0, 60)}`, () => {
    assert.equal(parseV2Request(example).type, JSON.parse(example).type);
  });
}

for (const example of examples("server").filter((each) => !each.startsWith('{"type":"records"'))) {
  Deno.test(`PROTOCOL.md has frames of the server's types, ${example.slice(0, 60)}`, () => {
    const frame = JSON.parse(example);
    const fields: Record<string, string> = RESPONSES[frame.type as V2Response["type"]];
    assert.ok(fields !== undefined, frame.type);
    for (const name in frame) assert.ok(name in fields, name);
    for (const name in fields) assert.ok(fields[name] === "may" || name in frame, name);
  });
}

Deno.test("PROTOCOL.md has an example of every request and every frame", () => {
  const types = (list: string[]) => new Set(list.map((each) => JSON.parse(each).type));
  const responses = types(examples("server"));
  for (const type in RESPONSES) assert.ok(responses.has(type), type);
  assert.ok(responses.has("records"));
  const [, ...rows] = tableRows(
    section(PROTOCOL, "## v2: requests").split("###")[0].split("All fields")[0],
  );
  const documented = rows.map(([name]) => codeSpans(name)[0]);
  assert.deepEqual([...types(examples("client"))].toSorted(), documented.toSorted());
});

Deno.test("PROTOCOL.md names every field of every request", () => {
  const [, ...rows] = tableRows(section(PROTOCOL, "## v2: requests").split("All fields")[0]);
  for (const [name, fields] of rows) {
    const [type] = codeSpans(name) as V2Request["type"][];
    const wanted = parserFields(type).filter((field) => field !== "id");
    assert.deepEqual(codeSpans(fields), wanted, type);
  }
});

Deno.test("PROTOCOL.md has a row for every field of subscribe, with its default", () => {
  const [, ...rows] = tableRows(section(PROTOCOL, "### subscribe"));
  assert.deepEqual(
    rows.map(([name]) => codeSpans(name)[0]),
    parserFields("subscribe").filter((field) => field !== "id"),
  );
  const request = parseV2Request('{"type":"subscribe","topics":["t"],"group":"g"}');
  assert.ok(request.type === "subscribe");
  for (const [name, absent] of rows) {
    const value = request[codeSpans(name)[0] as keyof typeof request];
    if (value === undefined || codeSpans(name)[0] === "topics" || codeSpans(name)[0] === "group") {
      continue;
    }
    const said = Array.isArray(value) ? JSON.stringify(value) : String(value);
    assert.ok(absent.includes(said), `${name}: ${said}`);
  }
});

Deno.test("PROTOCOL.md has a row for every frame of the server", () => {
  const [, ...rows] = tableRows(section(PROTOCOL, "## v2: frames of the server").split("###")[0]);
  const names = rows.map(([name]) => codeSpans(name)[0]);
  assert.deepEqual(names.toSorted(), [...Object.keys(RESPONSES), "records"].toSorted());
});

Deno.test("PROTOCOL.md has records as the encoder writes them", async () => {
  const [first, second] = examples("server").filter((each) => each.startsWith('{"type":"records"'));
  const limits = { maxBytes: 500_000, frameBytes: 262_144, maxRecords: 100 };
  const fields = { key: true, timestamp: true, headers: true };
  const json = { subscription: 1, encoding: "json" as const, ...fields, ...limits };
  const frames = async (
    records: Parameters<typeof wireBatches>[0][number]["records"],
    place: { baseOffset: bigint; next: bigint },
    format = json,
  ) => {
    const batches = wireBatches([{ ...place, baseTimestampMs: 1_790_000_000_000n, records }]);
    const chunk = { ...chunkOf(batches), partition: 0, next: place.next, end: 5310n };
    return (await allFrames(new V2FrameEncoder(chunk, 0n, format))).map(({ data }) => data);
  };
  const trace = [["trace", "x"], ["trace", null]] as const;
  assert.deepEqual(
    await frames([{ key: "k1", value: '{"a":1}', headers: trace }, { value: null }], {
      baseOffset: 1200n,
      next: 1203n,
    }),
    [first],
  );
  const wrong = Uint8Array.of(0, 255);
  assert.deepEqual(
    await frames([{ key: wrong, value: "no JSON" }, { key: "k2", value: wrong }], {
      baseOffset: 1203n,
      next: 1205n,
    }, { ...json, timestamp: false }),
    [second],
  );
});

Deno.test("PROTOCOL.md has a token that is read", () => {
  const [{ resume }] = examples("server").map((each) => JSON.parse(each))
    .filter(({ type }) => type === "position");
  assert.deepEqual(decodeResumeToken(resume).positions, [
    { topic: "orders", partition: 0, next: 1200n },
  ]);
});
