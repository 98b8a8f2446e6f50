import { addressKey } from "../auth/address_key.ts";
import type { Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { KeyedBuckets } from "../stream/keyed_buckets.ts";

/** How much one client may take of the server; `undefined` sets no limit. */
export interface SocketLimitSettings {
  readonly maxSocketsPerAddress: number | undefined;
  readonly maxSocketsPerPrincipal: number | undefined;
  readonly upgradesPerSecond: number | undefined;
  readonly maxHeaderBytes: number;
}

/**
 * Keeps one client from taking what belongs to all: sockets and handshakes by address, sockets by
 * principal, and the size of a request's headers.
 *
 * A socket is counted from the moment its request asks something of Kafka, so that many requests at
 * a time cannot all see a free place.
 */
export class SocketLimits {
  readonly #settings: () => SocketLimitSettings;
  #upgrades: { readonly perSecond: number; readonly buckets: KeyedBuckets } | undefined;
  readonly #addresses = new Counts();
  readonly #principals = new Counts();

  /** @param settings those of now, which may change while the server runs */
  constructor(settings: () => SocketLimitSettings) {
    this.#settings = settings;
  }

  /**
   * Before anything else is looked at: the size of the headers, and the rate of this address.
   *
   * @throws {ProxyError} `headers_too_large`, `too_many_requests`
   */
  arrive({ url, headers }: Request, address: string, nowMs: number = performance.now()): void {
    const { maxHeaderBytes, upgradesPerSecond } = this.#settings();
    let bytes = url.length;
    for (const [name, value] of headers) bytes += name.length + value.length;
    if (bytes > maxHeaderBytes) {
      throw new ProxyError(
        "headers_too_large",
        `The request's address and headers have ${bytes} bytes, the limit is ${maxHeaderBytes}`,
        { details: { limit: "maxHeaderBytes" } },
      );
    }
    if (!this.#mayCome(addressKey(address), upgradesPerSecond, nowMs)) {
      throw new ProxyError(
        "too_many_requests",
        `Too many connections from this address: the limit is ${upgradesPerSecond} a second`,
        { details: { limit: "upgradesPerSecond" } },
      );
    }
  }

  #mayCome(key: string, perSecond: number | undefined, nowMs: number): boolean {
    if (perSecond === undefined) return true;
    if (this.#upgrades?.perSecond !== perSecond) {
      this.#upgrades = { perSecond, buckets: new KeyedBuckets(perSecond, perSecond) };
    }
    return this.#upgrades.buckets.take(key, nowMs);
  }

  /**
   * Takes a place for one socket; the returned function gives it back, once.
   *
   * @throws {ProxyError} `too_many_requests`
   */
  enter(address: string, { name, limits }: Principal): () => void {
    const { maxSocketsPerAddress, maxSocketsPerPrincipal } = this.#settings();
    const key = addressKey(address);
    check(
      this.#addresses.of(key),
      maxSocketsPerAddress,
      "maxSocketsPerAddress",
      "from this address",
    );
    const own = limits?.sockets ?? maxSocketsPerPrincipal;
    check(this.#principals.of(name), own, "maxSocketsPerPrincipal", `of ${JSON.stringify(name)}`);
    this.#addresses.add(key, 1);
    this.#principals.add(name, 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#addresses.add(key, -1);
      this.#principals.add(name, -1);
    };
  }
}

function check(open: number, most: number | undefined, limit: string, whose: string): void {
  if (most === undefined || open < most) return;
  throw new ProxyError(
    "too_many_requests",
    `Cannot open one more socket ${whose}: ${open} are open, the limit is ${most}`,
    { details: { limit } },
  );
}

/** How many there are of each key; those of which there are none are forgotten. */
class Counts {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string, change: number): void {
    const count = this.of(key) + change;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
