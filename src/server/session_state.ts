import type { ApiSessionState } from "../core/api.ts";
import type { LagBoard } from "./lag_board.ts";
import type { OpenSession } from "./upgrade_handler.ts";

/** States in the order of how much they matter: slow clients first. */
export const STATES: readonly ApiSessionState[] = [
  "stalled",
  "slow",
  "catching_up",
  "waiting",
  "live",
];

/** A socket that has taken no byte for so long while some wait is stalled, in ms. */
const STALLED_MS = 5_000;

/** Records a session has not been sent yet, where the ends are known. */
export function unsent({ session }: OpenSession, board: LagBoard): bigint {
  let sum = 0n;
  for (const { topic, partitions } of session.streams) {
    for (const [partition, { next }] of partitions) {
      const end = board.end(topic, partition) ?? next;
      if (end > next) sum += end - next;
    }
  }
  return sum;
}

/** What a session is doing, from its socket's room and what it has left to read. */
export function stateOf(open: OpenSession, lag: bigint): ApiSessionState {
  const { sink, session: { streams } } = open;
  if (!sink.hasRoom) return sink.unmovedMs > STALLED_MS ? "stalled" : "slow";
  if (lag === 0n) return "live";
  return streams.some(({ isWanted }) => isWanted) ? "catching_up" : "waiting";
}
