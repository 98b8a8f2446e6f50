/**
 * Waits until `check` gives something other than `undefined` or `false`, and returns that.
 *
 * @throws {Error} after `timeoutMs`, with `what` it waited for; what `check` throws is passed on
 */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 10_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  while (true) {
    const result = await check();
    if (result !== undefined && result !== false) return result;
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
