/**
 * Frees the bytes of a binary message that nobody will read, now: a client may send one of 64 MiB, or
 * a larger one in fragments, and the garbage collector would leave it for as long as there is no need
 * of memory inside the heap, where it does not lie.
 */
export function dropMessage(data: unknown): void {
  if (data instanceof ArrayBuffer && !data.detached) data.transfer(0);
}
