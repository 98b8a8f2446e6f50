import assert from "node:assert/strict";
import { checkHandshake } from "../../src/protocol/handshake.ts";

const GOOD = {
  "Upgrade": "websocket",
  "Connection": "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function check(changes: Record<string, string | undefined> = {}, method = "GET"): void {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...GOOD, ...changes })) {
    if (value !== undefined) headers.set(name, value);
  }
  checkHandshake({ method, headers });
}

Deno.test("checkHandshake() passes the handshake of RFC 6455", () => check());

Deno.test("checkHandshake() passes any case and lists", () => {
  check({ Upgrade: "WebSocket", Connection: "upgrade" });
  check({ Upgrade: "h2c, WEBSOCKET", Connection: "keep-alive, Upgrade" });
  check({ Connection: "Upgrade,keep-alive" });
});

Deno.test("checkHandshake() throws method_not_allowed, other methods", () => {
  for (const method of ["POST", "HEAD", "CONNECT", "get"]) {
    assert.throws(() => check({}, method), {
      name: "ProxyError",
      code: "method_not_allowed",
      message: `Cannot open a WebSocket: the method is "${method}", wanted "GET"`,
    });
  }
});

for (
  const [name, value] of [
    ["Upgrade", undefined],
    ["Upgrade", ""],
    ["Upgrade", "h2c"],
    ["Upgrade", "websockets"],
    ["Connection", undefined],
    ["Connection", "keep-alive"],
    ["Connection", "not-upgrade"],
    ["Sec-WebSocket-Version", undefined],
    ["Sec-WebSocket-Version", "8"],
    ["Sec-WebSocket-Version", "13, 8"],
    ["Sec-WebSocket-Version", "013"],
  ] as const
) {
  Deno.test(`checkHandshake() throws upgrade_required, ${name} ${JSON.stringify(value)}`, () => {
    assert.throws(() => check({ [name]: value }), {
      name: "ProxyError",
      code: "upgrade_required",
      message: new RegExp(
        `the header ${name} is ${value === undefined ? "missing" : `"${value}"`}`,
      ),
    });
  });
}

for (
  const key of [
    undefined,
    "",
    "dGhlIHNhbXBsZSBub25jZQ",
    "dGhlIHNhbXBsZSBub25jZQ=",
    "dGhlIHNhbXBsZSBub25jZWE=",
    "dGhlIHNhbXBsZSBub25j!Q==",
    "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
  ]
) {
  Deno.test(`checkHandshake() throws bad_request, key ${JSON.stringify(key)}`, () => {
    assert.throws(() => check({ "Sec-WebSocket-Key": key }), {
      name: "ProxyError",
      code: "bad_request",
      message: /Sec-WebSocket-Key is .*, wanted 16 bytes in base64$/,
    });
  });
}
