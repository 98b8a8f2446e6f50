import assert from "node:assert/strict";
import { guessLimits } from "../../src/server/guess_limits.ts";
import { PasswordGuard } from "../../src/auth/password_guard.ts";
import { nobodysHash } from "../../src/auth/passwords.ts";

const HASH = nobodysHash();

/** A guard over passwords that are right when they are "right", and how often it looked. */
function guarded() {
  let checks = 0;
  const guard = new PasswordGuard(guessLimits(), (password) => {
    checks++;
    return Promise.resolve(password === "right");
  });
  return { guard, checks: () => checks };
}

Deno.test("PasswordGuard.check() looks once at a right password", async () => {
  const { guard, checks } = guarded();
  for (let i = 0; i < 100; i++) assert.ok(await guard.check("alice", "right", HASH, "192.0.2.1"));
  assert.equal(checks(), 1);
});

Deno.test("PasswordGuard.check() looks again, the hash changed", async () => {
  const { guard, checks } = guarded();
  await guard.check("alice", "right", HASH, "192.0.2.1");
  await guard.check("alice", "right", nobodysHash(), "192.0.2.1");
  assert.equal(checks(), 2);
});

Deno.test("PasswordGuard.check() remembers nobody's password for another user", async () => {
  const { guard, checks } = guarded();
  await guard.check("alice", "right", HASH, "192.0.2.1");
  await guard.check("bob", "right", HASH, "192.0.2.1");
  assert.equal(checks(), 2);
});

Deno.test("PasswordGuard.check() looks again, the user forgotten", async () => {
  const { guard, checks } = guarded();
  await guard.check("alice", "right", HASH, "192.0.2.1");
  guard.keep(new Set(["bob"]));
  await guard.check("alice", "right", HASH, "192.0.2.1");
  assert.equal(checks(), 2);
});

Deno.test("PasswordGuard.check() throws too_many_requests, one address guessing, and no other", async () => {
  const { guard, checks } = guarded();
  assert.ok(await guard.check("alice", "right", HASH, "192.0.2.1"));
  await assert.rejects(
    async () => {
      for (let i = 0; i < 100; i++) await guard.check("alice", `wrong${i}`, HASH, "192.0.2.1");
    },
    { code: "too_many_requests" },
  );
  assert.ok(checks() <= 22, `${checks()}`);
  assert.ok(await guard.check("alice", "right", HASH, "192.0.2.1"), "who knows it is let in");
  assert.equal(await guard.check("alice", "wrong", HASH, "198.51.100.1"), false);
});

Deno.test("PasswordGuard.check() checks one at a time, and throws overloaded when many wait", async () => {
  let running = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const guard = new PasswordGuard(guessLimits(), async () => {
    most = Math.max(most, ++running);
    await gate.promise;
    running--;
    return false;
  });
  const checks = Array.from(
    { length: 40 },
    (_, i) => guard.check("alice", `${i}`, HASH, `192.0.2.${i}`),
  );
  const settled = Promise.allSettled(checks);
  gate.resolve();
  const refused = (await settled).filter(({ status }) => status === "rejected");
  assert.equal(refused.length, 8);
  for (const each of refused) {
    assert.equal(each.status === "rejected" && each.reason.code, "overloaded");
  }
  assert.equal(most, 1);
});

Deno.test("PasswordGuard.check() does not look at passwords that are too long", async () => {
  const { guard, checks } = guarded();
  assert.equal(await guard.check("alice", "x".repeat(1025), HASH, "192.0.2.1"), false);
  assert.equal(checks(), 0);
});
