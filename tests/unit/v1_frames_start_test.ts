import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { allFrames, encoderOf, wireBatches } from "../support/encoded_frames.ts";

// A reader asked for the offset after a decompression bomb and was closed because of it: the chunk in
// the cache began before the bomb, and every batch in front of the start was opened, only to be
// passed over.
Deno.test("V1FrameEncoder.next() opens no batch that lies before the start", async () => {
  const batches = wireBatches(
    [0n, 3n].map((baseOffset) => ({
      baseOffset,
      records: ["a", "b", "c"].map((value) => ({ value })),
    })),
  );
  const bomb = Object.defineProperty(batches[0], "open", {
    value: () => {
      throw new ProxyError("batch_too_large", "Cannot decompress a gzip batch: it is too large");
    },
  });
  const frames = await allFrames(encoderOf([bomb, batches[1]], undefined, 3n));
  assert.deepEqual(
    JSON.parse(`${frames[0].data}`).map((entry: { offset: number }) => entry.offset),
    [
      3,
      4,
      5,
    ],
  );
  await assert.rejects(
    async () => await encoderOf([bomb, batches[1]], undefined, 2n).next(),
    (error: unknown) => error instanceof ProxyError && error.code === "batch_too_large",
  );
});
