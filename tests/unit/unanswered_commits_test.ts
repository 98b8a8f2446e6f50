import assert from "node:assert/strict";
import { claimKey } from "../../src/session/claims.ts";
import { UnansweredCommits } from "../../src/session/unanswered_commits.ts";

const KEY = claimKey("orders", "g1", 1);

Deno.test("UnansweredCommits.has() what was sent, and that only", () => {
  const commits = new UnansweredCommits();
  commits.add(KEY, 5n);
  assert.equal(commits.has(KEY, 5n), true);
  assert.equal(commits.has(KEY, 6n), false);
  assert.equal(commits.has(claimKey("orders", "g1", 15), 5n), false);
  assert.equal(commits.has(claimKey("orders", "g2", 1), 5n), false);
});

Deno.test("UnansweredCommits.answered() forgets that one, and not the older ones", () => {
  const commits = new UnansweredCommits();
  commits.add(KEY, 5n);
  commits.add(KEY, 9n);
  commits.answered(KEY, 9n);
  assert.equal(commits.has(KEY, 9n), false);
  assert.equal(commits.has(KEY, 5n), true);
});

Deno.test("UnansweredCommits.answered() says it of one try, the others may arrive yet", () => {
  const commits = new UnansweredCommits();
  commits.add(KEY, 5n);
  commits.add(KEY, 5n);
  commits.answered(KEY, 5n);
  assert.equal(commits.has(KEY, 5n), true);
  commits.answered(KEY, 5n);
  assert.equal(commits.has(KEY, 5n), false);
  assert.equal(commits.size, 0);
});

Deno.test("UnansweredCommits.add() counts one that is sent again once", () => {
  const commits = new UnansweredCommits();
  for (let i = 0; i < 100; i++) commits.add(KEY, 5n);
  assert.equal(commits.size, 1);
});

Deno.test("UnansweredCommits.add() forgets what is older than ten minutes", () => {
  const commits = new UnansweredCommits();
  const startMs = performance.now();
  const { now } = performance;
  commits.add(KEY, 5n);
  try {
    performance.now = () => startMs + 300_000;
    commits.add(KEY, 6n);
    assert.equal(commits.size, 2);
    performance.now = () => startMs + 700_000;
    commits.add(KEY, 7n);
  } finally {
    performance.now = now;
  }
  assert.deepEqual([5n, 6n, 7n].map((next) => commits.has(KEY, next)), [false, true, true]);
});
