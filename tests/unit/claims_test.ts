import assert from "node:assert/strict";
import { type Claimant, claimKey, Claims } from "../../src/session/claims.ts";
import { isSettled } from "../support/event_loop.ts";

/** A claimant that lets go when it is told to. */
class ManualClaimant implements Claimant {
  readonly #done = Promise.withResolvers<void>();
  evictions = 0;

  evict(): Promise<void> {
    this.evictions++;
    return this.#done.promise;
  }

  letGo(): void {
    this.#done.resolve();
  }
}

const claimants = (count: number) => Array.from({ length: count }, () => new ManualClaimant());

Deno.test("Claims.claim() resolves at once, nobody there", async () => {
  const claims = new Claims();
  const [one, other] = claimants(2);
  assert.equal(await isSettled(claims.claim(["a"], one)), true);
  assert.equal(await isSettled(claims.claim(["b"], other)), true);
  assert.equal(one.evictions, 0);
});

Deno.test("Claims.claim() resolves at once, no keys", async () => {
  const claims = new Claims();
  const [one, other] = claimants(2);
  await claims.claim([], one);
  assert.equal(await isSettled(claims.claim([], other)), true);
  assert.equal(one.evictions, 0);
});

Deno.test("Claims.claim() evicts the older and waits for it", async () => {
  const claims = new Claims();
  const [older, newer] = claimants(2);
  await claims.claim(["a"], older);
  const claim = claims.claim(["a"], newer);
  assert.equal(older.evictions, 1);
  assert.equal(await isSettled(claim), false);
  older.letGo();
  await claim;
  assert.equal(newer.evictions, 0);
});

Deno.test("Claims.claim() evicts each older one once, lists that overlap in several keys", async () => {
  const claims = new Claims();
  const [one, other, newer] = claimants(3);
  await claims.claim(["a", "b"], one);
  await claims.claim(["c"], other);
  const claim = claims.claim(["b", "a", "c", "d"], newer);
  assert.deepEqual([one.evictions, other.evictions], [1, 1]);
  one.letGo();
  assert.equal(await isSettled(claim), false);
  other.letGo();
  await claim;
});

Deno.test("Claims.claim() hands on in a chain, three newcomers at a time", async () => {
  const claims = new Claims();
  const all = claimants(4);
  await claims.claim(["a"], all[0]);
  const waiting = all.slice(1).map((claimant) => claims.claim(["a"], claimant));
  assert.deepEqual(all.map(({ evictions }) => evictions), [1, 1, 1, 0]);
  // A newcomer that was evicted while it waited lets go when its own older one has.
  all[0].letGo();
  await waiting[0];
  assert.equal(await isSettled(waiting[1]), false);
  all[1].letGo();
  await waiting[1];
  assert.equal(await isSettled(waiting[2]), false);
  all[2].letGo();
  await waiting[2];
});

Deno.test("Claims.claim() waits for nobody, the older one released before", async () => {
  const claims = new Claims();
  const [older, newer] = claimants(2);
  await claims.claim(["a"], older);
  claims.release(["a"], older);
  assert.equal(await isSettled(claims.claim(["a"], newer)), true);
  assert.equal(older.evictions, 0);
});

Deno.test("Claims.release() leaves what somebody newer has", async () => {
  const claims = new Claims();
  const [older, newer, newest] = claimants(3);
  await claims.claim(["a", "b"], older);
  const claim = claims.claim(["a"], newer);
  claims.release(["a", "b"], older);
  older.letGo();
  await claim;
  void claims.claim(["a", "b"], newest);
  assert.deepEqual([older.evictions, newer.evictions], [1, 1]);
});

Deno.test("claimKey() differs in every part", () => {
  const keys = [
    claimKey("t", "g", 0),
    claimKey("t", "g", 1),
    claimKey("t", "h", 0),
    claimKey("u", "g", 0),
    claimKey("g", "t", 0),
    claimKey("tg", "", 0),
  ];
  assert.equal(new Set(keys).size, keys.length);
});
