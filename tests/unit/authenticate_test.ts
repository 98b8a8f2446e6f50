import assert from "node:assert/strict";
import { Authenticator, type CredentialRequest } from "../../src/auth/authenticate.ts";
import { EVERYBODY } from "../../src/auth/new_principal.ts";
import { guessLimits } from "../../src/server/guess_limits.ts";
import { PasswordGuard } from "../../src/auth/password_guard.ts";
import { PasswordUsers } from "../../src/auth/password_users.ts";
import { nobodysHash } from "../../src/auth/passwords.ts";
import { SharedSecret } from "../../src/auth/shared_secret.ts";

const SHARED = { secret: new SharedSecret("s3cret") };
const USERS = new PasswordUsers(
  new Map([["alice", { hash: nobodysHash(), principal: { ...EVERYBODY, name: "alice" } }]]),
  new PasswordGuard(guessLimits(), (password) => Promise.resolve(password === "alices")),
);

function sent(authorization?: string): CredentialRequest {
  return {
    headers: new Headers(authorization === undefined ? {} : { authorization }),
    url: new URL("ws://localhost/?topic=t"),
    address: "192.0.2.1",
  };
}

Deno.test("Authenticator.authenticate() lets everybody in, no methods", async () => {
  const authenticator = new Authenticator({});
  for (const authorization of [undefined, "basic any", "Bearer any"]) {
    assert.equal(await authenticator.authenticate(sent(authorization)), EVERYBODY);
  }
  assert.equal(authenticator.isRequired, false);
});

Deno.test("Authenticator.authenticate() gives the principal of the method that knows it", async () => {
  const authenticator = new Authenticator({ shared: SHARED, users: USERS });
  for (
    const [authorization, name] of [
      ["basic s3cret", "shared-secret"],
      [`Basic ${btoa("alice:alices")}`, "alice"],
      [`Basic ${btoa("alice:s3cret")}`, "shared-secret"],
    ]
  ) {
    assert.equal((await authenticator.authenticate(sent(authorization))).name, name);
  }
});

Deno.test("Authenticator.authenticate() throws unauthorized, no credentials", async () => {
  await assert.rejects(new Authenticator({ shared: SHARED }).authenticate(sent()), {
    name: "ProxyError",
    code: "unauthorized",
    message:
      'Cannot authenticate: the Authorization header is missing, wanted "Authorization: basic SECRET"',
  });
});

Deno.test("Authenticator.authenticate() throws unauthorized without showing them, wrong credentials", async () => {
  const authenticator = new Authenticator({ shared: SHARED, users: USERS });
  await assert.rejects(authenticator.authenticate(sent("basic wr0ng")), {
    name: "ProxyError",
    code: "unauthorized",
    message: "Cannot authenticate: the credentials are wrong, wanted " +
      '"Authorization: basic SECRET" or "Authorization: Basic" with user and password',
  });
});

Deno.test("Authenticator.authenticate() throws unauthorized, a token where none are taken", async () => {
  await assert.rejects(new Authenticator({ shared: SHARED }).authenticate(sent("Bearer x")), {
    code: "unauthorized",
    message: /^Cannot authenticate: the credentials are wrong, wanted /,
  });
});

Deno.test("Authenticator.challenge has every scheme once, and is undefined without any", () => {
  assert.equal(
    new Authenticator({ shared: SHARED, users: USERS }).challenge,
    'Basic realm="kafka-proxy", charset="UTF-8"',
  );
  assert.equal(new Authenticator({}).challenge, undefined);
});
