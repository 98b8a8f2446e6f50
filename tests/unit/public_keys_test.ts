import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readPublicKeys } from "../../src/core/public_keys.ts";
import { jwkOf, newKeys } from "../support/signed_tokens.ts";

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

for (
  const [alg, algorithms] of [
    ["RS256", RSA],
    ["ES256", ["ES256"]],
    ["ES384", ["ES384"]],
    ["EdDSA", ["EdDSA", "Ed25519"]],
  ] as const
) {
  Deno.test(`readPublicKeys() gives a key of ${alg} its own algorithms and no others`, () => {
    const keys = newKeys(alg);
    const [key] = readPublicKeys(keys.pem);
    assert.deepEqual(key.algorithms, algorithms);
    const [jwk] = readPublicKeys(JSON.stringify(jwkOf(keys, "k1")));
    assert.deepEqual([jwk.kid, jwk.algorithms], ["k1", [alg]]);
  });
}

Deno.test("readPublicKeys() reads several PEM blocks, and a set without its encryption keys", () => {
  const [one, other] = [newKeys("ES256"), newKeys("EdDSA")];
  assert.equal(readPublicKeys(`${one.pem}\n${other.pem}`).length, 2);
  const set = { keys: [jwkOf(one, "a"), { ...jwkOf(other, "b"), use: "enc" }] };
  assert.deepEqual(readPublicKeys(JSON.stringify(set)).map(({ kid }) => kid), ["a"]);
});

const { privateKey } = newKeys("ES256");
const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;

for (
  const [what, text, message] of [
    ["nothing", "", /neither PEM nor a JSON Web Key/],
    ["a secret", "thisisapassword", /neither PEM nor a JSON Web Key/],
    ["a private key", `${privateKey.export({ type: "pkcs8", format: "pem" })}`, /public key only/],
    ["a private JWK", JSON.stringify(privateKey.export({ format: "jwk" })), /private key/],
    ["a symmetric JWK", '{"kty":"oct","k":"AAAA"}', /symmetric key/],
    ["an RSA key that is too short", `${small.export({ type: "spki", format: "pem" })}`, /2048/],
    ["broken JSON", "{", /no JSON/],
    ["an empty set", '{"keys":[]}', /no key/],
    ["a set that is no list", '{"keys":{}}', /no list of keys/],
    ["a key that is none", '{"keys":[1]}', /key that is none/],
    ["a broken key", '{"kty":"EC","crv":"P-256","x":"A","y":"A"}', /cannot be read/],
    [
      "a key for another algorithm",
      JSON.stringify({ ...jwkOf(newKeys("ES256")), alg: "HS256" }),
      /not supported/,
    ],
  ] as const
) {
  Deno.test(`readPublicKeys() throws a RangeError, ${what}`, () => {
    assert.throws(() => readPublicKeys(text), { name: "RangeError", message });
  });
}
