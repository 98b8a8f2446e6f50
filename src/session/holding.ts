import type { ProxyError } from "../core/proxy_error.ts";
import type { Starts } from "./start_offsets.ts";

/** What a holding can do to its session. */
export interface HoldingSession {
  readonly id: string;
  /** Aborted when the session is to end, for whatever reason. */
  readonly signal: AbortSignal;
  /** The partitions that are sent now. */
  readonly partitions: { has(partition: number): boolean };
  /** Sends partitions, each from its offset, as soon as the client knows of it. */
  assign(starts: Starts): Promise<void>;
  /**
   * Stops sending all partitions; returns the next offset to send of each. After `lost` they may be
   * somebody else's already; in a rebalance that shows when they are assigned anew.
   */
  revoke(why: "rebalance" | "lost"): Map<number, bigint>;
  /** Ends the session with an error's close code. */
  fail(error: ProxyError): void;
}

/**
 * How a session comes by its partitions, keeps them, and keeps their positions: the one thing in
 * which readers, pinned clients and members of balanced groups differ.
 */
export interface Holding {
  /**
   * Gets the partitions and assigns them to the pump, which may go on for as long as the session
   * lives; returns when sending may start.
   */
  begin(session: HoldingSession): Promise<void>;
  /** True when a frame may be sent now, otherwise a promise to wait for before asking again. */
  mayGo(signal: AbortSignal): true | Promise<void>;
  /** Commits now rather than at the next interval, where there is something to commit. */
  commitSoon(): void;
  /** Writes the last position; called when nothing is sent any more, before the socket closes. */
  finish(): Promise<void>;
  /** Lets others have the partitions; called after the socket was closed. */
  release(): Promise<void>;
}
