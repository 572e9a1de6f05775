/** Loads data for a page, and loads it again. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asError, Unreachable } from "./http.ts";

/** Loaded data. Earlier data stays until the next response arrives. */
export interface Loaded<Value> {
  /** What `read` gave last; `undefined` until the first response. */
  readonly value: Value | undefined;
  /** The data belongs to an earlier `key`; the request for the new one is running. */
  readonly isStale: boolean;
  /** Why the last request failed. */
  readonly error: Error | undefined;
  /** Loads the data again. */
  readonly reload: () => void;
}

const RETRY_MS = 5_000;

/**
 * Calls `read` when `key` changes, and then every `everyMs` while the page is visible. While the proxy does
 * not respond, it tries again every five seconds.
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
    const schedule = (delayMs: number | undefined) => {
      if (delayMs === undefined) return;
      timer = setTimeout(() => document.hidden ? schedule(delayMs) : run(), delayMs);
    };
    const run = async () => {
      try {
        const value = await latest.current(controller.signal);
        if (controller.signal.aborted) return;
        setResult({ value, key });
        schedule(everyMs);
      } catch (error) {
        if (controller.signal.aborted) return;
        const failure = asError(error);
        // Earlier data of the same key stays visible next to the error.
        setResult((before) => ({ ...(before.key === key ? before : {}), error: failure, key }));
        schedule(failure instanceof Unreachable ? RETRY_MS : everyMs);
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
