import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  type Assignment,
  ASSIGNORS,
  readAssignment,
  readSubscriptions,
  type Subscriber,
  writeAssignments,
} from "../../src/kafka/assignors.ts";

const TOPICS = ["a", "b", "c"];

const subscribers: fc.Arbitrary<Subscriber[]> = fc.uniqueArray(fc.string({ minLength: 1 }), {
  minLength: 1,
  maxLength: 8,
}).chain((ids) =>
  fc.tuple(
    ...ids.toSorted().map((memberId) =>
      fc.subarray(TOPICS).map((topics) => ({ memberId, topics }))
    ),
  )
);

const partitions = fc.record({ a: fc.nat(30), b: fc.nat(30), c: fc.nat(30) }).map((counts) =>
  new Map(Object.entries(counts).map(([topic, count]) => [topic, [...Array(count).keys()]]))
);

/** Every partition of a topic as it was given, with who got it. */
function given(assignment: Assignment, topic: string): [number, string][] {
  return [...assignment].flatMap(([memberId, topics]) =>
    (topics[topic] ?? []).map((number): [number, string] => [number, memberId])
  );
}

for (const [name, assign] of Object.entries(ASSIGNORS)) {
  Deno.test(`ASSIGNORS.${name} gives each partition to exactly one member that wants its topic`, () => {
    fc.assert(fc.property(subscribers, partitions, (members, topics) => {
      const assignment = assign(members, topics);
      assert.deepEqual([...assignment.keys()], members.map(({ memberId }) => memberId));
      for (const [topic, numbers] of topics) {
        const wanting = members.filter((member) => member.topics.includes(topic));
        const got = given(assignment, topic);
        assert.deepEqual(
          got.map(([number]) => number).sort((a, b) => a - b),
          wanting.length === 0 ? [] : numbers,
        );
        const ids = wanting.map(({ memberId }) => memberId);
        assert.ok(got.every(([, memberId]) => ids.includes(memberId)));
      }
    }));
  });

  Deno.test(`ASSIGNORS.${name} gives members of the same topics as many partitions, but one`, () => {
    fc.assert(fc.property(subscribers, partitions, (members, topics) => {
      const alike = members.map(({ memberId }) => ({ memberId, topics: ["a"] }));
      const counts = [...assign(alike, topics)].map(([, { a = [] }]) => a.length);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
    }));
  });
}

Deno.test("writeAssignments() is read back by each member, any assignment", () => {
  fc.assert(fc.property(subscribers, partitions, (members, topics) => {
    const assignment = ASSIGNORS.range(members, topics);
    for (const { memberId, memberAssignment } of writeAssignments(assignment)) {
      const wanted = Object.entries(assignment.get(memberId)!).filter(([, own]) => own.length > 0);
      assert.deepEqual(readAssignment(memberAssignment, TOPICS), new Map(wanted));
    }
  }));
});

Deno.test("readSubscriptions() takes any bytes, and gives what it cannot read nothing", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const [found] = readSubscriptions([{ memberId: "m", memberMetadata: Buffer.from(bytes) }]);
    assert.equal(found.memberId, "m");
    assert.ok(Array.isArray(found.topics));
  }));
});
