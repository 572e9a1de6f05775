/** Signals that ask a program to end. Without a listener a process 1 of a container would ignore or mishandle them. */
export const END_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** Calls `first` at the first signal and `again` at every further one. Returns what ends the listening. */
export function onEndSignals(
  first: (signal: Deno.Signal) => void,
  again: (signal: Deno.Signal) => void,
): () => void {
  let asked = false;
  const listeners = END_SIGNALS.map((signal) => {
    const listener = () => {
      (asked ? again : first)(signal);
      asked = true;
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}
