import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SharedSecret } from "../../src/auth/shared_secret.ts";

const SECRETS = [
  "thisisapassword",
  "with: colons: in it",
  ":",
  "two words",
  "ñandú €😀",
  "dXNlcjpw",
];

function base64(text: string, encoding: "utf8" | "latin1" = "utf8"): string {
  return Buffer.from(text, encoding).toString("base64");
}

/** What the runtime makes of a header that a client sent as UTF-8: a character for each byte. */
function asHeader(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

for (const secret of SECRETS) {
  Deno.test(`SharedSecret.accepts() takes the raw secret, ${secret}`, () => {
    const shared = new SharedSecret(secret);
    assert.equal(shared.accepts(`basic ${secret}`), true);
    assert.equal(shared.accepts(`Basic ${secret}`), true);
    assert.equal(shared.accepts(`BASIC  ${asHeader(secret)}`), true);
  });

  Deno.test(`SharedSecret.accepts() takes it as the password of any user, ${secret}`, () => {
    const shared = new SharedSecret(secret);
    for (const user of ["", "alice", "ünal"]) {
      assert.equal(shared.accepts(`Basic ${base64(`${user}:${secret}`)}`), true);
      assert.equal(shared.accepts(`bAsIc ${base64(`${user}:${secret}`).replace(/=+$/, "")}`), true);
    }
  });
}

Deno.test("SharedSecret.accepts() takes ISO 8859-1, as Python and Node clients send it", () => {
  const shared = new SharedSecret("ñandú");
  assert.equal(shared.accepts("basic ñandú"), true);
  assert.equal(shared.accepts(`Basic ${base64("user:ñandú", "latin1")}`), true);
});

for (
  const authorization of [
    null,
    "",
    "basic",
    "Basic ",
    "thisisapassword",
    "basicthisisapassword",
    "Bearer thisisapassword",
    "basic Thisisapassword",
    "basic thisisapasswor",
    "basic thisisapassword2",
    "basic thisisapassword, basic thisisapassword",
    `Basic ${base64("thisisapassword")}`,
    `Basic ${base64("thisisapassword:")}`,
    `Basic ${base64("user:thisisapassword\n")}`,
    `Basic ${base64("user:x:thisisapassword")}`,
    `Bearer ${base64("user:thisisapassword")}`,
    "Basic =====",
    `Basic ${"A".repeat(100_000)}`,
  ]
) {
  Deno.test(`SharedSecret.accepts() refuses, ${authorization?.slice(0, 60)}`, () => {
    assert.equal(new SharedSecret("thisisapassword").accepts(authorization), false);
  });
}

Deno.test("SharedSecret() throws a RangeError that does not show the secret, no usable secret", () => {
  for (const secret of ["", " abc", "abc ", "abc\n", "\tabc"]) {
    assert.throws(() => new SharedSecret(secret), (error: Error) => {
      assert.equal(error.name, "RangeError");
      return !error.message.includes("abc");
    });
  }
});
