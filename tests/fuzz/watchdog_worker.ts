import type { WatchedState } from "./watchdog_state.ts";

interface Watch extends WatchedState {
  readonly names: readonly string[];
  readonly limitMs: number;
  readonly pid: number;
}

const LOOK_MS = 1_000;

globalThis.addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  const { counters, bytes, names, limitMs, pid }: Watch = event.data;
  let [count, since] = [0, performance.now()];
  setInterval(() => {
    const now = Atomics.load(counters, 0);
    if (now !== count) [count, since] = [now, performance.now()];
    if (performance.now() - since < limitMs) return;
    const input = bytes.slice(0, Atomics.load(counters, 1));
    const name = names[Atomics.load(counters, 2)];
    console.error(`FAILED: --target ${name} --replay ${input.toBase64()}\n  no end after ${limitMs} ms`);
    Deno.kill(pid, "SIGKILL");
  }, LOOK_MS);
});
