import assert from "node:assert/strict";
import fc from "fast-check";
import { closeReason } from "../../src/protocol/close_reason.ts";

const text = fc.string({ unit: "binary", maxLength: 300, size: "max" });

Deno.test("closeReason() gives the longest beginning that fits, any text", () => {
  fc.assert(fc.property(text, fc.nat(130), (text, maxBytes) => {
    const reason = closeReason(text, maxBytes);
    const bytes = (text: string) => new TextEncoder().encode(text).length;
    assert.ok(reason.isWellFormed());
    assert.ok(text.toWellFormed().startsWith(reason));
    assert.ok(bytes(reason) <= maxBytes);
    const [next = ""] = text.toWellFormed().slice(reason.length);
    assert.ok(next === "" || bytes(reason + next) > maxBytes);
  }));
});
