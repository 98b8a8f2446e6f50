import assert from "node:assert/strict";
import {
  claimClientId,
  type ClaimId,
  isNewer,
  newClaim,
  readClaim,
} from "../../src/kafka/claim_id.ts";

const claim = (epoch: number, nonce = "00000000"): ClaimId => ({ epoch, nonce });

Deno.test("newClaim() has the clock's epoch, nobody seen", () => {
  const { epoch, nonce } = newClaim([], 1_790_000_000_000);
  assert.equal(epoch, 1_790_000_000_000);
  assert.match(nonce, /^[0-9a-f]{8}$/);
});

for (
  const [what, seen, wanted] of [
    ["older ones seen", [5, 990], 1_000],
    ["one of the same millisecond seen", [1_000], 1_001],
    ["one ahead of our clock seen", [7, 5_000, 6], 5_001],
  ] as const
) {
  Deno.test(`newClaim() is newer than all of them, ${what}`, () => {
    const older = seen.map((epoch) => claim(epoch, "ffffffff"));
    const own = newClaim(older, 1_000);
    assert.equal(own.epoch, wanted);
    assert.ok(older.every((one) => isNewer(own, one) && !isNewer(one, own)));
  });
}

Deno.test("readClaim() gives what claimClientId() wrote, any client id before it", () => {
  for (const client of ["kafka-proxy", "a.claim.7.0123abcd", "x", "with.dots-and_more"]) {
    const own = newClaim([], Date.now());
    assert.deepEqual(readClaim(claimClientId(client, own)), own);
  }
});

for (
  const foreign of [
    "",
    "kafka-proxy",
    "kafka-proxy.claim.",
    "kafka-proxy.claim.17.0123abc",
    "kafka-proxy.claim.17.0123ABCD",
    "kafka-proxy.claim.-17.0123abcd",
    "kafka-proxy.claim.1234567890123456.0123abcd",
    "kafka-proxy.claim.17.0123abcd.more",
    "console-consumer",
  ]
) {
  Deno.test(`readClaim() gives nothing, ${JSON.stringify(foreign)}`, () => {
    assert.equal(readClaim(foreign), undefined);
  });
}

Deno.test("isNewer() is decided by the nonce, epochs alike", () => {
  assert.equal(isNewer(claim(5, "0000000b"), claim(5, "0000000a")), true);
  assert.equal(isNewer(claim(5, "0000000a"), claim(5, "0000000b")), false);
  assert.equal(isNewer(claim(5), claim(5)), false);
  assert.equal(isNewer(claim(10), claim(9, "ffffffff")), true);
});
