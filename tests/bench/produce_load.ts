import process from "node:process";

/** What a producer is given. */
export interface ProduceLoad {
  readonly bootstrap: string;
  readonly topic: string;
  readonly records: number;
  /** At the same time; each waits for a call's results before its next call. */
  readonly callers: number;
  readonly recordsInCall: number;
}

/** What a run took. */
export interface ProduceResult {
  readonly seconds: number;
  /** User and system time of the producer. */
  readonly cpuSeconds: number;
}

/** Size of each value. */
export const VALUE_BYTES = 100;

/** Records before the clock runs: connections, metadata, and the runtime's compiler. */
export const WARM_UP_RECORDS = 100_000;

/** `HOST:PORT TOPIC RECORDS CALLERS RECORDS_IN_CALL`. */
export function loadFromArgs([bootstrap, topic, ...numbers]: readonly string[]): ProduceLoad {
  const [records, callers, recordsInCall] = numbers.map(Number);
  return { bootstrap, topic, records, callers, recordsInCall };
}

/** Has the callers send all records, once to warm up and once with the clock running. */
export async function measure(
  load: ProduceLoad,
  send: (count: number) => Promise<void>,
): Promise<ProduceResult> {
  await sendAll({ ...load, records: WARM_UP_RECORDS }, send);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await sendAll(load, send);
  const seconds = (performance.now() - startMs) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

async function sendAll(
  { records, callers, recordsInCall }: ProduceLoad,
  send: (count: number) => Promise<void>,
): Promise<void> {
  let left = records;
  const call = async () => {
    while (left > 0) {
      const count = Math.min(recordsInCall, left);
      left -= count;
      await send(count);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
}
