import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { checkOrigin } from "../../src/auth/origin.ts";
import { SharedSecret } from "../../src/auth/shared_secret.ts";

const secret = fc.string({ unit: "grapheme", minLength: 1 })
  .filter((text) => !/^[ \t\r\n]|[ \t\r\n]$/.test(text));

Deno.test("SharedSecret.accepts() takes every secret in every form", () => {
  const user = fc.string().filter((text) => !text.includes(":"));
  fc.assert(fc.property(secret, user, (secret, user) => {
    const shared = new SharedSecret(secret);
    assert.ok(shared.accepts(`basic ${Buffer.from(secret).toString("latin1")}`));
    assert.ok(shared.accepts(`Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`));
  }));
});

Deno.test("SharedSecret.accepts() refuses, another secret in every form", () => {
  fc.assert(fc.property(secret, fc.string({ unit: "grapheme" }), (secret, other) => {
    fc.pre(secret !== other);
    const shared = new SharedSecret(`S${secret}`);
    assert.ok(!shared.accepts(`basic s${other}`));
    assert.ok(!shared.accepts(`Basic ${Buffer.from(`user:s${other}`).toString("base64")}`));
  }));
});

Deno.test("SharedSecret.accepts() throws nothing, any header", () => {
  const shared = new SharedSecret("s3cret");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(shared.accepts(text), false);
    assert.equal(shared.accepts(`basic ${text}`), text.trimStart() === "s3cret");
  }));
});

Deno.test("checkOrigin() throws nothing but origin_refused, any headers and settings", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.webAuthority(), fc.webUrl());
  fc.assert(fc.property(text, text, fc.array(text), (origin, host, allowed) => {
    for (const each of [origin, `http://${origin}`]) {
      try {
        checkOrigin({ origin: each, host, allowed });
      } catch (error) {
        assert.ok(error instanceof ProxyError, String(error));
        assert.equal(error.code, "origin_refused");
      }
    }
  }));
});
