import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { CONTRACT } from "../support/client_contract/contract.ts";
import { RealWorld } from "../support/client_contract/real_world.ts";
import {
  inChromium,
  inDeno,
  inNode,
  type ScenarioRun,
} from "../support/client_contract/runtimes.ts";

const sharedKafka = shareKafka();

const WHAT = "subscribe() is exact over forced disconnects";

/** A million records, exact through 50 cuts, and memory as flat at the end as in the middle. */
async function million(name: string, run: ScenarioRun): Promise<void> {
  await using world = await RealWorld.start(await sharedKafka());
  await CONTRACT[WHAT](world, run, { name, records: 1_000_000, cuts: 50, seed: 4 });
}

Deno.test(`${WHAT}, a million records in Deno`, () => million("deno", inDeno));
Deno.test(`${WHAT}, a million records in Node`, () => million("node", inNode));
browserTest(`${WHAT}, a million records in Chromium`, async (browser) => {
  await million("chromium", inChromium(await browser.newPage({ bypassCSP: true })));
});
