import assert from "node:assert/strict";
import { hedged } from "../../src/stream/hedged.ts";
import { eventually } from "../support/eventually.ts";

const LONG_MS = 60_000;

/** Ways that are settled by the test, and how many have been tried. */
function ways(count: number) {
  const settle: PromiseWithResolvers<string>[] = [];
  const list = Array.from({ length: count }, () => () => {
    const way = Promise.withResolvers<string>();
    settle.push(way);
    return way.promise;
  });
  return { list, settle };
}

Deno.test("hedged() gives the first way's result and tries no other", async () => {
  const { list, settle } = ways(2);
  const result = hedged(list, LONG_MS);
  settle[0].resolve("a");
  assert.equal(await result, "a");
  assert.equal(settle.length, 1);
});

Deno.test("hedged() tries the next way at once, the one before has failed", async () => {
  const { list, settle } = ways(2);
  const result = hedged(list, LONG_MS);
  settle[0].reject(new Error("refused"));
  await eventually("the second try", () => settle.length === 2);
  settle[1].resolve("b");
  assert.equal(await result, "b");
});

Deno.test("hedged() tries the next way after a while, the one before hangs", async () => {
  const { list, settle } = ways(3);
  const result = hedged(list, 5);
  await eventually("the second try", () => settle.length >= 2);
  settle[1].resolve("b");
  assert.equal(await result, "b");
});

Deno.test("hedged() still takes the first way's result, another was tried meanwhile", async () => {
  const { list, settle } = ways(2);
  const result = hedged(list, 5);
  await eventually("the second try", () => settle.length === 2);
  settle[0].resolve("a");
  assert.equal(await result, "a");
  settle[1].reject(new Error("refused"));
});

Deno.test("hedged() throws the last failure, all ways have failed", async () => {
  const { list, settle } = ways(2);
  const result = hedged(list, LONG_MS);
  settle[0].reject(new Error("first"));
  await eventually("the second try", () => settle.length === 2);
  settle[1].reject(new Error("second"));
  await assert.rejects(result, { message: "second" });
});

Deno.test("hedged() waits for a way that hangs, those after it have failed", async () => {
  const { list, settle } = ways(2);
  const result = hedged(list, 5);
  await eventually("the second try", () => settle.length === 2);
  settle[1].reject(new Error("second"));
  settle[0].reject(new Error("first"));
  await assert.rejects(result, { message: "first" });
});

Deno.test("hedged() throws, there is no way", async () => {
  await assert.rejects(hedged([], LONG_MS), { message: "there is no way to try" });
});
