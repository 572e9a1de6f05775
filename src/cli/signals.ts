/** Signals that ask a program to end. Without a listener a process 1 of a container would ignore or mishandle them. */
export const END_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/**
 * Calls `first` at the first signal and `again` at every further one. SIGHUP asks to end where `isHangup` says so, and
 * never calls `again`: both the system and the shell send one. Returns what ends the listening.
 */
export function onEndSignals(
  first: (signal: Deno.Signal) => void,
  again: (signal: Deno.Signal) => void,
  isHangup: () => boolean,
): () => void {
  let asked = false;
  const listen = (signal: Deno.Signal, listener: () => void): () => void => {
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  };
  const listeners = END_SIGNALS.map((signal) =>
    listen(signal, () => {
      (asked ? again : first)(signal);
      asked = true;
    })
  );
  if (Deno.build.os !== "windows") {
    listeners.push(listen("SIGHUP", () => {
      if (asked || !isHangup()) return;
      first("SIGHUP");
      asked = true;
    }));
  }
  return () => listeners.forEach((remove) => remove());
}
