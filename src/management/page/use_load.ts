/** What a page shows of the API: loading, there, or failed. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Unreachable } from "./http.ts";

/** One reading; what was read before stays until the next is there. */
export interface Loaded<Value> {
  readonly value: Value | undefined;
  /** What is there answers an earlier question; the next answer is on its way. */
  readonly isStale: boolean;
  readonly error: Error | undefined;
  readonly reload: () => void;
}

const RETRY_MS = 5_000;

/**
 * Reads when `key` changes, again every `everyMs` while the page is looked at, and when the proxy is back after it
 * could not be reached.
 */
export function useLoad<Value>(
  read: (signal: AbortSignal) => Promise<Value>,
  key: string,
  everyMs?: number,
): Loaded<Value> {
  const [result, setResult] = useState<{ value?: Value; error?: Error; key: string }>({ key });
  const [turn, setTurn] = useState(0);
  const latest = useRef(read);
  latest.current = read;
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (delayMs: number | undefined) => {
      if (delayMs === undefined) return;
      timer = setTimeout(() => document.hidden ? again(delayMs) : run(), delayMs);
    };
    const run = async () => {
      try {
        const value = await latest.current(controller.signal);
        setResult({ value, key });
        again(everyMs);
      } catch (error) {
        if (controller.signal.aborted) return;
        const failure = error instanceof Error ? error : new Error(String(error));
        // What is known already stays on the page beside the error.
        setResult((before) => ({ ...(before.key === key ? before : {}), error: failure, key }));
        again(failure instanceof Unreachable ? RETRY_MS : everyMs);
      }
    };
    run();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [key, turn, everyMs]);
  return { value: result.value, isStale: result.key !== key, error: result.error, reload };
}
