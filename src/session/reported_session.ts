import type { StreamFigures } from "./topic_stream.ts";

/** A session as the server's reports see it, and as it ends it. */
export interface ReportedSession {
  readonly id: string;
  /** What it sends, a topic of a subscription each. */
  readonly streams: readonly StreamFigures[];
  /** Records sent to the client so far. */
  readonly sentRecords: number;
  /** Records written by the client so far, those with an offset. */
  readonly producedRecords: number;
  /** Tells the client that its socket will be closed with 1012; where the protocol can say so. */
  announceDraining?(inMs: number): void;
  /** Ends the session: stops sending, waits up to `drainMs` for the client, commits, closes. */
  stop(code: number, reason: string, drainMs: number): Promise<void>;
}
