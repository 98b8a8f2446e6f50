/**
 * What limits count an address as: an IPv4 address itself, also where it comes as IPv6
 * (`::ffff:192.0.2.1`), and of an IPv6 address the network of 64 bits, since one customer has all
 * addresses in it (RFC 6177).
 *
 * @example
 * ```ts
 * import { addressKey } from "./address_key.ts";
 *
 * console.assert(addressKey("2001:db8::1:2:3:4") === addressKey("2001:db8::9"));
 * ```
 */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1];
  if (!address.includes(":")) return address;
  const [head, tail] = address.toLowerCase().replace(/%.*$/, "").split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length;
    while (groups.length + after < 8) groups.push("0");
    if (after > 0) groups.push(...tail.split(":"));
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
