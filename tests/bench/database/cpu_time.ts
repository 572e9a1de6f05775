/** CPU time from Linux: other work on the machine changes it less than the time that passes. */

/** The CPU time of this process, all threads included, in milliseconds. */
export function ownCpuMs(): number {
  return namesIn("/proc/self/task").reduce((sum, thread) => sum + runMs(`/proc/self/task/${thread}`), 0);
}

/** The CPU time of a PostgreSQL server for its clients, in milliseconds. `data` is the folder of its data. */
export function postgresCpuMs(data: string): number {
  const [pid = ""] = Deno.readTextFileSync(`${data}/postmaster.pid`).split("\n");
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ");
  return endedMs(pid) +
    children.reduce((sum, child) => isOfClient(child) ? sum + runMs(`/proc/${child}`) : sum, 0);
}

/** The server also writes to its files by itself. */
function isOfClient(pid: string): boolean {
  return !/autovacuum|checkpointer|writer|launcher/.test(textOf(`/proc/${pid}/cmdline`));
}

/** The CPU time of a process or thread, from its scheduler, in milliseconds. */
function runMs(folder: string): number {
  return Number(textOf(`${folder}/schedstat`).split(" ")[0]) / 1_000_000;
}

/** The CPU time of the children of a process that have ended, in milliseconds. The kernel counts in 10 ms. */
function endedMs(pid: string): number {
  const fields = textOf(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** A process can end meanwhile. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "0";
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}
