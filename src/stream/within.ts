import { sleep } from "./sleep.ts";

/** Waits for a promise to settle, but no longer than that; what it rejects with is thrown. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  try {
    await Promise.race([promise, sleep(ms, late.signal)]);
  } finally {
    late.abort();
  }
}
