import assert from "node:assert/strict";
import type { ScenarioRun } from "./runtimes.ts";

/** A server with topics, and what may happen to it. */
export interface World extends AsyncDisposable {
  /** Where clients connect. */
  readonly url: string;
  createTopic(topic: string, partitions: number): Promise<void>;
  /** Appends records to an empty partition whose values are their offsets. */
  fill(topic: string, count: number, partition: number): Promise<void>;
  /** The values in partition 0. */
  values(topic: string): Promise<(string | null)[]>;
  /** What a group has committed in partition 0. */
  committed(group: string, topic: string): Promise<bigint | undefined>;
  /** Destroys the clients' connections. */
  cut(): Promise<void>;
  /** Ends the server and starts it anew at the same address. */
  restart(): Promise<void>;
  /** Closes the clients' sockets as final; gives the close code. */
  endForGood(): Promise<number>;
}

/** How much is done, and where. */
export interface ContractSize {
  /** Begins the names of topics and groups, so that runs can share a cluster. */
  readonly name: string;
  readonly records: number;
  readonly cuts: number;
  readonly seed: number;
}

/** One thing that every server and every runtime must show. */
export type ContractCase = (world: World, run: ScenarioRun, size: ContractSize) => Promise<void>;

/** The suite, by what it says. */
export const CONTRACT: Readonly<Record<string, ContractCase>> = {
  "subscribe() is exact over forced disconnects": async (
    world,
    run,
    { name, records, cuts, seed },
  ) => {
    const [topic, partitions] = [`${name}-stream`, 2];
    await world.createTopic(topic, partitions);
    for (let i = 0; i < partitions; i++) await world.fill(topic, records / partitions, i);
    const input = { url: world.url, topic, partitions, records: records / partitions, cuts, seed };
    const output = await run("stream", input, () => world.cut());
    assert.deepEqual(output.faults, []);
    assert.deepEqual(output.gaps, []);
    assert.equal(output.records, records);
    assert.equal(output.cuts, cuts);
    for (const state of ["connecting", "offline", "catching up", "closed"]) {
      assert.ok((output.states as string[]).includes(state), `${output.states} has ${state}`);
    }
    flat(output.heaps as (number | null)[]);
  },

  "ack() is at least once, and what was answered does not come again": async (
    world,
    run,
    { name, records, cuts, seed },
  ) => {
    const [topic, group] = [`${name}-acknowledge`, `${name}-group`];
    const some = Math.min(records / 10, 5_000);
    await world.createTopic(topic, 1);
    await world.fill(topic, some, 0);
    const input = { url: world.url, topic, group, records: some, cuts: Math.min(cuts, 10), seed };
    const output = await run("acknowledge", input, () => world.cut());
    assert.equal(output.missing, 0);
    assert.equal(output.again, 0);
    assert.equal(await world.committed(group, topic), BigInt(some));
  },

  "produce() says the truth of every record, through cuts and restarts": async (
    world,
    run,
    { name, records, cuts, seed },
  ) => {
    const topic = `${name}-produce`;
    const some = Math.min(records / 10, 5_000);
    await world.createTopic(topic, 1);
    const input = { url: world.url, topic, records: some, cuts: Math.min(cuts, 8), seed };
    const output = await run(
      "produce",
      input,
      (order) => order === "restart" ? world.restart() : world.cut(),
    );
    const [offsets, outcomes] = [output.offsets as (string | null)[], output.outcomes as string[]];
    const values = await world.values(topic);
    const times = new Map<string | null, number>();
    for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
    for (let i = 0; i < some; i++) {
      const stored = times.get(`${i}`) ?? 0;
      assert.ok(stored <= 1, `${i} is stored ${stored} times`);
      if (outcomes[i] === "produced") assert.equal(values[Number(offsets[i])], `${i}`);
      else if (outcomes[i] === "failed") assert.equal(stored, 0, `${i} has failed and is stored`);
      else assert.equal(outcomes[i], "unknown");
    }
    const inOrder = values.map(Number);
    assert.deepEqual(inOrder, inOrder.toSorted((a, b) => a - b), "in the order they were given");
    assert.ok(outcomes.filter((each) => each === "produced").length > some / 4);
  },

  "a final close code is final": async (world, run, { name }) => {
    const topic = `${name}-final`;
    await world.createTopic(topic, 1);
    await world.fill(topic, 5, 0);
    let closeCode = 0;
    const output = await run("final", { url: world.url, topic }, async () => {
      closeCode = await world.endForGood();
    });
    const states = output.states as string[];
    assert.ok(!states.includes("offline"), `it does not come back: ${states}`);
    assert.equal(states.at(-1), "closed");
    assert.deepEqual(
      { error: output.error, closeCode: output.closeCode, late: output.late },
      { error: "closed", closeCode, late: "failed" },
    );
  },

  "subscribe() holds no more than its credit": async (world, run, { name, records }) => {
    const topic = `${name}-credit`;
    await world.createTopic(topic, 1);
    const some = Math.min(records, 2_000);
    await world.fill(topic, some, 0);
    const output = await run("credit", { url: world.url, topic, records: some }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    assert.deepEqual(output.faults, []);
    assert.ok(output.held as number <= 100, `it holds ${output.held}`);
  },
};

/** Memory in the last quarter of a run is about what it was in the second. */
export function flat(heaps: readonly (number | null | undefined)[]): void {
  const known = heaps.filter((each): each is number => typeof each === "number");
  assert.ok(known.length >= 8, `memory is known ${known.length} times only`);
  const part = (from: number, to: number) =>
    Math.min(...known.slice(Math.floor(known.length * from), Math.ceil(known.length * to)));
  const [before, after] = [part(0.25, 0.5), part(0.75, 1)];
  const grown = after - before;
  assert.ok(grown < 32 << 20, `memory has grown by ${grown >> 20} MiB from ${before >> 20} MiB`);
}
