/**
 * Loaded into a process before its own code (`deno run --preload`). At SIGUSR2 it says on standard error, as
 * one line of JSON, how many bytes the program has allocated on V8's heap since its start. Buffers of bytes
 * are not on it.
 */

import { getHeapStatistics } from "node:v8";

/** What the probe says. */
export interface AllocationLine {
  readonly event: "allocated";
  readonly bytes: number;
}

// Deno's types do not know this figure of V8 yet.
const allocated = (): unknown => Object(getHeapStatistics())["total_allocated_bytes"];

Deno.addSignalListener("SIGUSR2", () => {
  const line: AllocationLine = { event: "allocated", bytes: Number(allocated()) };
  Deno.stderr.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
});
