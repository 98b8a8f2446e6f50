import assert from "node:assert/strict";
import { RecordClient, type RecordClientOptions } from "./record_client.ts";

/**
 * A client that takes partitions over, and remembers where it began and when: its first record of
 * each partition, the time from its handshake to that, and when its connection ended.
 */
export class Heir implements AsyncDisposable {
  readonly client: RecordClient;
  /** Offset of the first record by partition. */
  readonly first: Map<number, bigint>;
  /** Ms from the start of the handshake to the first record, by partition. */
  readonly firstMs: Map<number, number>;
  /** `performance.now()` at the end of the connection. */
  closedAtMs: number | undefined;
  /** `performance.now()` at the first record. */
  firstAtMs: number | undefined;

  private constructor(
    client: RecordClient,
    first: Map<number, bigint>,
    firstMs: Map<number, number>,
  ) {
    this.client = client;
    this.first = first;
    this.firstMs = firstMs;
    void client.closed.then(() => this.closedAtMs = performance.now());
  }

  /** Connects; with lists, entries name their partition. */
  static async open(url: string, options: RecordClientOptions = {}): Promise<Heir> {
    const first = new Map<number, bigint>();
    const firstMs = new Map<number, number>();
    const startMs = performance.now();
    const late: { heir?: Heir; firstAtMs?: number } = {};
    const client = await RecordClient.open(url, {
      keep: false,
      ...options,
      onRecord: (record) => {
        const { partition = 0, offset } = record;
        if (!first.has(partition)) {
          first.set(partition, offset);
          firstMs.set(partition, performance.now() - startMs);
          late.firstAtMs ??= performance.now();
          if (late.heir !== undefined) late.heir.firstAtMs ??= late.firstAtMs;
        }
        options.onRecord?.(record);
      },
    });
    const heir = new Heir(client, first, firstMs);
    heir.firstAtMs = late.firstAtMs;
    late.heir = heir;
    return heir;
  }

  /** The offset after the last record of a partition. */
  next(partition = 0): bigint | undefined {
    return this.client.history.next(partition);
  }

  /** Waits to be closed with 4409, and checks what it got until then. */
  async evicted(timeoutMs = 20_000): Promise<void> {
    const { code, reason } = await this.client.untilClosed(timeoutMs);
    assert.equal(code, 4409, reason);
    assert.match(reason, /^taken over/);
    this.client.verify();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

/** The address of a proxy with a query. */
export function at(
  url: string,
  query: Readonly<Record<string, string | number | bigint>>,
): string {
  const entries = Object.entries(query).map(([name, value]) => [name, `${value}`]);
  return `${url}?${new URLSearchParams(entries)}`;
}
