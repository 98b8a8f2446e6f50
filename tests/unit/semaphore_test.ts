import assert from "node:assert/strict";
import fc from "fast-check";
import { Semaphore } from "../../src/stream/semaphore.ts";
import { eventLoopTurns, isSettled } from "../support/event_loop.ts";

Deno.test("Semaphore.acquire() gives so many permits at once, the next one waits", async () => {
  const semaphore = new Semaphore(2);
  await semaphore.acquire();
  await semaphore.acquire();
  const third = semaphore.acquire();
  assert.equal(await isSettled(third), false);
  semaphore.release();
  await third;
});

Deno.test("Semaphore.acquire() serves those who wait in their order", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const order: number[] = [];
  for (const each of [1, 2, 3]) void semaphore.acquire().then(() => order.push(each));
  for (let i = 0; i < 3; i++) {
    semaphore.release();
    await eventLoopTurns(1);
  }
  assert.deepEqual(order, [1, 2, 3]);
});

Deno.test("Semaphore.release() keeps the permit, nobody waits", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  semaphore.release();
  assert.equal(await isSettled(semaphore.acquire()), true);
  assert.equal(await isSettled(semaphore.acquire()), false);
});

Deno.test("Semaphore.run() gives back its permit, work that fails", async () => {
  const semaphore = new Semaphore(1);
  await assert.rejects(semaphore.run(() => Promise.reject(new TypeError("no"))), TypeError);
  await assert.rejects(
    semaphore.run(() => {
      throw new TypeError("at once");
    }),
    TypeError,
  );
  assert.equal(await semaphore.run(() => Promise.resolve(5)), 5);
});

Deno.test("Semaphore.run() never runs more than it has permits, any work", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ turns: fc.nat(3), fails: fc.boolean() }), { maxLength: 20 }),
      async (permits, works) => {
        const semaphore = new Semaphore(permits);
        let running = 0;
        let most = 0;
        const done = await Promise.allSettled(
          works.map(({ turns, fails }) =>
            semaphore.run(async () => {
              most = Math.max(most, ++running);
              await eventLoopTurns(turns);
              running--;
              if (fails) throw new Error("no");
            })
          ),
        );
        assert.equal(most, Math.min(permits, works.length));
        assert.deepEqual(
          done.map(({ status }) => status === "rejected"),
          works.map(({ fails }) => fails),
        );
      },
    ),
    { numRuns: 30 },
  );
});
