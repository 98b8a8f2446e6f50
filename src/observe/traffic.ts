import { BoundedNames } from "./bounded_names.ts";

/** What went out of one topic in one protocol; sessions count it up frame by frame. */
export interface TopicTraffic {
  readonly protocol: string;
  readonly topic: string;
  frames: number;
  records: number;
  bytes: number;
}

/** What clients sent in one protocol. */
export interface InboundTraffic {
  readonly protocol: string;
  frames: number;
  /** Text counts by its UTF-16 units: nobody measures it for this. */
  bytes: number;
}

/**
 * Frames of records sent, by protocol and topic. A session asks for its row once and counts in it,
 * so that a frame costs three additions.
 */
export class Traffic {
  readonly #rows = new Map<string, TopicTraffic>();
  readonly #inbound = new Map<string, InboundTraffic>();
  readonly #topics: BoundedNames;

  /** Topics beyond `maxTopics` share the row `other` of their protocol. */
  constructor(maxTopics: number) {
    this.#topics = new BoundedNames(maxTopics);
  }

  /** The row to count in. */
  row(protocol: string, topic: string): TopicTraffic {
    const label = this.#topics.label(topic);
    const key = `${protocol} ${label}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { protocol, topic: label, frames: 0, records: 0, bytes: 0 };
      this.#rows.set(key, row);
    }
    return row;
  }

  /** All rows so far. */
  get rows(): Iterable<Readonly<TopicTraffic>> {
    return this.#rows.values();
  }

  /** Counts a client's message. */
  heard(protocol: string, data: unknown): void {
    let row = this.#inbound.get(protocol);
    if (row === undefined) this.#inbound.set(protocol, row = { protocol, frames: 0, bytes: 0 });
    row.frames++;
    if (typeof data === "string") row.bytes += data.length;
    else if (data instanceof ArrayBuffer) row.bytes += data.byteLength;
  }

  /** What clients have sent so far. */
  get inbound(): Iterable<Readonly<InboundTraffic>> {
    return this.#inbound.values();
  }
}
