/**
 * Loaded into a process before its own code (`deno run --preload`): counts the timers it has running and
 * measures by how much its event loop is late. At SIGUSR2 it says both on standard error, as one line of
 * JSON, and begins anew.
 */

/** What the probe says. */
export interface ProbeLine {
  readonly event: "probe";
  /** Timers that are running, but for the probe's own. */
  readonly timers: number;
  /** By how many milliseconds a timer came too late: 99 of 100 at most so much, and the latest one. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** The heap that is in use, in bytes. */
  readonly heapBytes: number;
}

const TICK_MS = 20;

const running = new Set<unknown>();
const startInterval = globalThis.setInterval;

globalThis.setTimeout = new Proxy(globalThis.setTimeout, {
  apply(start, self, [callback, ...rest]: [(...args: unknown[]) => void, ...unknown[]]) {
    const once = (...args: unknown[]): void => {
      running.delete(timer);
      callback(...args);
    };
    const timer: unknown = Reflect.apply(start, self, [once, ...rest]);
    running.add(timer);
    return timer;
  },
});
globalThis.setInterval = new Proxy(globalThis.setInterval, {
  apply(start, self, args: unknown[]) {
    const timer: unknown = Reflect.apply(start, self, args);
    running.add(timer);
    return timer;
  },
});
globalThis.clearTimeout = forgetting(globalThis.clearTimeout);
globalThis.clearInterval = forgetting(globalThis.clearInterval);

let last = performance.now();
let late: number[] = [];
const ticking = startInterval(() => {
  const now = performance.now();
  late.push(Math.max(0, now - last - TICK_MS));
  last = now;
}, TICK_MS);
// The main module waits until nothing is left to be done here.
Deno.unrefTimer(ticking);

Deno.addSignalListener("SIGUSR2", () => {
  late.sort((one, other) => one - other);
  const line: ProbeLine = {
    event: "probe",
    timers: running.size,
    loopP99Ms: late[Math.floor(late.length * 0.99)] ?? 0,
    loopMaxMs: late.at(-1) ?? 0,
    heapBytes: Deno.memoryUsage().heapUsed,
  };
  late = [];
  Deno.stderr.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
});

function forgetting<Clear extends typeof clearTimeout>(clear: Clear): Clear {
  return new Proxy(clear, {
    apply(target, self, args: unknown[]) {
      running.delete(args[0]);
      return Reflect.apply(target, self, args);
    },
  });
}
