import { sleep } from "../stream/sleep.ts";
import type { OpenSession } from "./upgrade_handler.ts";

/** Planned restart (RFC 6455 registry): come back at once, with a little jitter. */
const RESTART = 1012;

/** How a drain goes. */
export interface DrainOptions {
  /** The sockets are closed evenly over so long. */
  readonly drainMs: number;
  /** A group's session waits so long for its client to take what is under way. */
  readonly leaveMs: number;
  readonly reason: string;
  /** Aborted when the rest is to be closed at once. */
  readonly signal: AbortSignal;
}

/**
 * Closes sessions with 1012, spread over the drain time so that their clients do not all come back at
 * once, and resolves when all have committed and left; those that are left when `signal` is aborted
 * stay as they are.
 *
 * Members of one balanced group leave together: one rebalance instead of one for each.
 */
export async function drainSessions(
  sessions: readonly OpenSession[],
  { drainMs, leaveMs, reason, signal }: DrainOptions,
): Promise<void> {
  const units = [...Map.groupBy(sessions, unitOf).values()];
  const startMs = performance.now();
  const slots: { readonly atMs: number; readonly unit: readonly OpenSession[] }[] = [];
  let before = 0;
  for (const unit of units) {
    before += unit.length;
    const atMs = drainMs * before / sessions.length;
    slots.push({ atMs, unit });
    for (const { session } of unit) session.announceDraining?.(Math.round(atMs));
  }
  const stopped: Promise<void>[] = [];
  for (const { atMs, unit } of slots) {
    const waitMs = startMs + atMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, signal);
    if (signal.aborted) break;
    for (const { session } of unit) {
      stopped.push(session.stop(RESTART, reason, session.groups > 0 ? leaveMs : 0));
    }
  }
  await Promise.all(stopped);
}

/** What leaves together: a balanced group, or a session by itself. */
function unitOf({ session: { id, streams } }: OpenSession): string {
  const balanced = streams.find(({ isBalanced }) => isBalanced);
  return balanced === undefined ? `session ${id}` : `group ${balanced.group}`;
}
