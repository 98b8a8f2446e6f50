import { join } from "node:path";

/** Digits of a segment's first offset in the names of its files. */
const DIGITS = 20;

/** What to do to a partition that has one segment, from offset 0 on. */
export interface SegmentRewrite {
  readonly topic: string;
  /** @default {0} */
  readonly partition?: number;
  /** Gives what the segment is to hold; may change what it gets. */
  readonly bytes?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array;
  /** Moves all records to higher offsets, as if the partition had a long life behind it. */
  readonly shiftBy?: bigint;
}

/**
 * Changes a partition on the disk of a node that is stopped: for what no producer of today writes.
 * The broker verifies records when they are appended, not when they are read. The offset of a batch
 * stands before what its checksum covers.
 */
export async function rewriteSegment(
  dataFolder: string,
  { topic, partition = 0, bytes: change, shiftBy = 0n }: SegmentRewrite,
): Promise<void> {
  const folder = join(dataFolder, `${topic}-${partition}`);
  let bytes: Uint8Array = await Deno.readFile(join(folder, `${"0".repeat(DIGITS)}.log`));
  const { length } = bytes;
  if (change !== undefined) bytes = change(bytes as Uint8Array<ArrayBuffer>);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = 0n;
  for (let at = 0; at < bytes.length; at += 12 + view.getInt32(at + 8)) {
    view.setBigInt64(at, view.getBigInt64(at) + shiftBy);
    // Before format 2 there is one record at an offset.
    const lastDelta = view.getInt8(at + 16) < 2 ? 0 : view.getInt32(at + 23);
    end = view.getBigInt64(at) + BigInt(lastDelta) + 1n;
  }
  // While it builds indexes the broker verifies all records, and cuts the log where one is broken.
  if (bytes.length !== length || shiftBy !== 0n) {
    for await (const { name } of Deno.readDir(folder)) {
      if (/^\d+\./.test(name)) await Deno.remove(join(folder, name));
    }
  }
  await Deno.writeFile(join(folder, `${shiftBy}`.padStart(DIGITS, "0") + ".log"), bytes);
  for (const name of ["recovery-point-offset-checkpoint", "replication-offset-checkpoint"]) {
    const file = join(dataFolder, name);
    const text = await Deno.readTextFile(file);
    const line = new RegExp(`^${RegExp.escape(topic)} ${partition} \\d+$`, "m");
    await Deno.writeTextFile(file, text.replace(line, `${topic} ${partition} ${end}`));
  }
}
