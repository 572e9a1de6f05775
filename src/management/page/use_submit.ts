import { useState } from "preact/hooks";
import { asError } from "./http.ts";

/**
 * Runs an action when a form is submitted or a button pressed. A second call of `submit` does nothing while
 * the first is running (`busy`). `error` is why the last run failed, or undefined.
 */
export function useSubmit<Result>(run: () => Promise<Result>, onDone: (result: Result) => void) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const submit = async (event?: Event) => {
    event?.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      onDone(await run());
    } catch (thrown) {
      setError(asError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, submit };
}
