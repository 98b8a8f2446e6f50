import assert from "node:assert/strict";
import { drainSessions } from "../../src/server/drain.ts";
import type { OpenSession } from "../../src/server/upgrade_handler.ts";

/** What was told to sessions, in order. */
interface Told {
  readonly id: string;
  readonly what: string;
  readonly atMs: number;
}

function sessions(groups: readonly (string | undefined)[]) {
  const told: Told[] = [];
  const startMs = performance.now();
  const tell = (id: string, what: string) =>
    void told.push({ id, what, atMs: performance.now() - startMs });
  const open = groups.map((group, i) => {
    const id = `s${i}`;
    return {
      session: {
        id,
        groups: group === undefined ? 0 : 1,
        streams: [{ group, isBalanced: group !== undefined }],
        announceDraining: (inMs: number) => tell(id, `draining in ${inMs}`),
        stop: (code: number, reason: string, drainMs: number) => {
          tell(id, `${code} ${reason} ${drainMs}`);
          return Promise.resolve();
        },
      },
    } as unknown as OpenSession;
  });
  return { open, told };
}

function drained(open: readonly OpenSession[], drainMs: number, signal: AbortSignal) {
  return drainSessions(open, { drainMs, leaveMs: 7, reason: "restart", signal });
}

Deno.test("drainSessions() tells everybody at once when, and closes evenly over the time", async () => {
  const { open, told } = sessions([undefined, undefined, undefined, undefined]);
  await drained(open, 80, new AbortController().signal);
  assert.deepEqual(told.slice(0, 4).map(({ what }) => what), [
    "draining in 20",
    "draining in 40",
    "draining in 60",
    "draining in 80",
  ]);
  const closes = told.slice(4);
  assert.deepEqual(closes.map(({ what }) => what), Array(4).fill("1012 restart 0"));
  for (const [i, { atMs }] of closes.entries()) assert.ok(atMs >= 20 * (i + 1) - 2, `${atMs}`);
});

Deno.test("drainSessions() closes the members of a balanced group together", async () => {
  const { open, told } = sessions(["g", undefined, "g"]);
  await drained(open, 300, new AbortController().signal);
  const closes = told.filter(({ what }) => what.startsWith("1012"));
  assert.deepEqual(closes.map(({ id, what }) => [id, what]), [
    ["s0", "1012 restart 7"],
    ["s2", "1012 restart 7"],
    ["s1", "1012 restart 0"],
  ]);
  assert.ok(closes[1].atMs - closes[0].atMs < closes[2].atMs - closes[1].atMs);
});

Deno.test("drainSessions() closes all at once, a drain time of 0; without sessions it is done", async () => {
  const { open, told } = sessions([undefined, undefined]);
  await drained(open, 0, new AbortController().signal);
  assert.equal(told.filter(({ what }) => what.startsWith("1012")).length, 2);
  await drained([], 1_000, new AbortController().signal);
});

Deno.test("drainSessions() leaves the rest when it is aborted", async () => {
  const { open, told } = sessions([undefined, undefined]);
  const aborting = new AbortController();
  const draining = drained(open, 60_000, aborting.signal);
  aborting.abort();
  await draining;
  assert.equal(told.filter(({ what }) => what.startsWith("1012")).length, 0);
});
