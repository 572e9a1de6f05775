/** Figures of another process, from Linux's /proc. */

/** The largest resident memory so far, in megabytes. */
export function peakMemoryMb(pid: number): number {
  return statusKb(pid, "VmHWM") / 1024;
}

/** The resident memory now, in megabytes. */
export function memoryMb(pid: number): number {
  return statusKb(pid, "VmRSS") / 1024;
}

/** Open file descriptors: sockets, files, timers of the system. */
export function openFiles(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Open sockets: connections, and those that listen. */
export function openSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  const targets = [...Deno.readDirSync(folder)].map(({ name }) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`);
    } catch {
      return ""; // closed meanwhile
    }
  });
  return targets.filter((target) => target.startsWith("socket:")).length;
}

function statusKb(pid: number, field: string): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
}
