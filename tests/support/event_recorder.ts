import type { EventName, Log } from "../../src/observe/events.ts";

/** An event with its fields. */
export type RecordedEvent = { readonly event: EventName } & Readonly<Record<string, unknown>>;

/** A log that keeps what was told. */
export class EventRecorder implements Log {
  readonly events: RecordedEvent[] = [];

  readonly emit: Log["emit"] = (event, fields) => {
    this.events.push({ event, ...fields });
  };

  /** The events of one name. */
  of(name: EventName): RecordedEvent[] {
    return this.events.filter(({ event }) => event === name);
  }
}
