import { sleep } from "../../src/stream/sleep.ts";

/** Bytes passed on at a time where a bandwidth is set. */
const SLICE_BYTES = 4 * 1024;

/** What every relay can do to what passes it, by direction: be slow, narrow, silent. */
export abstract class ImpairedRelay<Way extends string> {
  /** All that is read waits so long before it is passed on, in ms. */
  delayMs = 0;
  /** Bytes a second in each direction of a connection. */
  bytesPerSecond = Infinity;
  readonly #silent = new Map<Way, PromiseWithResolvers<void>>();

  /** Nothing arrives in this direction, and nobody is told, until the returned function is called. */
  silence(way: Way): () => void {
    const silent = Promise.withResolvers<void>();
    this.#silent.set(way, silent);
    return () => {
      if (this.#silent.get(way) === silent) this.#silent.delete(way);
      silent.resolve();
    };
  }

  /** For connections: resolves when what was read may be passed on. */
  async held(way: Way): Promise<void> {
    if (this.delayMs > 0) await sleep(this.delayMs);
    await this.#silent.get(way)?.promise;
  }

  /** For connections: writes, no faster than the bandwidth. */
  async paced(bytes: Uint8Array, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    if (this.bytesPerSecond === Infinity) return await write(bytes);
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const slice = bytes.subarray(at, at + SLICE_BYTES);
      await sleep(slice.length / this.bytesPerSecond * 1_000);
      await write(slice);
    }
  }

  /** Before the end: what waits goes on. */
  protected endSilence(): void {
    for (const { resolve } of this.#silent.values()) resolve();
  }
}

/** Writes all of them. */
export async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
