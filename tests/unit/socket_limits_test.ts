import assert from "node:assert/strict";
import { addressKey } from "../../src/auth/address_key.ts";
import { ANONYMOUS, type Principal } from "../../src/core/principal.ts";
import { SocketLimits, type SocketLimitSettings } from "../../src/server/socket_limits.ts";

const NONE: SocketLimitSettings = {
  maxSocketsPerAddress: undefined,
  maxSocketsPerPrincipal: undefined,
  upgradesPerSecond: undefined,
  maxHeaderBytes: 1_000,
};
const REQUEST = new Request("http://localhost/");

const refusedFor = (code: string, limit: string) => (error: unknown) => {
  const { code: found, details } = error as { code?: string; details?: { limit?: string } };
  assert.equal(found, code);
  assert.equal(details?.limit, limit);
  return true;
};

Deno.test("SocketLimits.enter() refuses one more from an address, and takes it when one has gone", () => {
  const limits = new SocketLimits(() => ({ ...NONE, maxSocketsPerAddress: 2 }));
  const leave = limits.enter("192.0.2.1", ANONYMOUS);
  limits.enter("192.0.2.1", ANONYMOUS);
  const more = () => limits.enter("::ffff:192.0.2.1", ANONYMOUS);
  assert.throws(more, refusedFor("too_many_requests", "maxSocketsPerAddress"));
  limits.enter("192.0.2.2", ANONYMOUS);
  leave();
  leave();
  more();
  assert.throws(more, refusedFor("too_many_requests", "maxSocketsPerAddress"));
});

Deno.test("SocketLimits.enter() refuses one more of a principal, whose own limit counts first", () => {
  const limits = new SocketLimits(() => ({ ...NONE, maxSocketsPerPrincipal: 1 }));
  const alice: Principal = { name: "alice", may: () => true };
  const bob: Principal = { name: "bob", may: () => true, limits: { sockets: 2 } };
  limits.enter("192.0.2.1", alice);
  const more = (who: Principal) => () => limits.enter("192.0.2.9", who);
  assert.throws(more(alice), refusedFor("too_many_requests", "maxSocketsPerPrincipal"));
  more(bob)();
  more(bob)();
  assert.throws(more(bob), refusedFor("too_many_requests", "maxSocketsPerPrincipal"));
});

Deno.test("SocketLimits.arrive() refuses an address that comes too often", () => {
  const limits = new SocketLimits(() => ({ ...NONE, upgradesPerSecond: 2 }));
  const arrive = (address: string, nowMs: number) => limits.arrive(REQUEST, address, nowMs);
  arrive("2001:db8::1", 0);
  arrive("2001:db8::2", 0);
  const more = () => arrive("2001:db8::3", 0);
  assert.throws(more, refusedFor("too_many_requests", "upgradesPerSecond"));
  arrive("2001:db8:0:1::1", 0);
  arrive("2001:db8::1", 500);
});

Deno.test("SocketLimits.arrive() refuses an address and headers that are too long together", () => {
  const limits = new SocketLimits(() => NONE);
  const arrive = (url: string, headers: Record<string, string>) => () =>
    limits.arrive(new Request(url, { headers }), "192.0.2.1");
  const refused = refusedFor("headers_too_large", "maxHeaderBytes");
  assert.throws(arrive("http://localhost/", { a: "x".repeat(1_000) }), refused);
  assert.throws(arrive(`http://localhost/?${"x".repeat(1_000)}`, {}), refused);
  arrive("http://localhost/", { a: "x".repeat(900) })();
});

for (
  const [address, key] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8::", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:1:2:3:4", "2001:db8:0:0::/64"],
    ["2001:0db8:1:2::3", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1:2:3::", "1:2:3:0::/64"],
  ]
) {
  Deno.test(`addressKey() gives ${key} for ${address}`, () => {
    assert.equal(addressKey(address), key);
  });
}

Deno.test("SocketLimits takes settings that change, for what comes from then on", () => {
  let settings = { ...NONE, upgradesPerSecond: 1, maxSocketsPerAddress: 1 };
  const limits = new SocketLimits(() => settings);
  const come = () => limits.arrive(new Request("http://localhost/"), "192.0.2.1", 0);
  come();
  assert.throws(come, { code: "too_many_requests" });
  limits.enter("192.0.2.1", ANONYMOUS);
  settings = { ...NONE, upgradesPerSecond: 5, maxSocketsPerAddress: 2 };
  come();
  limits.enter("192.0.2.1", ANONYMOUS);
  assert.throws(() => limits.enter("192.0.2.1", ANONYMOUS), { code: "too_many_requests" });
});
