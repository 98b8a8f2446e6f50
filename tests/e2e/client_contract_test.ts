import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { CONTRACT } from "../support/client_contract/contract.ts";
import { FakeWorld } from "../support/client_contract/fake_world.ts";
import { RealWorld } from "../support/client_contract/real_world.ts";
import {
  inChromium,
  inDeno,
  inNode,
  type ScenarioRun,
} from "../support/client_contract/runtimes.ts";

const SIZE = { records: 50_000, cuts: 50, seed: 2 };

const sharedKafka = shareKafka();

/** The whole contract in one runtime, against a server in memory and against the proxy. */
function contract(
  runtime: string,
  test: (name: string, check: (run: ScenarioRun) => Promise<void>) => void,
): void {
  for (const [what, check] of Object.entries(CONTRACT)) {
    test(`${what}, in ${runtime}, a server in memory`, async (run) => {
      await using world = new FakeWorld();
      await check(world, run, { ...SIZE, name: runtime });
      assert.deepEqual(world.server.violations, []);
    });
    test(`${what}, in ${runtime}, the proxy and Kafka`, async (run) => {
      await using world = await RealWorld.start(await sharedKafka());
      await check(world, run, { ...SIZE, name: runtime });
    });
  }
  test(`a subscription that was taken over does not take back, in ${runtime}`, async (run) => {
    const [topic, group] = [`${runtime}-taken`, `${runtime}-taken`];
    await using world = await RealWorld.start(await sharedKafka());
    await world.createTopic(topic, 1);
    await world.fill(topic, 5, 0);
    let stillHas = () => Promise.resolve(false);
    let isLeftAlone = false;
    const { error, state } = await run(
      "takenOver",
      { url: world.url, topic, group },
      async (order) => {
        if (order === "take over") stillHas = await world.takeOver(topic, group);
        else isLeftAlone = await stillHas();
      },
    );
    assert.deepEqual([error, isLeftAlone, state], ["taken_over", true, "live"]);
  });
}

contract("Deno", (name, check) => Deno.test(name, () => check(inDeno)));
contract("Node", (name, check) => Deno.test(name, () => check(inNode)));
contract("Chromium", (name, check) => {
  browserTest(
    name,
    async (browser) => check(inChromium(await browser.newPage({ bypassCSP: true }))),
  );
});
