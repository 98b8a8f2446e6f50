import assert from "node:assert/strict";
import { AckLedger } from "../../src/session/ack_ledger.ts";
import { NO_LEDGER } from "../../src/session/ledger.ts";
import { newLedger } from "../../src/session/new_ledger.ts";
import { PositionLedger } from "../../src/session/position_ledger.ts";

Deno.test("newLedger() keeps nothing where nobody commits", () => {
  for (const ack of ["none", "auto", "client"] as const) {
    assert.equal(newLedger(undefined, ack), NO_LEDGER, `a reader with ${ack}`);
  }
  assert.equal(newLedger("group1", "none"), NO_LEDGER);
});

Deno.test("newLedger() goes by what a group's client says of acknowledging", () => {
  assert(newLedger("group1", "auto") instanceof PositionLedger);
  assert(newLedger("group1", "client") instanceof AckLedger);
});
