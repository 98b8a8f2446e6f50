import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIsoTime } from "../../src/protocol/iso_time.ts";

const time = fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z") });

Deno.test("parseIsoTime() gives back every time, said by toISOString()", () => {
  fc.assert(fc.property(time.filter((date) => !Number.isNaN(date.getTime())), (date) => {
    assert.equal(parseIsoTime(date.toISOString()), BigInt(date.getTime()));
  }));
});

Deno.test("parseIsoTime() agrees with Date.parse(), whatever it accepts with a zone", () => {
  const digits = (length: number, max: number) =>
    fc.nat(max).map((value) => String(value).padStart(length, "0"));
  const text = fc.tuple(
    fc.integer({ min: 1970, max: 9999 }).map(String),
    digits(2, 13),
    digits(2, 32),
    digits(2, 24),
    digits(2, 60),
    digits(2, 60),
    digits(3, 999),
    fc.tuple(fc.constantFrom("+", "-"), digits(2, 14), digits(2, 60)),
  ).map(([year, month, day, hour, minute, second, fraction, [sign, hours, minutes]]) =>
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction}${sign}${hours}:${minutes}`
  );
  fc.assert(fc.property(text, (text) => {
    const timestampMs = parseIsoTime(text);
    if (timestampMs !== undefined) assert.equal(timestampMs, BigInt(Date.parse(text)));
  }));
});
