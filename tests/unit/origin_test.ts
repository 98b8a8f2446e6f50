import assert from "node:assert/strict";
import { checkOrigin } from "../../src/auth/origin.ts";

type Case = [origin: string | null, host: string | null, allowed?: string[]];

for (
  const [origin, host, allowed = []] of [
    [null, "localhost:9999"],
    [null, null],
    ["http://localhost:9999", "localhost:9999"],
    ["http://LocalHost:9999", "LOCALHOST:9999"],
    ["http://proxy.example", "proxy.example"],
    ["http://proxy.example", "proxy.example:80"],
    ["http://proxy.example:80", "proxy.example"],
    ["https://proxy.example", "proxy.example:443"],
    ["https://proxy.example", "proxy.example"],
    ["http://[::1]:9999", "[::1]:9999"],
    ["https://app.example", "proxy:9999", ["https://app.example"]],
    ["https://app.example", "proxy:9999", ["https://other.example", "HTTPS://App.Example:443/"]],
    ["https://app.example", "proxy:9999", ["*"]],
    ["file://", "proxy:9999", ["file://"]],
    ["chrome-extension://abcdef", "proxy:9999", ["chrome-extension://abcdef"]],
    ["null", "proxy:9999", ["null"]],
  ] as Case[]
) {
  Deno.test(`checkOrigin() passes, ${origin} at ${host} with [${allowed}]`, () => {
    checkOrigin({ origin, host, allowed });
  });
}

for (
  const [origin, host, allowed = []] of [
    ["http://evil.example", "localhost:9999"],
    ["http://localhost:3000", "localhost:9999"],
    ["http://localhost", "localhost:9999"],
    ["http://localhost:9999", null],
    ["http://localhost:9999", ""],
    ["https://proxy.example", "proxy.example:80"],
    ["http://proxy.example.evil.example", "proxy.example"],
    ["http://proxy.example@evil.example", "proxy.example"],
    ["http://evil.example/proxy.example", "proxy.example"],
    ["http://proxy.example/path", "proxy.example"],
    ["http://proxy.example", "evil@proxy.example"],
    ["ftp://proxy.example", "proxy.example"],
    ["app://localhost", "localhost"],
    ["http://app.example", "proxy:9999", ["https://app.example"]],
    ["https://app.example:8443", "proxy:9999", ["https://app.example"]],
    ["https://sub.app.example", "proxy:9999", ["https://app.example", "app.example", ""]],
    ["http://a http://localhost:9999", "localhost:9999"],
    ["http://localhost:9999, http://evil.example", "localhost:9999"],
    ["", "localhost:9999"],
    ["null", "localhost:9999"],
    ["null", "null"],
    ["null", "localhost:9999", ["*"]],
    ["http://", ""],
  ] as Case[]
) {
  Deno.test(`checkOrigin() throws origin_refused, ${origin} at ${host} with [${allowed}]`, () => {
    assert.throws(() => checkOrigin({ origin, host, allowed }), {
      name: "ProxyError",
      code: "origin_refused",
    });
  });
}

Deno.test("checkOrigin() names the Origin and the setting, and cuts a long one", () => {
  const refuse = (origin: string) => () => checkOrigin({ origin, host: "proxy:9999", allowed: [] });
  assert.throws(refuse("http://evil.example"), {
    name: "ProxyError",
    code: "origin_refused",
    message: /Origin "http:\/\/evil\.example": .* setting --origin$/,
  });
  assert.throws(refuse(`http://${"e".repeat(10_000)}`), {
    name: "ProxyError",
    code: "origin_refused",
    message: /^.{100,300}$/,
  });
});
