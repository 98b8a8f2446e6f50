import assert from "node:assert/strict";
import { clientAddress, TrustedProxies } from "../../src/auth/client_address.ts";

const TRUSTED = new TrustedProxies(["10.0.0.0/8", "192.0.2.1", "fd00::/8"]);

for (
  const [what, remote, forwarded, wanted] of [
    ["no header", "10.0.0.1", undefined, "10.0.0.1"],
    ["a stranger's header", "203.0.113.9", "1.2.3.4", "203.0.113.9"],
    ["one proxy", "10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["two proxies", "10.0.0.1", "203.0.113.9, 192.0.2.1", "203.0.113.9"],
    ["an invented beginning", "10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"],
    ["proxies only", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["a port", "10.0.0.1", "203.0.113.9:4711", "203.0.113.9"],
    ["IPv6", "fd00::1", "2001:DB8::7", "2001:db8::7"],
    ["IPv6 with a port", "fd00::1", "[2001:db8::7]:4711", "2001:db8::7"],
    ["IPv4 as IPv6", "::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
    ["rubbish at the end", "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"],
    ["rubbish before", "10.0.0.1", "<script>, 10.0.0.2", "10.0.0.2"],
    ["an empty header", "10.0.0.1", "", "10.0.0.1"],
    ["a long header", "10.0.0.1", "1.1.1.1,".repeat(1000), "10.0.0.1"],
    ["a zone", "fd00::1", "fe80::1%eth0", "fe80::1"],
  ] as const
) {
  Deno.test(`clientAddress() is ${wanted}, ${what}`, () => {
    const headers = new Headers(forwarded === undefined ? {} : { "X-Forwarded-For": forwarded });
    assert.equal(clientAddress(remote, headers, TRUSTED), wanted);
  });
}

Deno.test("clientAddress() believes nobody, none trusted", () => {
  const headers = new Headers({ "x-forwarded-for": "1.2.3.4" });
  assert.equal(clientAddress("127.0.0.1", headers, new TrustedProxies([])), "127.0.0.1");
});
