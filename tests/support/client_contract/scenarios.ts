import { ClientError, KafkaProxyClient, ProduceError } from "../../../src/client/mod.ts";
import type { SocketConstructor, Subscription } from "../../../src/client/mod.ts";
import { Random } from "../random.ts";

/** What a scenario is told; JSON, because it may run in another process. */
export interface ScenarioInput {
  readonly url: string;
  readonly topic: string;
  readonly group?: string;
  readonly records?: number;
  readonly partitions?: number;
  readonly cuts?: number;
  readonly seed?: number;
  readonly tokens?: readonly string[];
}

/** What it found; JSON too. */
export type ScenarioOutput = Readonly<Record<string, unknown>>;

/** What a scenario may ask of the test around it: to cut connections, to restart the server. */
export type Host = (order: string) => Promise<void>;

/** Pauses that a test has time for. */
const PAUSES = { firstMs: 20, mostMs: 200, restartMs: 100 };

type Scenario = (
  input: ScenarioInput,
  host: Host,
  WebSocket: SocketConstructor | undefined,
) => Promise<ScenarioOutput>;

function open(
  { url, tokens }: ScenarioInput,
  WebSocket: SocketConstructor | undefined,
): KafkaProxyClient {
  let asked = 0;
  const token = tokens && (() => tokens[Math.min(asked++, tokens.length - 1)]);
  return new KafkaProxyClient(url, { pauses: PAUSES, WebSocket, token });
}

/** Follows a stream whose values are its offsets (made long with `x`), and says whether it is exact. */
class Exact {
  readonly #next = new Map<number, bigint>();
  readonly faults: string[] = [];
  records = 0;

  take(partition: number, offset: bigint, value: string | null): void {
    const next = this.#next.get(partition) ?? 0n;
    if (offset !== next) this.faults.push(`${partition}: ${offset} came, wanted ${next}`);
    if (value?.replace(/x+$/, "") !== `${offset}`) {
      this.faults.push(`${partition}: ${offset} has the value ${value}`);
    }
    this.#next.set(partition, offset + 1n);
    this.records++;
  }
}

/** Bytes in use, where the runtime says so. */
function heapBytes(): number | undefined {
  const { process, performance } = globalThis as unknown as {
    process?: { memoryUsage?(): { heapUsed: number; external: number } };
    performance: { memory?: { usedJSHeapSize: number } };
  };
  const node = process?.memoryUsage?.();
  return node === undefined ? performance.memory?.usedJSHeapSize : node.heapUsed + node.external;
}

/** Reads everything through so many cuts; nothing may be missing or come twice. */
const stream: Scenario = async (input, host, WebSocket) => {
  const { topic, records = 0, partitions = 1, cuts = 0, seed = 1 } = input;
  const random = new Random(seed);
  const exact = new Exact();
  const gaps: string[] = [];
  const states = new Set<string>();
  const client = open(input, WebSocket);
  const watching = (async () => {
    for await (const state of client.states()) states.add(state);
  })();
  const subscription = client.subscribe({
    topics: [topic],
    from: "earliest",
    onGap: (gap) => gaps.push(`${gap.partition}: ${gap.from} to ${gap.to}, ${gap.reason}`),
  });
  const each = Math.floor(records * partitions / (cuts + 1));
  let done = 0;
  let nextCut = random.between(1, each);
  const heaps: (number | undefined)[] = [];
  for await (const record of subscription) {
    exact.take(record.partition, record.offset, record.value);
    if (exact.records === nextCut && done < cuts) {
      nextCut = ++done * each + random.between(1, each);
      await host("cut");
    }
    if (exact.records % Math.ceil(records * partitions / 20) === 0) heaps.push(heapBytes());
    if (exact.records === records * partitions) break;
  }
  await client.close();
  await watching;
  return {
    records: exact.records,
    faults: exact.faults.slice(0, 10),
    gaps,
    cuts: done,
    states: [...states],
    heaps,
  };
};

/**
 * Works through a topic in a group with acknowledgements, through cuts and through clients that
 * vanish with work in hand; says how often each record came.
 */
const acknowledge: Scenario = async (input, host, WebSocket) => {
  const { topic, group, records = 0, cuts = 0, seed = 1 } = input;
  const random = new Random(seed);
  const seen: number[] = new Array(records).fill(0);
  const acknowledged = new Set<number>();
  let again = 0;
  let done = 0;
  while (acknowledged.size < records) {
    const client = open(input, WebSocket);
    const subscription = client.subscribe({
      topics: [topic],
      group,
      partitions: [0],
      from: "committed",
      credit: 100,
    });
    const answered = new Set<number>();
    let life = done < cuts ? random.between(10, 200) : Infinity;
    for await (const record of subscription) {
      const offset = Number(record.offset);
      seen[offset]++;
      if (answered.has(offset)) again++;
      if (--life === 0) break; // in hand, not acknowledged
      record.ack();
      acknowledged.add(offset);
      if (acknowledged.size % 50 === 0) {
        await subscription.flush();
        for (const each of acknowledged) answered.add(each);
      }
      if (acknowledged.size % 70 === 0 && done < cuts) {
        done++;
        await host("cut");
      }
      if (acknowledged.size === records) {
        await subscription.flush();
        break;
      }
    }
    await client.close();
  }
  return { missing: seen.filter((times) => times === 0).length, again, cuts: done };
};

