/** Linux reports times in this unit to user space, whatever the kernel's own is. */
const TICKS_PER_SECOND = 100;

/**
 * User and system time a process has used so far, in seconds (proc(5), `/proc/PID/stat`, fields 14
 * and 15); undefined where there is no `/proc` or no such process.
 */
export function processCpuSeconds(pid: number | undefined): number | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // The second field, the name in brackets, may contain anything; state is the first after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Physical memory a process has now, in bytes (`VmRSS`); undefined as above. */
export function processRssBytes(pid: number): number | undefined {
  return statusBytes(pid, "VmRSS");
}

/** Most physical memory a process has had so far, in bytes (`VmHWM`); undefined as above. */
export function processPeakRssBytes(pid: number): number | undefined {
  return statusBytes(pid, "VmHWM");
}

function statusBytes(pid: number, name: string): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
