import fc from "fast-check";
import type { RecordBatch } from "../../src/core/chunk.ts";
import type { BatchInput } from "./batch_builder.ts";

/** Where reading starts: before, inside and after everything. */
export const place: fc.Arbitrary<number> = fc.double({ min: -0.2, max: 1.2, noNaN: true });

/** The offset at a place between the first (0) and the last (1). */
export function offsetAt(batches: readonly BatchInput[], place: number): bigint {
  if (batches.length === 0) return 0n;
  const first = batches[0].baseOffset;
  const last = batches.at(-1)!;
  const span = last.baseOffset + BigInt(last.lastOffsetDelta ?? 0) + 1n - first;
  const offset = first + BigInt(Math.round(Number(span) * place));
  return offset < 0n ? 0n : offset;
}

/** The same batches, some of which open only after a turn of the event loop. */
export function openedLater(
  batches: readonly RecordBatch[],
  later: readonly boolean[],
): RecordBatch[] {
  return batches.map((batch, i) => {
    if (!later[i]) return batch;
    return new Proxy(batch, {
      get: (target, name) =>
        name === "open"
          ? () => Promise.resolve().then(() => target.open())
          : Reflect.get(target, name, target),
    });
  });
}

/** A batch whose records section is given as it is. */
export function rawBatch(bytes: Uint8Array, recordCount: number): RecordBatch {
  return {
    baseOffset: 100n,
    lastOffset: 100n + BigInt(recordCount),
    recordCount,
    baseTimestampMs: 1_790_000_000_000n,
    maxTimestampMs: 1_790_000_000_000n,
    logAppendTime: false,
    open: () => bytes,
  };
}
