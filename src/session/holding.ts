import type { ProxyError } from "../core/proxy_error.ts";
import type { FramePump } from "./frame_pump.ts";

/** What a holding can do to its session. */
export interface HoldingSession {
  readonly id: string;
  readonly pump: FramePump;
  /** Aborted when the session is to end, for whatever reason. */
  readonly signal: AbortSignal;
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
  /** Everything of the partition up to `next` has been given to the sink. */
  onReached(partition: number, next: bigint): void;
  /** Writes the last position; called when nothing is sent any more, before the socket closes. */
  finish(): Promise<void>;
  /** Lets others have the partitions; called after the socket was closed. */
  release(): Promise<void>;
}
