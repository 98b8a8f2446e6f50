import assert from "node:assert/strict";
import { checkHistory, findingsText } from "../faults/check_history.ts";
import type { Entry, Guarantee } from "../faults/history.ts";

/** Ten records of writer `w` in partition 0, all received once by `reader`. */
const LOG = Array.from({ length: 10 }, (_, i) => `w:${i}`);

function received(offset: number, more: Partial<{ session: number; value: string }> = {}): Entry {
  const { session = 1, value = LOG[offset] } = more;
  return {
    kind: "received",
    consumer: "reader",
    session,
    partition: 0,
    offset: BigInt(offset),
    value,
  };
}

const ALL: readonly Entry[] = LOG.map((_, offset) => received(offset));

function written(number: number, offset: number | "failed" | "unknown"): Entry {
  const outcome = typeof offset === "number" ? { partition: 0, offset: BigInt(offset) } : offset;
  return { kind: "written", value: `w:${number}`, outcome };
}

function member(name: string, offset: number): Entry {
  const value = LOG[offset];
  return {
    kind: "memberReceived",
    consumer: "reader",
    member: name,
    partition: 0,
    offset: BigInt(offset),
    value,
  };
}

function owned(kind: "assigned" | "revoked", name: string, atMs: number): Entry {
  return { kind, consumer: "reader", member: name, partition: 0, atMs };
}

function check(
  entries: readonly Entry[],
  guarantee: Guarantee = "exactly once",
  log = LOG,
  isCut = false,
) {
  return checkHistory({
    isCut,
    entries,
    consumers: new Map([["reader", { guarantee, group: "g" }]]),
    log: new Map([[0, log]]),
    overlapMs: 1_000,
  });
}

/** What is found, without the texts. */
function kinds(entries: readonly Entry[], guarantee?: Guarantee, log?: string[]): string[] {
  return [...new Set(check(entries, guarantee, log).findings.map(({ kind }) => kind))];
}

Deno.test("checkHistory() finds nothing where nothing is wrong", () => {
  const verdict = check([
    written(0, 0),
    written(99, "failed"),
    written(98, "unknown"),
    { kind: "claimed", consumer: "reader", partition: 0, recovered: true },
    ...ALL,
  ]);
  assert.equal(findingsText(verdict), "");
  assert.deepEqual(
    [verdict.records, verdict.received, verdict.lost, verdict.repeated, verdict.duplicated],
    [10, 10, 0, 0, 0],
  );
});

Deno.test("checkHistory() finds a planted loss, anywhere", () => {
  for (const missing of [0, 4, 9]) {
    const verdict = check(ALL.filter((_, i) => i !== missing));
    assert.equal(verdict.lost, 1);
    assert.match(findingsText(verdict), new RegExp(`lost: reader: .*the first at ${missing}`));
  }
  assert.equal(check([]).lost, 10);
});

Deno.test("checkHistory() calls nothing lost after the last record of a history that was cut", () => {
  const cut = ALL.filter((_, i) => i !== 3 && i < 7);
  assert.equal(check(cut).lost, 4);
  assert.equal(check(cut, "exactly once", LOG, true).lost, 1);
});

Deno.test("checkHistory() finds a planted duplicate", () => {
  assert.deepEqual(kinds([...ALL, received(9)]), ["duplicate"]);
  assert.deepEqual(kinds([...ALL, received(5)], "at least once"), ["duplicate"]);
});

Deno.test("checkHistory() allows repeats to at least once, but not of what was said to be committed", () => {
  const anew: Entry[] = [
    ...ALL.slice(0, 6),
    { kind: "confirmed", consumer: "reader", partition: 0, next: 4n },
    { kind: "began", consumer: "reader", session: 2 },
  ];
  const rest = ALL.slice(6).map((_, i) => received(6 + i, { session: 2 }));
  const allowed = [4, 5].map((offset) => received(offset, { session: 2 }));
  const verdict = check([...anew, ...allowed, ...rest], "at least once");
  assert.deepEqual([findingsText(verdict), verdict.repeated, verdict.duplicated], ["", 2, 0]);
  const tooMany = [...anew, received(3, { session: 2 }), ...allowed, ...rest];
  assert.deepEqual(kinds(tooMany, "at least once"), ["false commit"]);
});

Deno.test("checkHistory() finds planted disorder", () => {
  const swapped = [...ALL.slice(0, 4), ALL[5], ALL[4], ...ALL.slice(6)];
  assert.deepEqual(kinds(swapped), ["gap", "order"]);
  assert.deepEqual(kinds(swapped, "at least once"), ["gap", "order"]);
});

