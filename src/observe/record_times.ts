import type { Chunk } from "../core/chunk.ts";

/** Samples of one partition; what is in between is known to within {@linkcode STEP_MS}. */
const MOST_SAMPLES = 64;

/** A sample that is not so much later than the one before it says nothing new, in ms. */
const STEP_MS = 1_000n;

/** Partitions that are remembered; the ones that came first go first. */
const MOST_PARTITIONS = 10_000;

interface Sample {
  readonly offset: bigint;
  readonly timestampMs: bigint;
}

/**
 * Which time of a partition's records belongs to which offset, learnt from the chunks that went
 * through: nothing is asked of Kafka for it. A chunk costs a look at its first batch.
 */
export class RecordTimes {
  readonly #partitions = new Map<string, Sample[]>();

  /** Learns from a chunk. */
  saw({ topic, partition, from, batches }: Chunk): void {
    const batch = batches.find(({ lastOffset }) => lastOffset >= from);
    if (batch === undefined) return;
    const key = partitionKey(topic, partition);
    let samples = this.#partitions.get(key);
    if (samples === undefined) {
      this.#partitions.set(key, samples = []);
      if (this.#partitions.size > MOST_PARTITIONS) deleteFirst(this.#partitions);
    }
    const { baseOffset, baseTimestampMs, maxTimestampMs, logAppendTime } = batch;
    insert(samples, {
      offset: baseOffset,
      timestampMs: logAppendTime ? maxTimestampMs : baseTimestampMs,
    });
  }

  /** About when the record at an offset was written; undefined while none near it was seen. */
  at(topic: string, partition: number, offset: bigint): bigint | undefined {
    const samples = this.#partitions.get(partitionKey(topic, partition)) ?? [];
    return samples.findLast((sample) => sample.offset <= offset)?.timestampMs;
  }

  /** Forgets all partitions but those of these keys. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#partitions.keys()) if (!keys.has(key)) this.#partitions.delete(key);
  }
}

/** One text for a partition. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic} ${partition}`;
}

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

/** Ascending by offset; when there are too many, the one farthest from the new one goes. */
function insert(samples: Sample[], sample: Sample): void {
  const below = samples.findLastIndex(({ offset }) => offset <= sample.offset);
  const before = samples[below];
  if (before !== undefined) {
    if (before.offset === sample.offset) return;
    if (sample.timestampMs - before.timestampMs < STEP_MS) return;
  }
  samples.splice(below + 1, 0, sample);
  if (samples.length <= MOST_SAMPLES) return;
  if (below + 1 < samples.length / 2) samples.pop();
  else samples.shift();
}
