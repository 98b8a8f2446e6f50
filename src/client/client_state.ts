/**
 * How a client stands. `connecting`: a try is under way. `catching up`: connected, with records to
 * read that were there when it came. `live`: connected, and at the end. `offline`: it waits before
 * the next try. `closed`: over for good.
 */
export type ClientState = "connecting" | "catching up" | "live" | "offline" | "closed";
