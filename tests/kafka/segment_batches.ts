import { join } from "node:path";

/** Header of a record batch (KIP-98) in a log segment. */
export interface SegmentBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** Records in it now; fewer than offsets where compaction took some, 0 where it took all. */
  readonly recordCount: number;
  readonly bytes: number;
  readonly compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  readonly isTransactional: boolean;
  /** The commit or abort marker of a transaction. */
  readonly isControl: boolean;
  readonly timestampType: "create" | "log-append";
}

const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
const HEADER_BYTES = 61;

/**
 * The record batches of a partition as they are on a broker's disk: what producers and compaction
 * made of them, whatever consumers show.
 *
 * @param dataFolder `node.dataFolder` of a node of `KafkaCluster`
 */
export async function segmentBatches(
  dataFolder: string,
  topic: string,
  partition: number,
): Promise<SegmentBatch[]> {
  const folder = join(dataFolder, `${topic}-${partition}`);
  const segments: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".log")) segments.push(name);
  }
  const batches = await Promise.all(
    segments.sort().map(async (name) => {
      const bytes = await Deno.readFile(join(folder, name));
      return parse(new DataView(bytes.buffer));
    }),
  );
  return batches.flat();
}

function parse(view: DataView): SegmentBatch[] {
  const batches: SegmentBatch[] = [];
  for (let at = 0; at + HEADER_BYTES <= view.byteLength;) {
    const bytes = 12 + view.getInt32(at + 8);
    if (bytes < HEADER_BYTES) break; // A preallocated file ends in zeros.
    const attributes = view.getInt16(at + 21);
    const baseOffset = Number(view.getBigInt64(at));
    batches.push({
      baseOffset,
      lastOffset: baseOffset + view.getInt32(at + 23),
      recordCount: view.getInt32(at + 57),
      bytes,
      compression: COMPRESSIONS[attributes & 7],
      timestampType: attributes & 8 ? "log-append" : "create",
      isTransactional: (attributes & 16) !== 0,
      isControl: (attributes & 32) !== 0,
    });
    at += bytes;
  }
  return batches;
}
