import assert from "node:assert/strict";
import { hashPassword, isPassword, nobodysHash } from "../../src/auth/passwords.ts";
import { parsePasswordHash, passwordHashText } from "../../src/core/password_hash.ts";

Deno.test("hashPassword() makes a hash that only its password has", async () => {
  const text = await hashPassword("pässword");
  assert.match(text, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  const hash = parsePasswordHash(text);
  assert.ok(hash !== undefined);
  assert.equal(passwordHashText(hash), text);
  assert.equal(await isPassword("pässword", hash), true);
  assert.equal(await isPassword("pa\u0308ssword", hash), true, "typed on another system");
  assert.equal(await isPassword("password", hash), false);
});

Deno.test("isPassword() agrees with RFC 7914's test vector", async () => {
  const hash = {
    costLog2: 10,
    blockSize: 8,
    parallelization: 16,
    salt: new TextEncoder().encode("NaCl"),
    hash: Uint8Array.from(
      ("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162" +
        "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640").match(/../g)!,
      (byte) => parseInt(byte, 16),
    ),
  };
  assert.equal(await isPassword("password", hash), true);
});

Deno.test("nobodysHash() is another one each time", () => {
  assert.notDeepEqual(nobodysHash().hash, nobodysHash().hash);
});

const SALT = "A".repeat(22);
const HASH = "A".repeat(43);

for (
  const text of [
    "",
    "plain",
    `$scrypt$ln=18,r=8,p=1$${SALT}$${HASH}`,
    `$scrypt$ln=9,r=8,p=1$${SALT}$${HASH}`,
    `$scrypt$ln=17,r=16,p=1$${SALT}$${HASH}`,
    `$scrypt$ln=15,r=8,p=17$${SALT}$${HASH}`,
    `$scrypt$ln=015,r=8,p=1$${SALT}$${HASH}`,
    `$scrypt$ln=15,r=8,p=1$short$${HASH}`,
    `$scrypt$ln=15,r=8,p=1$${SALT}$${HASH}\n`,
    `$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${HASH}`,
  ]
) {
  Deno.test(`parsePasswordHash() takes no ${JSON.stringify(text.slice(0, 30))}`, () => {
    assert.equal(parsePasswordHash(text), undefined);
  });
}
