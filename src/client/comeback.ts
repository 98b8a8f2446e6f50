/**
 * What a close code tells a client to do.
 *
 * `stop`: nothing would change, or it would do harm. `back_off`: come back after a growing pause.
 * `scatter`: come back, but not all at the same moment. `restart`: the same, the server said so.
 * `renew`: come back once with fresh credentials.
 */
export type Comeback = "stop" | "back_off" | "scatter" | "restart" | "renew";

/** The codes of docs/PROTOCOL.md; those that are not here mean back off. */
const COMEBACKS: Readonly<Record<number, Comeback>> = {
  1000: "stop",
  1001: "scatter",
  1003: "stop",
  1007: "stop",
  1008: "stop",
  1009: "stop",
  1012: "restart",
  4400: "stop",
  4401: "renew",
  4403: "stop",
  4404: "stop",
  4409: "stop",
  4416: "stop",
};

/** Whether and how to come back after a close. */
export function comebackAfter(code: number): Comeback {
  return COMEBACKS[code] ?? "back_off";
}

/** How long the pauses before coming back are, in ms. */
export interface ComebackPauses {
  /** The first pause at most; each further one at most twice as long. @default {250} */
  readonly firstMs?: number;
  /** No pause is longer. @default {30000} */
  readonly mostMs?: number;
  /** After a planned restart (1012) clients spread over so long. @default {5000} */
  readonly restartMs?: number;
}

/**
 * The pause before the next try, random so that clients who were cut off together do not come back
 * together: after a failure between half of the growing limit and all of it; after a planned close
 * anywhere within its time.
 *
 * @param failures tries that failed in a row before this one
 */
export function pauseMs(
  comeback: Comeback,
  failures: number,
  { firstMs = 250, mostMs = 30_000, restartMs = 5_000 }: ComebackPauses = {},
  random: () => number = Math.random,
): number {
  const limit = Math.min(firstMs * 2 ** failures, mostMs);
  if (failures === 0 && comeback === "restart") return random() * restartMs;
  if (failures === 0 && comeback === "scatter") return random() * Math.min(4 * firstMs, mostMs);
  if (failures === 0 && comeback === "renew") return 0;
  return limit * (0.5 + random() / 2);
}
