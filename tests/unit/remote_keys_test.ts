import assert from "node:assert/strict";
import { RemoteKeys } from "../../src/auth/remote_keys.ts";
import { jwkOf, newKeys } from "../support/signed_tokens.ts";

const [ONE, TWO] = [newKeys("ES256"), newKeys("ES256")];
const HEADER_ONE = { alg: "ES256", kid: "one" };
const HEADER_TWO = { alg: "ES256", kid: "two" };

/** An address that answers what the test sets, and a clock. */
class Address {
  keys: Record<string, unknown>[] = [jwkOf(ONE, "one")];
  answer: (() => Response) | undefined;
  asked = 0;
  nowMs = 0;

  readonly remote = new RemoteKeys("https://issuer.example/jwks", {
    nowMs: () => this.nowMs,
    fetch: () => {
      this.asked++;
      return Promise.resolve(
        this.answer?.() ?? Response.json({ keys: this.keys }),
      );
    },
  });

  async kids(header: { alg: string; kid?: string }): Promise<(string | undefined)[]> {
    return (await this.remote.candidates(header)).map(({ kid }) => kid);
  }
}

const REFUSED = { name: "ProxyError", code: "credentials_unavailable" };

Deno.test("RemoteKeys.candidates() asks once for many, and again after ten minutes", async () => {
  const address = new Address();
  await Promise.all(Array.from({ length: 20 }, () => address.kids(HEADER_ONE)));
  assert.deepEqual(await address.kids(HEADER_ONE), ["one"]);
  assert.equal(address.asked, 1);
  address.nowMs = 10 * 60_000 + 1;
  await address.kids(HEADER_ONE);
  assert.equal(address.asked, 2);
});

Deno.test("RemoteKeys.candidates() finds a new key at once, and a removed one no more", async () => {
  const address = new Address();
  await address.kids(HEADER_ONE);
  address.keys = [jwkOf(TWO, "two")];
  address.nowMs = 11_000;
  assert.deepEqual(await address.kids(HEADER_TWO), ["two"]);
  assert.deepEqual(await address.kids(HEADER_ONE), []);
});

Deno.test("RemoteKeys.candidates() asks at most every ten seconds, unknown keys", async () => {
  const address = new Address();
  for (let i = 0; i < 100; i++) {
    address.nowMs += 100;
    await address.kids({ alg: "ES256", kid: `unknown${i}` });
  }
  assert.equal(address.asked, 1);
  address.nowMs += 10_000;
  await address.kids({ alg: "ES256", kid: "unknown" });
  assert.equal(address.asked, 2);
});

Deno.test("RemoteKeys.candidates() goes on with the last keys for a day, the address away", async () => {
  const address = new Address();
  await address.kids(HEADER_ONE);
  address.answer = () => new Response("gone", { status: 503 });
  address.nowMs = 23 * 3_600_000;
  assert.deepEqual(await address.kids(HEADER_ONE), ["one"]);
  address.nowMs = 25 * 3_600_000;
  await assert.rejects(address.kids(HEADER_ONE), REFUSED);
});

for (
  const [what, answer] of [
    ["an error", () => new Response("no", { status: 500 })],
    ["a page", () => new Response("<html>")],
    ["a symmetric key", () => Response.json({ keys: [{ kty: "oct", k: "AAAA" }] })],
    ["too much", () => new Response("x".repeat(2_000_000))],
  ] as const
) {
  Deno.test(`RemoteKeys.candidates() throws credentials_unavailable, the address answers ${what}`, async () => {
    const address = new Address();
    address.answer = answer;
    await assert.rejects(address.kids(HEADER_ONE), REFUSED);
  });
}

Deno.test("RemoteKeys.candidates() reads a real address", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json({ keys: [jwkOf(ONE, "one")] }),
  );
  const remote = new RemoteKeys(`http://127.0.0.1:${server.addr.port}/`);
  assert.equal((await remote.candidates(HEADER_ONE)).length, 1);
  await server.shutdown();
  assert.equal((await remote.candidates(HEADER_ONE)).length, 1);
});
