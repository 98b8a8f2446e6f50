/** A header of a record: its name, and its bytes or null. Names may come more than once. */
export type RecordHeader = readonly [name: string, value: Uint8Array | null];
