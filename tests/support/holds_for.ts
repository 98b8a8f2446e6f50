import assert from "node:assert/strict";

/**
 * Looks again and again for so long that something stays true: for what must not happen by itself,
 * where there is nothing to wait for.
 *
 * @throws {AssertionError} at once when it does not, naming `what`
 */
export async function holdsFor(ms: number, what: string, check: () => boolean): Promise<void> {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs;) {
    assert.ok(check(), `It did not stay so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(check(), `It did not stay so: ${what}`);
}
