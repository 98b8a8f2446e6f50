const ISO_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Reads an ISO 8601 time as milliseconds since 1970.
 *
 * Accepted are `YYYY-MM-DD`, which is midnight, and `YYYY-MM-DDTHH:MM`, with seconds or without,
 * with one to nine digits of a fraction or without, with `Z` or `+HH:MM` or without. What has no
 * zone is **UTC**, never the server's own zone. A fraction finer than a millisecond is rounded up:
 * Kafka's timestamps are whole milliseconds, so the first record at or after the time stays the same.
 *
 * Everything else is `undefined`: days and hours that do not exist, leap seconds, times before 1970,
 * and the spellings that `Date.parse` guesses at.
 */
export function parseIsoTime(text: string): bigint | undefined {
  const match = ISO_TIME.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) =>
    Number(part ?? 0)
  );
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  // Date.UTC() would take the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const zoneMinutes = parseZone(match[8] ?? "Z");
  if (zoneMinutes === undefined) return undefined;
  date.setUTCHours(hour, minute - zoneMinutes, second);
  const timestampMs = date.getTime() + Math.ceil(Number((match[7] ?? "").padEnd(9, "0")) / 1e6);
  return timestampMs < 0 ? undefined : BigInt(timestampMs);
}

function parseZone(zone: string): number | undefined {
  if (zone === "Z") return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}
