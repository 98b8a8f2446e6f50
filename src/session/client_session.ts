import type { Principal } from "../core/principal.ts";
import type { ReportedSession } from "./reported_session.ts";

/** One client of the server, whatever it speaks. */
export interface ClientSession extends ReportedSession {
  readonly protocol: "v1" | "v2" | "v2.binary";
  readonly principal: Principal;
  /** How many consumer groups it is in at the moment; each costs the server more than a reader. */
  readonly groups: number;
  /** Serves the client until the end; never rejects. */
  run(opened: Promise<void>): Promise<void>;
  /** A message from the client. */
  onMessage(data: unknown): void;
}
