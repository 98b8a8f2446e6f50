import assert from "node:assert/strict";
import { PermitPool } from "../../src/session/permit_pool.ts";

Deno.test("PermitPool.take() gives what was asked for, then what is left, then nothing", () => {
  const pool = new PermitPool({ records: 10, bytes: 100 });
  assert.deepEqual(pool.take({ records: 7, bytes: 30 }), { records: 7, bytes: 30 });
  assert.deepEqual(pool.take({ records: 7, bytes: 90 }), { records: 3, bytes: 70 });
  assert.deepEqual(pool.take({ records: 1, bytes: 1 }), { records: 0, bytes: 0 });
});

Deno.test("PermitPool.giveBack() makes permits others' again", () => {
  const pool = new PermitPool({ records: 10, bytes: 100 });
  const taken = pool.take({ records: 10, bytes: 100 });
  pool.giveBack(taken);
  assert.deepEqual(pool.left, { records: 10, bytes: 100 });
});
