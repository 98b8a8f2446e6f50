/**
 * `deno task test:long`: the campaigns and measurements that take minutes each, one after the other
 * on an otherwise idle machine. `docs/BENCHMARKS.md` holds what they printed last.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs test files as the suite does, with brokers, browsers and Node. */
const TESTS = "tests/run_tests.ts";

/** Each ends with code 1 when what it checks does not hold. */
const CAMPAIGNS: readonly (readonly string[])[] = [
  ["tests/bench/drain.ts"],
  ["tests/bench/stalled_memory.ts"],
  ["tests/bench/crowd.ts"],
  ["tests/bench/stalled_crowd.ts"],
  ["tests/bench/idle_groups.ts"],
  ["tests/long/hostile_load.ts"],
  ["tests/long/takeover_rounds.ts", "--rounds", "50", "--seed", "1"],
  ["tests/long/balanced_churn.ts", "--minutes", "5", "--seed", "1"],
  ["tests/long/work_queue.ts", "--records", "200000", "--disturbances", "20", "--seed", "1"],
  ["tests/long/produce_storm.ts", "--records", "200000", "--sockets", "50", "--restarts", "2"],
  ["tests/long/resume_rounds.ts", "--records", "1000000", "--rounds", "30", "--seed", "1"],
  ["tests/long/scraped.ts", "--seconds", "120"],
  ["tests/long/rolling_restart.ts", "--clients", "500"],
  [TESTS, "tests/long/console_rate_test.ts"],
];

if (import.meta.main) {
  const failed: string[] = [];
  for (const campaign of CAMPAIGNS) {
    const name = campaign.join(" ");
    console.log(`\n=== ${name}`);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", ...campaign],
      cwd: ROOT,
    });
    const { code } = await child.spawn().status;
    if (code !== 0) failed.push(`${name} (code ${code})`);
  }
  console.log(`\n${CAMPAIGNS.length - failed.length} held, ${failed.length} failed`);
  for (const name of failed) console.log(`failed: ${name}`);
  Deno.exit(failed.length === 0 ? 0 : 1);
}
