import assert from "node:assert/strict";
import type { GroupMemberEvents } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { SharedMembership } from "../../src/session/shared_membership.ts";
import { FakeMembers } from "../support/fake_members.ts";

/** Events of one topic that are written down. */
function events(name: string, seen: string[]): GroupMemberEvents {
  const done = (what: string) => {
    seen.push(`${name} ${what}`);
    return Promise.resolve();
  };
  return {
    assigned: (partitions) => done(`assigned ${partitions.get(name) ?? ""}`),
    revoking: () => done("revoking"),
    lost: () => done("lost"),
    failed: (error) => void done(`failed ${error.code}`),
  };
}

/** Two topics that have joined. */
function joined() {
  const members = new FakeMembers();
  const seen: string[] = [];
  const shared = new SharedMembership(members, ["one", "two"]);
  const first = shared.join("g1", ["one"], events("one", seen));
  assert.equal(members.joined.length, 0);
  const second = shared.join("g1", ["two"], events("two", seen));
  return { members, seen, first, second };
}

Deno.test("SharedMembership.join() joins once, for all topics, when all have", () => {
  const { members } = joined();
  assert.equal(members.joined.length, 1);
  assert.equal(members.joined[0].group, "g1");
});

Deno.test("SharedMembership.join() tells every topic, and waits for all", async () => {
  const { members, seen } = joined();
  const [member] = members.joined;
  await member.events.assigned(new Map([["two", [3, 4]]]));
  await member.events.revoking();
  await member.events.lost();
  assert.deepEqual(seen, [
    "one assigned ",
    "two assigned 3,4",
    "one revoking",
    "two revoking",
    "one lost",
    "two lost",
  ]);
});

Deno.test("SharedMembership.join() tells one topic of a failure, which ends them all", () => {
  const { members, seen } = joined();
  members.joined[0].events.failed(new ProxyError("forbidden", "not allowed"));
  assert.deepEqual(seen, ["one failed forbidden"]);
});

Deno.test("SharedMembership.join() commits for each topic and leaves once", async () => {
  const { members, first, second } = joined();
  await second.commit("two", new Map([[3, 7n]]));
  assert.deepEqual(members.joined[0].commits, [new Map([[3, 7n]])]);
  await Promise.all([first.leave(), second.leave()]);
  assert.equal(members.joined[0].hasLeft, true);
});
