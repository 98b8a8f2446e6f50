import assert from "node:assert/strict";
import { Access, type AccessSettings } from "../../src/auth/access.ts";
import { guessLimits } from "../../src/server/guess_limits.ts";
import { settingsFromOptions } from "../../src/config/library_options.ts";
import { cheapHash, claims, newKeys, signed } from "../support/signed_tokens.ts";

const HASH = await cheapHash("alices");
const OTHER_HASH = await cheapHash("alices");
const [KEYS, OTHER_KEYS] = [newKeys("EdDSA"), newKeys("EdDSA")];

const BOBS = { password: HASH, rights: { consume: ["*"] } };

const SETTINGS: AccessSettings = settingsFromOptions({
  wsPort: 0,
  kafka: "a:1",
  auth: "thisisapassword",
  users: {
    alice: { password: HASH, roles: ["reader"] },
    bob: BOBS,
  },
  roles: { reader: { consume: ["orders"] }, writer: { produce: ["*"] } },
  jwtKey: `${KEYS.pem}${OTHER_KEYS.pem}`,
  jwtAudience: "us",
});

function come(access: Access, authorization: string) {
  return access.authenticator.authenticate({
    headers: new Headers({ authorization }),
    url: new URL("ws://localhost/"),
    address: "192.0.2.1",
  });
}

const ALICE = `Basic ${btoa("alice:alices")}`;
const BOB = `Basic ${btoa("bob:alices")}`;
const SECRET = "basic thisisapassword";

/** Lets everybody in, changes the settings, and says whose credentials are withdrawn. */
async function withdrawnBy(change: Partial<AccessSettings>): Promise<string[]> {
  const access = new Access(SETTINGS, guessLimits());
  const tokens = [await signed(KEYS, claims()), await signed(OTHER_KEYS, claims())];
  const entries: [string, string][] = [
    ["alice", ALICE],
    ["bob", BOB],
    ["secret", SECRET],
    ["one key", `Bearer ${tokens[0]}`],
    ["other key", `Bearer ${tokens[1]}`],
  ];
  const known = await Promise.all(
    entries.map(async ([name, sent]) => ({ name, principal: await come(access, sent) })),
  );
  const [{ principal: alice }] = known;
  const byTicket = access.tickets.use(access.tickets.issue(alice).ticket);
  access.update({ ...SETTINGS, ...change });
  return [...known, { name: "alice's ticket", principal: byTicket }]
    .filter(({ principal }) => principal.revoked?.aborted)
    .map(({ name }) => name);
}

for (
  const [what, change, withdrawn] of [
    ["nothing", {}, []],
    ["a limit of tokens", { jwtToleranceSeconds: 1 }, []],
    ["a user removed", { users: { bob: BOBS } }, ["alice", "alice's ticket"]],
    [
      "a password changed",
      { users: { ...SETTINGS.users, alice: { password: OTHER_HASH, roles: ["reader"] } } },
      ["alice", "alice's ticket"],
    ],
    [
      "a role changed",
      { roles: { reader: { consume: ["other"] } } },
      ["alice", "alice's ticket"],
    ],
    ["another role changed", { roles: { reader: { consume: ["orders"] } } }, []],
    ["the secret changed", { auth: "anotherpassword" }, ["secret"]],
    ["a key removed", { jwtKey: KEYS.pem }, ["other key"]],
    [
      "everything removed",
      { auth: undefined, users: {}, jwtKey: undefined },
      ["alice", "bob", "secret", "one key", "other key", "alice's ticket"],
    ],
  ] as const
) {
  Deno.test(`Access.update() withdraws what has changed, ${what}`, async () => {
    assert.deepEqual(await withdrawnBy(change), withdrawn);
  });
}

Deno.test("Access.update() lets new users and keys in, and old ones no more", async () => {
  const keys = newKeys("ES384");
  const access = new Access(SETTINGS, guessLimits());
  access.update({
    ...SETTINGS,
    users: { carol: { password: HASH, roles: ["reader", "writer"] } },
    jwtKey: keys.pem,
  });
  const carol = await come(access, `Basic ${btoa("carol:alices")}`);
  assert.ok(carol.may("consume", "orders") && carol.may("produce", "x"));
  assert.equal((await come(access, `Bearer ${await signed(keys, claims())}`)).name, "alice");
  for (const sent of [ALICE, `Bearer ${await signed(KEYS, claims())}`]) {
    await assert.rejects(come(access, sent), { code: "unauthorized" });
  }
});

for (
  const [claim, rights] of [
    ["reader", { consume: "orders" }],
    ["reader writer", { consume: "orders", produce: "x" }],
    [["writer", "of another system"], { produce: "x" }],
    [{ group: ["g"] }, { group: "g" }],
    [[], {}],
  ] as const
) {
  Deno.test(`Access gives tokens rights by their claim, ${JSON.stringify(claim)}`, async () => {
    const access = new Access(
      { ...SETTINGS, jwtRightsClaim: "realm_access.roles" },
      guessLimits(),
    );
    const token = await signed(KEYS, claims({ realm_access: { roles: claim } }));
    const principal = await come(access, `Bearer ${token}`);
    for (
      const [operation, name] of [["consume", "orders"], ["produce", "x"], ["group", "g"]] as const
    ) {
      const wanted = (rights as Record<string, string>)[operation] === name;
      assert.equal(principal.may(operation, name), wanted, operation);
    }
  });
}

Deno.test("Access prefers the key that a token names", async () => {
  const access = new Access(SETTINGS, guessLimits());
  const token = await signed(OTHER_KEYS, claims({ exp: 4_000_000_000 }));
  assert.equal((await come(access, `Bearer ${token}`)).expiresMs, 4_000_000_030_000);
});

for (
  const [what, settings] of [
    ["no user in the settings", { users: {} }],
    ["no credentials in the settings any more", { users: undefined }],
  ] as const
) {
  Deno.test(`Access lets nobody in, ${what}`, async () => {
    const access = new Access(SETTINGS, guessLimits());
    access.update({ ...SETTINGS, auth: undefined, jwtKey: undefined, ...settings });
    assert.equal(access.authenticator.isRequired, true);
    assert.match(`${access.authenticator.challenge}`, /^Basic /);
    for (const sent of [ALICE, SECRET, "Bearer x", "Digest x"]) {
      await assert.rejects(come(access, sent), {
        code: "unauthorized",
        message: "Cannot authenticate: nobody is let in now",
      });
    }
  });
}

Deno.test("Access lets everybody in, nothing configured from the start", async () => {
  const none = { auth: undefined, users: undefined, jwtKey: undefined };
  const access = new Access({ ...SETTINGS, ...none }, guessLimits());
  assert.equal((await come(access, "Digest x")).name, "anonymous");
});
