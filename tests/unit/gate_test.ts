import assert from "node:assert/strict";
import { Gate } from "../../src/session/gate.ts";
import { isSettled } from "../support/event_loop.ts";

/** A gate with this credit, and what is unacknowledged now. */
function gate(credit: number | undefined, maxUnacked = Infinity) {
  const state = { unacked: 0 };
  return { state, gate: new Gate({ credit, maxUnacked, unacked: () => state.unacked }) };
}

Deno.test("Gate.allowance has no bound, no credit was asked for", () => {
  const { gate: open } = gate(undefined);
  open.sent(1_000_000);
  assert.equal(open.allowance, Infinity);
});

Deno.test("Gate.allowance is the credit that is left", () => {
  const { gate: open } = gate(10);
  open.sent(4);
  assert.equal(open.allowance, 6);
  open.add(5);
  assert.equal(open.allowance, 11);
});

Deno.test("Gate.allowance is 0 and not less, sent more than was left", () => {
  const { gate: open } = gate(1);
  open.sent(3);
  assert.equal(open.allowance, 0);
  open.add(3);
  assert.equal(open.allowance, 1);
});

Deno.test("Gate.add() counts from then on, no credit was asked for before", () => {
  const { gate: open } = gate(undefined);
  open.sent(100);
  open.add(7);
  assert.equal(open.allowance, 7);
});

Deno.test("Gate.allowance is what may still stay unacknowledged", () => {
  const { gate: open, state } = gate(100, 10);
  state.unacked = 8;
  assert.equal(open.allowance, 2);
  state.unacked = 12;
  assert.equal(open.allowance, 0);
});

Deno.test("Gate.pause() lets nothing through until continue()", () => {
  const { gate: open } = gate(5);
  open.pause();
  assert.equal(open.allowance, 0);
  open.continue();
  assert.equal(open.allowance, 5);
});

Deno.test("Gate.opened() resolves at credit, at continue() and at look(), for all who wait", async () => {
  const { gate: closed } = gate(0);
  for (const open of [() => closed.add(1), () => closed.continue(), () => closed.look()]) {
    const [one, other] = [closed.opened(), closed.opened()];
    assert.equal(await isSettled(one), false);
    open();
    await Promise.all([one, other]);
  }
});
