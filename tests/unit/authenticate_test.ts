import assert from "node:assert/strict";
import { Authenticator, type AuthScheme, sharedSecretScheme } from "../../src/auth/authenticate.ts";
import { ANONYMOUS, type Principal } from "../../src/core/principal.ts";

const SECRET = sharedSecretScheme("s3cret");
const ALICE: Principal = { name: "alice", may: () => true };
const TOKEN: AuthScheme = {
  challenge: "Bearer",
  hint: '"Authorization: Bearer TOKEN"',
  principal: (headers) =>
    Promise.resolve(
      headers.get("Authorization") === "Bearer alices" ? ALICE : undefined,
    ),
};

Deno.test("Authenticator.authenticate() gives anonymous, no schemes", async () => {
  const authenticator = new Authenticator([]);
  assert.equal(await authenticator.authenticate(new Headers()), ANONYMOUS);
  assert.equal(
    await authenticator.authenticate(new Headers({ authorization: "basic any" })),
    ANONYMOUS,
  );
});

Deno.test("Authenticator.authenticate() gives the principal of the scheme that knows it", async () => {
  const authenticator = new Authenticator([SECRET, TOKEN]);
  for (
    const [authorization, name] of [["basic s3cret", "shared-secret"], ["Bearer alices", "alice"]]
  ) {
    const principal = await authenticator.authenticate(new Headers({ authorization }));
    assert.equal(principal.name, name);
  }
});

Deno.test("Authenticator.authenticate() throws unauthorized, no credentials", async () => {
  await assert.rejects(new Authenticator([SECRET]).authenticate(new Headers()), {
    name: "ProxyError",
    code: "unauthorized",
    message:
      'Cannot authenticate: the Authorization header is missing, wanted "Authorization: basic SECRET"',
  });
});

Deno.test("Authenticator.authenticate() throws unauthorized without showing them, wrong credentials", async () => {
  const headers = new Headers({ authorization: "basic wr0ng" });
  await assert.rejects(new Authenticator([SECRET, TOKEN]).authenticate(headers), {
    name: "ProxyError",
    code: "unauthorized",
    message: "Cannot authenticate: the credentials are wrong, " +
      'wanted "Authorization: basic SECRET" or "Authorization: Bearer TOKEN"',
  });
});

Deno.test("Authenticator.challenge has every scheme, and is undefined without any", () => {
  assert.equal(
    new Authenticator([SECRET, TOKEN]).challenge,
    'Basic realm="kafka-proxy", charset="UTF-8", Bearer',
  );
  assert.equal(new Authenticator([]).challenge, undefined);
});
