import type { GuessLimits } from "../auth/password_guard.ts";
import { KeyedBuckets } from "../stream/keyed_buckets.ts";
import { Semaphore } from "../stream/semaphore.ts";

/** Checks of passwords from one address: so many at once, and then so many a second. */
const BURST = 20;
const PER_SECOND = 1;

/** What guessing passwords may cost: one check at a time, and a few from one address. */
export function guessLimits(): GuessLimits {
  return { turns: new Semaphore(1), attempts: new KeyedBuckets(PER_SECOND, BURST) };
}
