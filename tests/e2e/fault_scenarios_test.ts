import assert from "node:assert/strict";
import { FaultWorld } from "../faults/fault_world.ts";
import { runScenario } from "../faults/scenario.ts";
import { SUITE } from "../faults/scenarios.ts";
import { Random } from "../support/random.ts";

let world: FaultWorld;

// Started here, because it outlives each test.
Deno.test.beforeAll(async () => {
  world = await FaultWorld.start();
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

for (const [i, scenario] of SUITE.entries()) {
  const { faults, end } = scenario;
  const what = [...faults, ...end === undefined ? [] : [end]].join(", then ");
  Deno.test({
    name: `${what}: nothing lost, nothing twice beyond what is promised, everybody goes on`,
    // Of the world, which changes meanwhile.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const { problems } = await runScenario(world, scenario, new Random(i), `suite-${i}`);
      assert.deepEqual(problems, []);
    },
  });
}