Deno.test("checkHistory() finds planted content: another value, a place that is none", () => {
  assert.deepEqual(kinds([...ALL.slice(0, 9), received(9, { value: "w:3" })]), ["content", "lost"]);
  assert.deepEqual(kinds([...ALL, received(10, { value: "w:10" })]), ["content"]);
});

Deno.test("checkHistory() finds what a producer was told wrongly", () => {
  assert.deepEqual(kinds([...ALL, written(3, 4)]), ["misplaced"]);
  assert.deepEqual(kinds([...ALL, written(77, 11)]), ["misplaced"]);
  assert.deepEqual(kinds([...ALL, written(3, "failed")]), ["failed but stored"]);
});

Deno.test("checkHistory() finds records that are there twice, and in the wrong order", () => {
  const twice = [...LOG, "w:9"];
  const all = [...ALL, received(10, { value: "w:9" })];
  assert.deepEqual(kinds([...all, written(9, 9)], undefined, twice), ["misplaced"]);
  const disordered = ["w:1", "w:0"];
  const both = disordered.map((value, offset) => received(offset, { value }));
  assert.deepEqual(kinds(both, undefined, disordered), ["written out of order"]);
});

function looked(offset: bigint, askedMs = 2): Entry {
  return { kind: "looked", group: "g", partition: 0, offset, askedMs };
}

function reset(group: string, doneMs: number): Entry {
  return { kind: "reset", group, doneMs };
}

Deno.test("checkHistory() finds a committed position that went back, unless it was reset", () => {
  const again = (...between: Entry[]) => kinds([...ALL, looked(5n), ...between, looked(0n, 9)]);
  assert.deepEqual(again(), ["moved back"]);
  assert.deepEqual(kinds([...ALL, looked(5n), looked(5n), looked(6n)]), []);
  assert.deepEqual(again(reset("g", Infinity), reset("g", 8)), []);
  assert.deepEqual(again(reset("h", Infinity), reset("h", 8)), ["moved back"]);
  // Asked before it was moved, and answered after that.
  const late = [looked(6n, 7), looked(1n, 9), looked(2n, 9)];
  assert.deepEqual(again(reset("g", Infinity), looked(6n, 7), reset("g", 8), ...late), [
    "moved back",
  ]);
  assert.deepEqual(kinds([...ALL, reset("g", Infinity), reset("g", 8), ...late]), []);
});

Deno.test("checkHistory() finds records before what was seen committed when a session began", () => {
  const second = (offset: number) => received(offset, { session: 2 });
  const began: Entry = { kind: "began", consumer: "reader", session: 2 };
  const rest = ALL.slice(6).map((_, i) => second(6 + i));
  const from = (first: number, ...between: Entry[]) => {
    const again = Array.from({ length: 6 - first }, (_, i) => second(first + i));
    return kinds([...ALL.slice(0, 6), ...between, began, ...again, ...rest], "at least once");
  };
  assert.deepEqual(from(4, looked(4n)), []);
  assert.deepEqual(from(3, looked(4n)), ["false commit"]);
  assert.deepEqual(from(0, looked(4n), reset("g", Infinity), reset("g", 8)), []);
  // Seen after it began: the commit may have come after the position was read.
  assert.deepEqual(
    kinds([...ALL.slice(0, 6), began, looked(5n), second(4), second(5), ...rest], "at least once"),
    [],
  );
  // Another partition's session says nothing of this one.
  assert.deepEqual(from(3, { ...began, session: 7, partition: 1 }, looked(3n)), []);
});

Deno.test("checkHistory() finds a member's records before what had been committed", () => {
  const handed = (first: number): Entry[] => [
    owned("assigned", "a", 0),
    ...ALL.slice(0, 6).map((_, offset) => member("a", offset)),
    { kind: "confirmed", consumer: "reader", partition: 0, next: 5n },
    owned("revoked", "a", 1),
    owned("assigned", "b", 2),
    ...ALL.slice(first).map((_, i) => member("b", first + i)),
  ];
  assert.deepEqual(kinds(handed(5), "at least once"), []);
  assert.deepEqual(kinds(handed(4), "at least once"), ["false commit"]);
});

