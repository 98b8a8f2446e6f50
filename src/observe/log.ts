import { getLogger } from "@logtape/logtape";
import { errorText } from "./error_text.ts";
import { EventLimit } from "./event_limit.ts";
import {
  EVENT_TABLE,
  type EventFields,
  type EventName,
  type EventRow,
  type Log,
} from "./events.ts";

/** LogTape's category of everything the proxy logs. */
export const LOG_CATEGORY: readonly string[] = ["kafka-proxy"];

/** Longest text of one field, in UTF-16 units; topics and origins come from clients. */
const MAX_TEXT = 4096;

/** Shorter texts are not hidden: they would be found everywhere. */
const LEAST_SECRET = 4;

/** The last ones count: tokens are renewed for as long as the process lives. */
const MOST_SECRETS = 1_000;

/** What an {@linkcode EventLog} can be told. */
export interface EventLogOptions {
  /** Texts that must not be logged: each is replaced by `***`, those shorter than 4 units excepted. */
  readonly secrets?: readonly (string | undefined)[];
  /** Milliseconds that do not go back, for the limits; `performance.now`. */
  readonly nowMs?: () => number;
  /** Told every event as it happens, those held back by limits too. */
  readonly onEvent?: OnEvent;
}

/** Hears of events with the fields they were emitted with. */
export type OnEvent = (name: EventName, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Writes events as LogTape records, one each, with the fields as properties beside `event`, and
 * counts them by name.
 *
 * Where LogTape is not configured nothing is written and everything is counted. Events over their
 * row's limit are counted only; the next record says how many in `suppressed`.
 */
export class EventLog implements Log {
  readonly #counts = new Map<EventName, number>();
  readonly #limit = new EventLimit();
  readonly #logger = getLogger(LOG_CATEGORY);
  readonly #nowMs: () => number;
  readonly #onEvent: OnEvent | undefined;
  #secrets: readonly string[] = [];
  #failures = 0;

  /** Two logs write to the same place and count apart. */
  constructor(options: EventLogOptions = {}) {
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#onEvent = options.onEvent;
    this.hide(options.secrets ?? []);
  }

  /** Texts that must not be logged from now on, beside those before. */
  hide(secrets: readonly (string | undefined)[]): void {
    const texts = secrets.filter((text) => text !== undefined)
      .filter((text) => text.length >= LEAST_SECRET && !this.#secrets.includes(text));
    if (texts.length > 0) this.#secrets = [...this.#secrets, ...texts].slice(-MOST_SECRETS);
  }

  /** How often each event happened; those that never did are missing. */
  get counts(): ReadonlyMap<EventName, number> {
    return this.#counts;
  }

  /** Events that could not be written because writing threw. */
  get failures(): number {
    return this.#failures;
  }

  /** How often an event happened. */
  count(name: EventName): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Counts the event and writes at most one log record. It never throws and never waits. */
  emit<Name extends EventName>(name: Name, fields: EventFields<Name>): void {
    this.#counts.set(name, this.count(name) + 1);
    const row: EventRow = EVENT_TABLE[name];
    try {
      this.#onEvent?.(name, fields);
      if (this.#logger.isEnabledFor(row.level)) this.#write(name, row, fields);
    } catch {
      this.#failures++; // an error whose message throws, say: the caller has worse to do
    }
  }

  #write(name: string, row: EventRow, fields: Readonly<Record<string, unknown>>): void {
    const properties: Record<string, unknown> = { event: name };
    if (row.audit) properties.audit = true;
    for (const declared of row.fields) {
      const field = declared.endsWith("?") ? declared.slice(0, -1) : declared;
      const value = fields[field];
      if (value === undefined) continue;
      properties[field] = field === "error" ? this.#text(errorText(value)) : this.#plain(value);
      if (field === "error" && row.level === "error" && value instanceof Error && value.stack) {
        properties.stack = this.#text(value.stack);
      }
    }
    if (row.limit !== undefined) {
      const key = JSON.stringify([name, ...row.limit.by.map((field) => properties[field])]);
      const heldBack = this.#limit.pass(key, row.limit, this.#nowMs());
      if (heldBack === undefined) return;
      if (heldBack > 0) properties.suppressed = heldBack;
    }
    this.#logger[row.level](row.message, properties);
  }

  #plain(value: unknown): unknown {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "bigint") return value.toString();
    return Array.isArray(value) ? value.map((one) => this.#plain(one)) : value;
  }

  #text(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, "***");
    return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}...` : clean;
  }
}
