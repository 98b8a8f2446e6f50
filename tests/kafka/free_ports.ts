const used = new Set<number>();

/**
 * Ports of 127.0.0.1 nobody listens on, never the same twice.
 *
 * Taken below the range the operating system gives to outgoing connections: a stopped broker must
 * find its port free when it starts again.
 */
export function freePorts(count: number): number[] {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (used.has(port) || !isFreePort(port)) continue;
    used.add(port);
    ports.push(port);
  }
  return ports;
}

/** Whether nobody listens on a port of 127.0.0.1. */
export function isFreePort(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
