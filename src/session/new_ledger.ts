import type { AckMode } from "../protocol/v2_requests.ts";
import { AckLedger } from "./ack_ledger.ts";
import { type Ledger, NO_LEDGER } from "./ledger.ts";
import { PositionLedger } from "./position_ledger.ts";

/**
 * The ledger for what a client reads: none for a reader, whose positions nobody commits, so that
 * nothing ever takes an entry out again.
 */
export function newLedger(group: string | undefined, ack: AckMode): Ledger {
  if (group === undefined || ack === "none") return NO_LEDGER;
  return ack === "client" ? new AckLedger() : new PositionLedger();
}
