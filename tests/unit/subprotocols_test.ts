import assert from "node:assert/strict";
import { chooseSubprotocol, parseSubprotocols } from "../../src/protocol/subprotocols.ts";

Deno.test("parseSubprotocols() splits, commas with and without blanks", () => {
  assert.deepEqual(parseSubprotocols("a,b"), ["a", "b"]);
  assert.deepEqual(parseSubprotocols("a, b"), ["a", "b"]);
  assert.deepEqual(parseSubprotocols(" a\t,  b "), ["a", "b"]);
});

Deno.test("parseSubprotocols() drops empty and repeated names", () => {
  assert.deepEqual(parseSubprotocols(",a,,a,b,"), ["a", "b"]);
});

Deno.test("parseSubprotocols() gives nothing, no header or an empty one", () => {
  assert.deepEqual(parseSubprotocols(null), []);
  assert.deepEqual(parseSubprotocols(""), []);
});

Deno.test("chooseSubprotocol() gives v1 without an echo, nothing offered", () => {
  assert.deepEqual(chooseSubprotocol([]), { protocol: "v1", echo: undefined });
});

for (
  const [offered, protocol, echo] of [
    [["kafka-proxy.v1"], "v1", "kafka-proxy.v1"],
    [["chat", "bearer.abc", "kafka-proxy.v1"], "v1", "kafka-proxy.v1"],
    [["kafka-proxy.v1", "kafka-proxy.v2"], "v1", "kafka-proxy.v1"],
    [["kafka-proxy.v2", "kafka-proxy.v1"], "v2", "kafka-proxy.v2"],
    [["kafka-proxy.v2.binary", "kafka-proxy.v2"], "v2.binary", "kafka-proxy.v2.binary"],
    [["kafka-proxy.v3", "bearer.abc", "kafka-proxy.v2"], "v2", "kafka-proxy.v2"],
  ] as const
) {
  Deno.test(`chooseSubprotocol() takes the first it knows, ${offered.join(", ")}`, () => {
    assert.deepEqual(chooseSubprotocol(offered), { protocol, echo });
  });
}

Deno.test("chooseSubprotocol() throws unsupported, only versions to come", () => {
  for (const name of ["kafka-proxy.v3", "kafka-proxy.v2.text"]) {
    assert.throws(() => chooseSubprotocol([name]), {
      name: "ProxyError",
      code: "unsupported",
      message: `Cannot choose a subprotocol: offered "${name}", wanted "kafka-proxy.v1" or ` +
        '"kafka-proxy.v2" or "kafka-proxy.v2.binary" among them, or none at all',
    });
  }
});

Deno.test("chooseSubprotocol() chooses no name of an object's own, constructor", () => {
  assert.throws(() => chooseSubprotocol(["constructor"]), { code: "bad_request" });
});

Deno.test("chooseSubprotocol() throws bad_request, only unknown names", () => {
  for (const name of ["chat", "KAFKA-PROXY.V1", "kafka-proxy"]) {
    assert.throws(() => chooseSubprotocol([name]), { name: "ProxyError", code: "bad_request" });
  }
});

Deno.test("chooseSubprotocol() never shows credentials, bearer alone", () => {
  assert.throws(() => chooseSubprotocol(["bearer.s3cret"]), {
    name: "ProxyError",
    code: "bad_request",
    message: /offered "bearer", wanted "kafka-proxy.v1"/,
  });
});
