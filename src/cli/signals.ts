/**
 * The signals that end the program. Without listeners for them, process 1 of a container ignores or
 * mishandles the signals.
 */
export const END_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** The exit codes of a program that a signal ended: 128 plus the number of the signal. */
const SIGNAL_EXIT_CODES: Partial<Record<Deno.Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** Returns the exit code of a program that a signal ended. */
export function signalExitCode(signal: Deno.Signal): number {
  return SIGNAL_EXIT_CODES[signal] ?? 143;
}

/**
 * Calls `first` at the first end signal, and `again` at each further one. If `isHangup` returns true, a
 * SIGHUP counts as an end signal. But it never calls `again`, because the system and the shell both send a
 * SIGHUP. Returns a function that removes the listeners.
 */
export function onEndSignals(
  first: (signal: Deno.Signal) => void,
  again: (signal: Deno.Signal) => void,
  isHangup: () => boolean,
): () => void {
  let received = false;
  const listen = (signal: Deno.Signal, listener: () => void): () => void => {
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  };
  const listeners = END_SIGNALS.map((signal) =>
    listen(signal, () => {
      (received ? again : first)(signal);
      received = true;
    })
  );
  if (Deno.build.os !== "windows") {
    listeners.push(listen("SIGHUP", () => {
      if (received || !isHangup()) return;
      first("SIGHUP");
      received = true;
    }));
  }
  return () => listeners.forEach((remove) => remove());
}
