/** Signals that ask a program to end. Without a listener a process 1 of a container would ignore or mishandle them. */
export const END_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** The same, and the end of the terminal, for a program that has no configuration to read again. */
export const END_SIGNALS_AND_HANGUP: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? END_SIGNALS
  : [...END_SIGNALS, "SIGHUP"];

/** Calls `first` at the first signal and `again` at every further one. Returns what ends the listening. */
export function onEndSignals(
  first: (signal: Deno.Signal) => void,
  again: (signal: Deno.Signal) => void,
  signals: readonly Deno.Signal[] = END_SIGNALS,
): () => void {
  let asked = false;
  const listeners = signals.map((signal) => {
    const listener = () => {
      (asked ? again : first)(signal);
      asked = true;
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}
