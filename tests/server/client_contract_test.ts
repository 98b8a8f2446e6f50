import { CONTRACT } from "../support/client_contract/contract.ts";
import { FakeWorld } from "../support/client_contract/fake_world.ts";
import { inDeno } from "../support/client_contract/runtimes.ts";
import assert from "node:assert/strict";

for (const [what, check] of Object.entries(CONTRACT)) {
  Deno.test(`${what}, in Deno`, async () => {
    await using world = new FakeWorld();
    await check(world, inDeno, { name: "fast", records: 20_000, cuts: 20, seed: 1 });
    assert.deepEqual(world.server.violations, []);
  });
}