/** Writes through cuts; says what it was told of each record. */
const produce: Scenario = async (input, host, WebSocket) => {
  const { topic, records = 0, cuts = 0, seed = 1 } = input;
  const random = new Random(seed);
  const client = open(input, WebSocket);
  const offsets: (string | null)[] = [];
  const outcomes: string[] = [];
  const calls: Promise<void>[] = [];
  let number = 0;
  let done = 0;
  while (number < records) {
    const count = Math.min(random.between(1, 40), records - number);
    const first = number;
    number += count;
    const values = Array.from({ length: count }, (_, i) => ({ value: `${first + i}`, key: "k" }));
    const call = client.produce(topic, values).then(
      (places) => places.map(({ offset }) => ({ offset })),
      (error) => {
        if (error instanceof ProduceError) return error.results;
        throw error;
      },
    ).then((results) => {
      results.forEach((each, i) => {
        const isThere = "offset" in each;
        offsets[first + i] = isThere ? `${each.offset}` : null;
        outcomes[first + i] = isThere ? "produced" : each.outcome;
      });
    });
    calls.push(call);
    if (random.next() < 0.3) await call;
    if (done < cuts && number > (done + 1) * records / (cuts + 1)) {
      done++;
      await host(random.next() < 0.5 ? "cut" : "restart");
    }
  }
  await Promise.all(calls);
  await client.close();
  return { offsets, outcomes, cuts: done };
};

/** Reads, is told to expect a close, and says how it ended. */
const final: Scenario = async (input, host, WebSocket) => {
  const client = open(input, WebSocket);
  const states: string[] = [];
  const watching = (async () => {
    for await (const state of client.states()) states.push(state);
  })();
  const subscription = client.subscribe({ topics: [input.topic], from: "earliest" });
  let error: unknown;
  try {
    for await (const record of subscription) if (record.offset === 4n) await host("close");
  } catch (thrown) {
    error = thrown;
  }
  await watching;
  const late = await client.produce(input.topic, { value: "x" }).catch((thrown) => thrown);
  return {
    states,
    error: error instanceof ClientError ? error.code : `${error}`,
    closeCode: error instanceof ClientError ? error.closeCode : undefined,
    late: late instanceof ProduceError ? late.outcome : `${late}`,
  };
};

/** Reads for a group until somebody else does, and says how it ended. */
const takenOver: Scenario = async (input, host, WebSocket) => {
  const client = open(input, WebSocket);
  const { topic, group } = input;
  const records = client.subscribe({ topics: [topic], group, partitions: [0], from: "earliest" });
  let error: unknown;
  try {
    for await (const record of records) if (record.offset === 4n) await host("take over");
  } catch (thrown) {
    error = thrown;
  }
  await host("look");
  const { state } = client;
  await client.close();
  return { state, error: error instanceof ClientError ? error.code : `${error}` };
};

/** Leaves records unread and says how many came all the same. */
const credit: Scenario = async (input, host, WebSocket) => {
  const client = open(input, WebSocket); // not every runtime here knows "await using"
  const subscription: Subscription = client.subscribe({
    topics: [input.topic],
    from: "earliest",
    credit: 100,
  });
  const records = subscription[Symbol.asyncIterator]();
  await records.next();
  await host("wait");
  const held = subscription.heldRecords;
  const exact = new Exact();
  exact.take(0, 0n, "0");
  while (exact.records < input.records!) {
    const { value } = await records.next();
    exact.take(value.partition, value.offset, value.value);
  }
  await records.return!();
  await client.close();
  return { held, faults: exact.faults };
};

/** Reads so many records with one token after the other; says who it was and how it ended. */
const guarded: Scenario = async (input, host, WebSocket) => {
  const client = open(input, WebSocket);
  const offsets: number[] = [];
  let principal: string | undefined;
  let error: unknown;
  try {
    for await (const { offset } of client.subscribe({ topics: [input.topic], from: "earliest" })) {
      principal = client.principal;
      if (offsets.push(Number(offset)) === input.records) break;
      if (offset === 2n) await host("wait");
    }
  } catch (thrown) {
    error = thrown;
  }
  const { state } = client;
  await client.close();
  return {
    offsets,
    principal,
    state,
    closeCode: error instanceof ClientError ? error.closeCode : null,
  };
};

/** Connects with one token after the other. */
const renew: Scenario = async (input, host, WebSocket) => {
  const client = open(input, WebSocket);
  const states: string[] = [];
  const watching = (async () => {
    for await (const state of client.states()) {
      states.push(state);
      if (state === "live" && states.filter((each) => each === "live").length === 1) {
        await host("expire");
      } else if (state === "live") await client.close();
    }
  })();
  await watching;
  return { states, trouble: client.trouble };
};

/** Every scenario by its name. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  stream,
  acknowledge,
  produce,
  final,
  takenOver,
  credit,
  guarded,
  renew,
};
