import { BlockList, isIP } from "node:net";

/** Longest `X-Forwarded-For` that is looked at, in characters; longer ones are of no proxy. */
const MAX_HEADER = 4096;

/**
 * Networks whose `X-Forwarded-For` is believed, as the setting `trustedProxies` has them: addresses,
 * or networks in CIDR form, all valid.
 */
export class TrustedProxies {
  readonly #list = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address, bits] = network.split("/");
      const family = isIP(address) === 4 ? "ipv4" : "ipv6";
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  /** Whether an address, without zone, is a trusted proxy's. */
  has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 4 ? "ipv4" : "ipv6");
  }
}

/**
 * The address of the client: that of the connection, or where that is a trusted proxy's, the last
 * address of `X-Forwarded-For` that is not (each proxy adds the one it sees at the end, and whatever
 * stands before the first one that is not trusted may be invented).
 *
 * @example
 * ```ts
 * import { clientAddress, TrustedProxies } from "./client_address.ts";
 *
 * const trusted = new TrustedProxies(["10.0.0.0/8"]);
 * const headers = new Headers({ "x-forwarded-for": "1.2.3.4, 198.51.100.7, 10.0.0.2" });
 * console.assert(clientAddress("10.0.0.1", headers, trusted) === "198.51.100.7");
 * console.assert(clientAddress("192.0.2.1", headers, trusted) === "192.0.2.1");
 * ```
 */
export function clientAddress(remote: string, headers: Headers, trusted: TrustedProxies): string {
  let address = plainAddress(remote) ?? remote;
  if (!trusted.has(address)) return address;
  const header = headers.get("x-forwarded-for") ?? "";
  if (header.length > MAX_HEADER) return address;
  for (const entry of header.split(",").toReversed()) {
    const next = plainAddress(entry.trim());
    if (next === undefined) break;
    address = next;
    if (!trusted.has(address)) break;
  }
  return address;
}

/** An address without brackets, port and zone; IPv4 in IPv6 form as IPv4. */
function plainAddress(text: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ??
    /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, "");
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  const plain = mapped !== undefined && isIP(mapped) === 4 ? mapped : address;
  return isIP(plain) === 0 ? undefined : plain.toLowerCase();
}
