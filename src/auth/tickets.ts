import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { ProxyError } from "../core/proxy_error.ts";
import { type Rights, RIGHTS_SCHEMA } from "../core/rights.ts";
import { type KnownPrincipal, newPrincipal } from "./new_principal.ts";
import type { Revocations } from "./revocations.ts";

/** How long a ticket may be presented, in ms. */
export const TICKET_MS = 30_000;

/** Tickets begin with it, tokens of others do not. */
const PREFIX = "kpt1.";

/** Keeps signatures of tickets apart from whatever else the key may sign. */
const DOMAIN = "kafka-proxy ticket 1\n";

/** Tickets that are remembered to be used, or to be revoked. */
const MAX_REMEMBERED = 100_000;

const PAYLOAD = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{16}$/),
  name: z.string(),
  /** Until when it may be presented, in ms since 1970. */
  presentMs: z.int(),
  /** When the credential it was given for ends. */
  expiresMs: z.number().optional(),
  credential: z.string().optional(),
  rights: z.array(RIGHTS_SCHEMA).min(1).max(2),
});

type Payload = z.infer<typeof PAYLOAD>;

/** Whose a ticket is: two ways in may know the same name. */
interface TicketOwner {
  readonly name: string;
  readonly credential?: string | undefined;
}

interface KnownTicket {
  readonly owner: TicketOwner;
  readonly ending: AbortController;
}

/** A ticket that was given out. */
export interface IssuedTicket {
  readonly ticket: string;
  /** To revoke it by. */
  readonly id: string;
  /** Until when it may be presented, in ms since 1970. */
  readonly presentMs: number;
}

/**
 * Tickets for browsers: short, signed, good for one connection. They carry the rights they were
 * given for, and their credential: when that ends, so do they and whoever was let in by them.
 *
 * Used once: within this process. With one key for several processes, each takes a ticket once.
 */
export class Tickets {
  readonly #revocations: Revocations;
  readonly #nowMs: () => number;
  #key: Uint8Array;
  /** Ids of used tickets, with the end of their time. */
  readonly #used = new Map<string, number>();
  /** By id: who it was given to, and what tells those it let in. */
  readonly #known = new Map<string, KnownTicket>();

  constructor(revocations: Revocations, nowMs: () => number = Date.now) {
    this.#revocations = revocations;
    this.#nowMs = nowMs;
    this.#key = randomBytes(32);
  }

  /** Uses the settings' key from now on; without one, that of this process goes on. */
  useKey(key: string | undefined): void {
    if (key !== undefined) this.#key = new TextEncoder().encode(key);
  }

  /** Whether a token is a ticket, good or not. */
  isTicket(token: string): boolean {
    return token.startsWith(PREFIX);
  }

  /** A ticket with the principal's rights, or with those of them that `narrowed` leaves. */
  issue(principal: KnownPrincipal, narrowed?: Rights): IssuedTicket {
    const { name, expiresMs, credential, rights } = principal;
    const id = randomBytes(12).toString("base64url");
    const presentMs = this.#nowMs() + TICKET_MS;
    const payload: Payload = {
      id,
      name,
      presentMs,
      ...(expiresMs === undefined ? {} : { expiresMs }),
      ...(credential === undefined ? {} : { credential }),
      rights: [...rights, ...narrowed === undefined ? [] : [narrowed]] as Payload["rights"],
    };
    const text = Buffer.from(JSON.stringify(payload)).toString("base64url");
    this.#remember(id, principal);
    return { id, presentMs, ticket: `${PREFIX}${text}.${this.#signature(text)}` };
  }

  /**
   * Whom the ticket is of; it is used up.
   *
   * @throws {ProxyError} `unauthorized` saying why, `expired`
   */
  use(ticket: string): KnownPrincipal {
    const { id, name, presentMs, expiresMs, credential, rights } = this.#opened(ticket);
    const nowMs = this.#nowMs();
    if (nowMs >= presentMs || nowMs >= (expiresMs ?? Infinity)) {
      throw refused("it has expired", "expired");
    }
    if (presentMs > nowMs + TICKET_MS + CLOCKS_MS) throw refused("it is not valid yet");
    if (this.#used.has(id)) throw refused("it has been used");
    const ending = this.#remember(id, { name, credential });
    if (ending.signal.aborted) throw refused("it was revoked");
    const signals = [ending.signal];
    if (credential !== undefined) {
      const revoked = this.#revocations.signal(credential);
      if (revoked === undefined) throw refused("its credentials were withdrawn");
      signals.push(revoked);
    }
    this.#markUsed(id, presentMs, nowMs);
    return newPrincipal({
      name,
      rights,
      byTicket: true,
      revoked: AbortSignal.any(signals),
      ...(expiresMs === undefined ? {} : { expiresMs }),
      ...(credential === undefined ? {} : { credential }),
    });
  }

  /**
   * Ends a ticket of this process, and the connection it opened; `mayAll` those of others too. False
   * when there is none.
   */
  revoke(id: string, by: TicketOwner & { readonly mayAll: boolean }): boolean {
    const known = this.#known.get(id);
    if (known === undefined) return false;
    const { name, credential } = known.owner;
    if (!by.mayAll && (name !== by.name || credential !== by.credential)) return false;
    known.ending.abort();
    return true;
  }

  #opened(ticket: string): Payload {
    const [text, signature, ...more] = ticket.slice(PREFIX.length).split(".");
    if (signature === undefined || more.length > 0) throw refused("it is malformed");
    const [given, wanted] = [Buffer.from(signature), Buffer.from(this.#signature(text))];
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      throw refused("its signature is wrong");
    }
    // Only what this server or one with its key wrote comes this far.
    const parsed = PAYLOAD.safeParse(JSON.parse(Buffer.from(text, "base64url").toString()));
    if (!parsed.success) throw refused("it is malformed");
    return parsed.data;
  }

  #signature(text: string): string {
    return createHmac("sha256", this.#key).update(DOMAIN).update(text).digest("base64url");
  }

  #remember(id: string, { name, credential }: TicketOwner): AbortController {
    const known = this.#known.get(id) ??
      { owner: { name, credential }, ending: new AbortController() };
    this.#known.set(id, known);
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(oldest(this.#known));
    return known.ending;
  }

  #markUsed(id: string, presentMs: number, nowMs: number): void {
    for (const [old, untilMs] of this.#used) {
      if (untilMs + CLOCKS_MS > nowMs) break;
      this.#used.delete(old);
    }
    if (this.#used.size >= MAX_REMEMBERED) {
      throw new ProxyError("overloaded", "Cannot authenticate: too many tickets at a time");
    }
    this.#used.set(id, presentMs);
  }
}

/** How far the clocks of processes that share a key may be apart, in ms. */
const CLOCKS_MS = 5_000;

function oldest<Key>(map: ReadonlyMap<Key, unknown>): Key {
  const [first] = map.keys();
  return first;
}

function refused(why: string, code: "unauthorized" | "expired" = "unauthorized"): ProxyError {
  return new ProxyError(code, `Cannot authenticate: the ticket is refused: ${why}`);
}
