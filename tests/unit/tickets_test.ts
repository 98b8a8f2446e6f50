import assert from "node:assert/strict";
import { newPrincipal } from "../../src/auth/new_principal.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { TICKET_MS, Tickets } from "../../src/auth/tickets.ts";

/** Tickets over a clock that the test sets. */
function office(more: { key?: string } = {}) {
  const clock = { nowMs: 1_000_000 };
  const revocations = new Revocations();
  revocations.replace(["user:1"]);
  const tickets = new Tickets(revocations, () => clock.nowMs);
  tickets.useKey(more.key);
  return { clock, revocations, tickets };
}

const ALICE = newPrincipal({
  name: "alice",
  rights: [{ consume: ["orders*"], group: ["g"], rate: 10 }],
  credential: "user:1",
});

const refused = (why: string, code = "unauthorized") => ({
  name: "ProxyError",
  code,
  message: `Cannot authenticate: the ticket is refused: ${why}`,
});

Deno.test("Tickets.use() gives whom it was issued to, with the same rights", () => {
  const { tickets } = office();
  const principal = tickets.use(tickets.issue(ALICE).ticket);
  assert.equal(principal.name, "alice");
  assert.equal(principal.byTicket, true);
  assert.deepEqual(principal.limits, { recordsPerSecond: 10 });
  assert.ok(principal.may("consume", "orders-eu") && principal.may("group", "g"));
  assert.ok(!principal.may("produce", "orders"));
});

Deno.test("Tickets.use() gives only the rights that both allow, narrowed", () => {
  const { tickets } = office();
  const narrowed = { consume: ["orders-eu", "secrets"], admin: true, rate: 3 };
  const principal = tickets.use(tickets.issue(ALICE, narrowed).ticket);
  assert.ok(principal.may("consume", "orders-eu"));
  for (const topic of ["orders-us", "secrets"]) assert.ok(!principal.may("consume", topic));
  assert.ok(!principal.may("admin") && !principal.may("group", "g"));
  assert.deepEqual(principal.limits, { recordsPerSecond: 3 });
});

Deno.test("Tickets.use() takes a ticket once, and no longer than its time", () => {
  const { clock, tickets } = office();
  const [once, late] = [tickets.issue(ALICE).ticket, tickets.issue(ALICE).ticket];
  clock.nowMs += TICKET_MS - 1;
  tickets.use(once);
  assert.throws(() => tickets.use(once), refused("it has been used"));
  clock.nowMs += 1;
  assert.throws(() => tickets.use(late), refused("it has expired", "expired"));
  assert.throws(() => tickets.use(once), refused("it has expired", "expired"));
});

Deno.test("Tickets.use() keeps the end of the credentials it was issued for", () => {
  const { clock, tickets } = office();
  const expiresMs = clock.nowMs + 5_000;
  const { ticket } = tickets.issue({ ...ALICE, expiresMs });
  const { ticket: late } = tickets.issue({ ...ALICE, expiresMs });
  assert.equal(tickets.use(ticket).expiresMs, expiresMs);
  clock.nowMs = expiresMs;
  assert.throws(() => tickets.use(late), refused("it has expired", "expired"));
});

Deno.test("Tickets.use() takes those of another process with the same key, and no others", () => {
  const key = "k".repeat(32);
  const [one, other, stranger] = [office({ key }), office({ key }), office()];
  const { ticket } = one.tickets.issue(ALICE);
  assert.equal(other.tickets.use(ticket).name, "alice");
  assert.throws(() => stranger.tickets.use(ticket), refused("its signature is wrong"));
});

Deno.test("Tickets.use() refuses, the credentials withdrawn since", () => {
  const { tickets, revocations } = office();
  const { ticket } = tickets.issue(ALICE);
  revocations.replace([]);
  assert.throws(() => tickets.use(ticket), refused("its credentials were withdrawn"));
});

Deno.test("Tickets.use() tells whom it let in, the credentials withdrawn", () => {
  const { tickets, revocations } = office();
  const { revoked } = tickets.use(tickets.issue(ALICE).ticket);
  assert.equal(revoked?.aborted, false);
  revocations.replace(["user:2"]);
  assert.equal(revoked?.aborted, true);
});

Deno.test("Tickets.revoke() ends a ticket before and after its use", () => {
  const { tickets } = office();
  const [unused, used] = [tickets.issue(ALICE), tickets.issue(ALICE)];
  const { revoked } = tickets.use(used.ticket);
  const by = { name: "alice", credential: "user:1", mayAll: false };
  assert.ok(tickets.revoke(unused.id, by) && tickets.revoke(used.id, by));
  assert.equal(revoked?.aborted, true);
  assert.throws(() => tickets.use(unused.ticket), refused("it was revoked"));
});

Deno.test("Tickets.revoke() leaves those of others alone, without the right", () => {
  const { tickets } = office();
  const { id } = tickets.issue(ALICE);
  assert.equal(tickets.revoke(id, { name: "bob", credential: "user:1", mayAll: false }), false);
  assert.equal(tickets.revoke(id, { name: "alice", credential: "jwt:1", mayAll: false }), false);
  assert.equal(tickets.revoke("unknown", { name: "bob", mayAll: true }), false);
  assert.equal(tickets.revoke(id, { name: "bob", mayAll: true }), true);
});

Deno.test("Tickets.use() refuses a ticket with any character changed", () => {
  const { tickets } = office();
  const { ticket } = tickets.issue(ALICE);
  for (let at = 5; at < ticket.length; at += 7) {
    const changed = `${ticket.slice(0, at)}${ticket[at] === "A" ? "B" : "A"}${
      ticket.slice(at + 1)
    }`;
    assert.throws(() => tickets.use(changed), { name: "ProxyError", code: "unauthorized" });
  }
});
