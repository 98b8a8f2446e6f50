/**
 * Keeps frames in a file, in their order: each as its length in bytes (u32, big endian) and its
 * UTF-8 text.
 */
export async function writeFrames(path: string, frames: readonly string[]): Promise<void> {
  const file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = file.writable.getWriter();
  const encoder = new TextEncoder();
  for (const frame of frames) {
    const text = encoder.encode(frame);
    const bytes = new Uint8Array(4 + text.length);
    new DataView(bytes.buffer).setUint32(0, text.length);
    bytes.set(text, 4);
    await writer.write(bytes);
  }
  // Closes the file too; without it the last write may be missing.
  await writer.close();
}

/** The frames that {@linkcode writeFrames} kept. */
export async function readFrames(path: string): Promise<string[]> {
  const bytes = await Deno.readFile(path);
  const view = new DataView(bytes.buffer);
  const decoder = new TextDecoder();
  const frames: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at);
    frames.push(decoder.decode(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return frames;
}
