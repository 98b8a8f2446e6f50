import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  ASSIGNORS,
  readAssignment,
  readSubscriptions,
  subscription,
  writeAssignments,
} from "../../src/kafka/assignors.ts";

/** `{ m1: "a,b" }`: members in the order of their ids, and their topics. */
function members(subscriptions: Readonly<Record<string, string>>) {
  return Object.entries(subscriptions).map(([memberId, topics]) => ({
    memberId,
    topics: topics.split(",").filter((topic) => topic !== ""),
  }));
}

function topics(counts: Record<string, number>): Map<string, number[]> {
  return new Map(
    Object.entries(counts).map(([topic, count]) => [
      topic,
      Array.from({ length: count }, (_, partition) => partition),
    ]),
  );
}

/** `{ m1: "a0 a1 b0" }`, as Kafka's own tests write it. */
function assigned(
  name: string,
  subscriptions: Readonly<Record<string, string>>,
  counts: Record<string, number>,
): Record<string, string> {
  const result = ASSIGNORS[name](members(subscriptions), topics(counts));
  return Object.fromEntries(
    [...result].map(([memberId, partitions]) => [
      memberId,
      Object.entries(partitions).flatMap(([topic, numbers]) =>
        numbers.map((number) => `${topic}${number}`)
      ).join(" "),
    ]),
  );
}

type Names = Readonly<Record<string, string>>;

/** What RangeAssignor and RoundRobinAssignor of Kafka 4.3.1 gave for the same input. */
const KNOWN: readonly [string, Names, Record<string, number>, Names, Names][] = [
  ["one member, no partitions", { c1: "a" }, { a: 0 }, { c1: "" }, { c1: "" }],
  ["one member", { c1: "a" }, { a: 3 }, { c1: "a0 a1 a2" }, { c1: "a0 a1 a2" }],
  ["a topic nobody wants", { c1: "a" }, { a: 3, b: 3 }, { c1: "a0 a1 a2" }, { c1: "a0 a1 a2" }],
  ["one member, two topics", { c1: "a,b" }, { a: 1, b: 2 }, { c1: "a0 b0 b1" }, {
    c1: "a0 b0 b1",
  }],
  ["more members than partitions", { c1: "a", c2: "a" }, { a: 1 }, { c1: "a0", c2: "" }, {
    c1: "a0",
    c2: "",
  }],
  ["as many members as partitions", { c1: "a", c2: "a" }, { a: 2 }, { c1: "a0", c2: "a1" }, {
    c1: "a0",
    c2: "a1",
  }],
  [
    "several members, mixed topics",
    { c1: "a", c2: "a,b", c3: "a" },
    { a: 3, b: 2 },
    { c1: "a0", c2: "a1 b0 b1", c3: "a2" },
    { c1: "a0", c2: "a1 b0 b1", c3: "a2" },
  ],
  [
    "two members, two topics",
    { c1: "a,b", c2: "a,b" },
    { a: 3, b: 3 },
    { c1: "a0 a1 b0 b1", c2: "a2 b2" },
    { c1: "a0 a2 b1", c2: "a1 b0 b2" },
  ],
  [
    "a member of another topic only",
    { c1: "a", c2: "b", c3: "a" },
    { a: 3, b: 2 },
    { c1: "a0 a1", c2: "b0 b1", c3: "a2" },
    { c1: "a0 a2", c2: "b0 b1", c3: "a1" },
  ],
  [
    "a topic that is not there",
    { c1: "a,gone", c2: "gone" },
    { a: 2 },
    { c1: "a0 a1", c2: "" },
    { c1: "a0 a1", c2: "" },
  ],
];

for (const [what, subscriptions, counts, range, roundRobin] of KNOWN) {
  Deno.test(`ASSIGNORS.range divides as Kafka's RangeAssignor, ${what}`, () => {
    assert.deepEqual(assigned("range", subscriptions, counts), range);
  });

  for (const name of ["roundrobin", "RoundRobinAssigner"]) {
    Deno.test(`ASSIGNORS.${name} deals as Kafka's RoundRobinAssignor, ${what}`, () => {
      assert.deepEqual(assigned(name, subscriptions, counts), roundRobin);
    });
  }
}

// Every object has a "constructor", and a topic may be called that.
for (const topic of ["constructor", "toString"]) {
  for (const name of Object.keys(ASSIGNORS)) {
    Deno.test(`ASSIGNORS.${name} divides a topic called ${topic}`, () => {
      const result = ASSIGNORS[name](
        [{ memberId: "m1", topics: [topic] }],
        new Map([[topic, [0, 1]]]),
      );
      const [{ memberAssignment }] = writeAssignments(result);
      const found = readAssignment(memberAssignment, [topic, "valueOf"]);
      assert.deepEqual(found, new Map([[topic, [0, 1]]]));
    });
  }
}

Deno.test("readSubscriptions() gives the members in the order of their ids, with their topics", () => {
  const found = readSubscriptions([
    { memberId: "m-b", memberMetadata: subscription(["orders"]) },
    { memberId: "m-a", memberMetadata: subscription(["events", "orders"]) },
    { memberId: "M", memberMetadata: subscription(["orders"]) },
  ]);
  assert.deepEqual(found, [
    { memberId: "M", topics: ["orders"] },
    { memberId: "m-a", topics: ["events", "orders"] },
    { memberId: "m-b", topics: ["orders"] },
  ]);
});

Deno.test("readSubscriptions() reads what Kafka's Java consumer sends (version 3)", () => {
  const java = Buffer.from([
    ...[0, 3], // version
    ...[0, 0, 0, 2, 0, 1, 0x61, 0, 1, 0x62], // topics "a" and "b"
    ...[255, 255, 255, 255], // no user data
    ...[0, 0, 0, 0], // owned partitions, since version 1
    ...[0, 0, 0, 7], // generation, since version 2
    ...[255, 255], // rack, since version 3
  ]);
  const found = readSubscriptions([{ memberId: "java", memberMetadata: java }]);
  assert.deepEqual(found, [{ memberId: "java", topics: ["a", "b"] }]);
});

// It made the leader fail, join again and fail again, and with it the whole group.
for (const [what, bytes] of [["no bytes", []], ["bytes that end early", [0, 0, 0, 0, 0, 9]]]) {
  Deno.test(`readSubscriptions() gives a member nothing, ${what}`, () => {
    const members = [
      { memberId: "bad", memberMetadata: Buffer.from(bytes as number[]) },
      { memberId: "good", memberMetadata: subscription(["orders"]) },
    ];
    assert.deepEqual(readSubscriptions(members), [
      { memberId: "bad", topics: [] },
      { memberId: "good", topics: ["orders"] },
    ]);
  });
}

Deno.test("readAssignment() gives the partitions of each topic that we want, ascending", () => {
  const [one, two] = writeAssignments(
    new Map<string, Record<string, number[]>>([
      ["m1", { orders: [3, 1, 2], events: [0], audit: [] }],
      ["m2", {}],
    ]),
  );
  assert.equal(one.memberId, "m1");
  const { memberAssignment } = one;
  assert.deepEqual(
    readAssignment(memberAssignment, ["events", "orders", "audit", "others"]),
    new Map([["orders", [1, 2, 3]], ["events", [0]]]),
  );
  assert.deepEqual(readAssignment(memberAssignment, ["events"]), new Map([["events", [0]]]));
  assert.deepEqual(readAssignment(two.memberAssignment, ["orders"]), new Map());
});

Deno.test("readAssignment() gives nothing, no bytes as for a member the leader left out", () => {
  assert.deepEqual(readAssignment(Buffer.alloc(0), ["orders"]), new Map());
});
