/** State of an open connection in `/proc/net/tcp` (proc(5), include/net/tcp_states.h). */
const ESTABLISHED = "01";

/**
 * Open TCP connections of a process to one of these ports, seen from its side; Linux only.
 *
 * @param pid this process when absent
 */
export function connectionsTo(ports: readonly number[], pid: number = Deno.pid): number {
  const inodes = new Set<string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    let target: string;
    try {
      target = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue; // closed meanwhile
      throw error;
    }
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return ["tcp", "tcp6"].flatMap((file) =>
    Deno.readTextFileSync(`/proc/${pid}/net/${file}`).trimEnd().split("\n").slice(1)
  ).filter((line) => {
    const [, , remote, state, , , , , , inode] = line.trim().split(/\s+/);
    const port = parseInt(remote.slice(remote.lastIndexOf(":") + 1), 16);
    return state === ESTABLISHED && ports.includes(port) && inodes.has(inode);
  }).length;
}
