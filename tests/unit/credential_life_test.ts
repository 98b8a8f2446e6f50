import assert from "node:assert/strict";
import { CredentialLife } from "../../src/session/credential_life.ts";
import { eventually } from "../support/eventually.ts";
import { holdsFor } from "../support/holds_for.ts";

/** A life whose events are written down. */
function watched() {
  const seen: string[] = [];
  const life = new CredentialLife({
    expiring: (inMs) => void seen.push(`expiring in ${Math.ceil(inMs / 10_000) * 10} s`),
    expired: () => void seen.push("expired"),
    withdrawn: () => void seen.push("withdrawn"),
  });
  const watch = (leftMs: number | undefined) =>
    life.watch({
      name: "alice",
      may: () => true,
      ...leftMs !== undefined && { expiresMs: Date.now() + leftMs },
    });
  return { seen, life, watch };
}

Deno.test("CredentialLife.watch() says nothing and keeps no timer, credentials without an end", () => {
  const { seen, watch } = watched();
  watch(undefined);
  assert.deepEqual(seen, []);
});

Deno.test("CredentialLife.watch() warns at once and expires in time, a short life", async () => {
  const { seen, watch } = watched();
  watch(20);
  assert.deepEqual(seen, ["expiring in 10 s"]);
  await eventually("the end", () => seen.includes("expired"), { everyMs: 1 });
});

Deno.test("CredentialLife.watch() expires at once, credentials that are over", () => {
  const { seen, watch } = watched();
  watch(-1);
  assert.deepEqual(seen, ["expired"]);
});

Deno.test("CredentialLife.watch() starts anew, renewed credentials", async () => {
  const { seen, life, watch } = watched();
  watch(30);
  watch(86_400_000_000);
  await holdsFor(50, "no end", () => !seen.includes("expired"));
  life.stop();
});

Deno.test("CredentialLife.watch() ends with withdrawn, revoked now or before", () => {
  const { seen, life } = watched();
  const [old, revoking] = [new AbortController(), new AbortController()];
  const principal = { name: "alice", may: () => true };
  life.watch({ ...principal, revoked: old.signal });
  life.watch({ ...principal, revoked: revoking.signal });
  old.abort();
  assert.deepEqual(seen, [], "renewed with others since");
  revoking.abort();
  assert.deepEqual(seen, ["withdrawn"]);
  life.watch({ ...principal, revoked: old.signal });
  assert.deepEqual(seen, ["withdrawn", "withdrawn"]);
  life.stop();
});