Deno.test("checkHistory() finds what was passed over, though it came later", () => {
  const anew = [3, 4, 5].map((offset) => received(offset, { session: 2 }));
  const inside = [...ALL.slice(0, 3), ...ALL.slice(6), ...anew];
  assert.deepEqual(kinds(inside, "at least once"), ["gap"]);
  const rest = ALL.slice(6).map((_, i) => received(6 + i, { session: 2 }));
  const between = [...ALL.slice(0, 3), ...rest, ...anew.map((each) => ({ ...each, session: 3 }))];
  assert.deepEqual(kinds(between, "at least once"), ["gap"]);
});

Deno.test("checkHistory() finds two owners at one time, beyond what the handing over takes", () => {
  const all = LOG.map((_, offset) => member("a", offset));
  const first = owned("assigned", "a", 0);
  const together = [owned("assigned", "b", 5_000), owned("revoked", "a", 7_000)];
  assert.deepEqual(kinds([first, ...all, ...together]), ["two owners"]);
  const atTheEnd = [owned("assigned", "b", 5_000)];
  assert.deepEqual(kinds([first, ...all, ...atTheEnd]), ["two owners"]);
  const toldAgain = [...atTheEnd, owned("assigned", "b", 6_900), owned("revoked", "a", 7_000)];
  assert.deepEqual(kinds([first, ...all, ...toldAgain]), ["two owners"]);
  const shortly = [owned("assigned", "b", 5_000), owned("revoked", "a", 5_900)];
  assert.deepEqual(kinds([first, ...all, ...shortly]), []);
});

Deno.test("checkHistory() finds records after a revocation", () => {
  const [first, ...rest] = LOG.map((_, offset) => member("a", offset));
  const entries = [owned("assigned", "a", 0), first, owned("revoked", "a", 1), ...rest];
  assert.deepEqual(kinds(entries), ["after revocation"]);
  const again = [owned("assigned", "a", 0), first, owned("revoked", "a", 1)];
  assert.deepEqual(kinds([...again, owned("assigned", "a", 2), ...rest]), []);
});

Deno.test("checkHistory() finds records of a partition that a member was not given", () => {
  const all = LOG.map((_, offset) => member("a", offset));
  assert.deepEqual(kinds(all), ["not assigned"]);
  assert.deepEqual(kinds([owned("assigned", "b", 0), ...all]), ["not assigned"]);
});

Deno.test("checkHistory() finds a claim of recovery that was false", () => {
  const claim = (recovered: boolean): Entry => ({
    kind: "claimed",
    consumer: "reader",
    partition: 0,
    recovered,
  });
  const cut = [...ALL.slice(0, 3), claim(true), ...ALL.slice(5)];
  assert.deepEqual(kinds(cut), ["false recovery", "lost"]);
  assert.deepEqual(kinds([...ALL.slice(0, 3), claim(false), ...ALL.slice(5)]), ["gap", "lost"]);
});

Deno.test("checkHistory() allows what retention took to be missing, where it was told", () => {
  const trimmed: Entry = { kind: "trimmed", partition: 0, first: 6n, values: LOG };
  const missed = (from: bigint, to: bigint): Entry => {
    return { kind: "missed", consumer: "reader", partition: 0, from, to };
  };
  const looked: Entry = { kind: "looked", group: "g", partition: 0, offset: 4n, askedMs: 0 };
  const before = [looked, ...ALL.slice(0, 4), trimmed];
  const rest = ALL.slice(6);
  assert.deepEqual(kinds([...before, missed(4n, 6n), ...rest]), []);
  assert.deepEqual(kinds([...before, ...rest]), ["gap"]);
  assert.deepEqual(kinds([...before, missed(4n, 5n), ...rest]), ["gap"]);
  assert.deepEqual(kinds([...before, missed(5n, 6n), ...rest]), ["gap"]);
  assert.deepEqual(kinds([...before, missed(4n, 7n), ...ALL.slice(7)]), ["gap", "lost"]);
  const claimed: Entry = { kind: "claimed", consumer: "reader", partition: 0, recovered: true };
  assert.deepEqual(kinds([...before, claimed, missed(4n, 6n), ...rest]), ["false recovery"]);
  assert.deepEqual(kinds([...before.slice(1), ...rest]), [], "a group without a position");
  const untold = checkHistory({
    entries: [...before, ...rest],
    consumers: new Map([["reader", { guarantee: "at least once", group: "g", isUntold: true }]]),
    log: new Map([[0, LOG]]),
    overlapMs: 1_000,
  });
  assert.deepEqual(untold.findings, []);
});

Deno.test("checkHistory() tells five findings of a kind one by one, and counts all", () => {
  const verdict = check([...ALL, ...ALL]);
  assert.equal(verdict.duplicated, 10);
  assert.equal(verdict.findings.length, 5);
});
