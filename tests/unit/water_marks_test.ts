import assert from "node:assert/strict";
import { WaterMarks } from "../../src/socket/water_marks.ts";

const KIB = 1024;

function marksOf(sockets: number): WaterMarks {
  const marks = new WaterMarks();
  for (let i = 0; i < sockets; i++) marks.add();
  return marks;
}

for (
  const [sockets, high, frame] of [
    [0, 1024, 256],
    [1, 1024, 256],
    [32, 1024, 256],
    [33, 992.969, 128],
    [64, 512, 128],
    [100, 327.68, 64],
    [128, 256, 64],
    [512, 64, 64],
    [513, 64, 64],
    [2048, 64, 64],
    [2049, 32, 32],
    [10_000, 16, 16],
  ]
) {
  Deno.test(`WaterMarks.highBytes is ${high} KiB and frameBytes ${frame} KiB, ${sockets} sockets`, () => {
    const marks = marksOf(sockets);
    assert.equal(marks.sockets, sockets);
    assert.ok(Math.abs(marks.highBytes - high * KIB) < 1);
    assert.equal(marks.lowBytes, marks.highBytes / 4);
    assert.equal(marks.frameBytes, frame * KIB);
  });
}

Deno.test("WaterMarks.highBytes stays inside 32 MiB for all, from none to 512 sockets", () => {
  for (let sockets = 0; sockets <= 512; sockets++) {
    assert.ok(marksOf(sockets).highBytes * sockets <= 32 * KIB * KIB, `${sockets} sockets`);
  }
});

Deno.test("WaterMarks.frameBytes stays inside the half of the budget for all, up to 8,192 sockets", () => {
  for (let sockets = 100; sockets <= 8_192; sockets += 7) {
    assert.ok(marksOf(sockets).frameBytes * sockets <= 128 * KIB * KIB, `${sockets} sockets`);
  }
});

Deno.test("WaterMarks.frameBytes is between 64 and 256 KiB and not over the high mark, any number", () => {
  for (let sockets = 0; sockets <= 1000; sockets++) {
    const marks = marksOf(sockets);
    assert.ok(marks.frameBytes >= 64 * KIB && marks.frameBytes <= 256 * KIB);
    assert.ok(marks.frameBytes <= marks.highBytes);
  }
});

Deno.test("WaterMarks.add() counts out once, called twice", () => {
  const marks = new WaterMarks();
  const [one, other] = [marks.add(), marks.add()];
  one();
  one();
  assert.equal(marks.sockets, 1);
  other();
  assert.equal(marks.sockets, 0);
});
