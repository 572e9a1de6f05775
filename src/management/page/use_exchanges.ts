/** The requests of the page "Requests": loaded in batches, and followed live. */

import { useEffect, useRef, useState } from "preact/hooks";
import { type Exchange, get, type Listed } from "./api.ts";
import { listenForExchanges } from "./exchange_events.ts";
import { ExchangeLog, type RunningExchange } from "./exchange_log.ts";
import { asError } from "./http.ts";

/** Requests that one call loads. */
const BATCH = 50;
/** Batches that are loaded after a reconnect, to close the gap to the requests in the list. */
const MAX_BATCHES = 10;

/** The requests that are shown, and how to get more of them. */
export interface Exchanges {
  /** Running and ended requests, the newest first; `undefined` until the first response. */
  readonly shown: readonly (RunningExchange | Exchange)[] | undefined;
  readonly runningCount: number;
  readonly hasOlder: boolean;
  /** Why the last call failed. */
  readonly error: Error | undefined;
  readonly isConnected: boolean;
  /** While the user has paused the list, it does not change. */
  readonly isPaused: boolean;
  /** Loads the requests since the newest in the list. */
  readonly catchUp: () => void;
  readonly loadOlder: () => void;
  /** Pauses the list, or lets it go on. */
  readonly pause: () => void;
}

/** Loads requests, and adds new ones as they happen. */
export function useExchanges(): Exchanges {
  const log = useRef(new ExchangeLog()).current;
  const [shown, setShown] = useState<Exchanges["shown"]>();
  const [cursor, setCursor] = useState<string | null>(null);
  const [error, setError] = useState<Error>();
  const [isConnected, setConnected] = useState(true);
  const [isPaused, setPaused] = useState(false);
  const paused = useRef(false);
  const update = () => paused.current || setShown(log.list());
  const load = async (read: () => Promise<string | null | undefined>) => {
    try {
      const next = await read();
      if (next !== undefined) setCursor(next);
      setError(undefined);
    } catch (thrown) {
      setError(asError(thrown));
    }
    update();
  };
  const catchUp = () => load(() => loadNewer(log));
  useEffect(() => {
    const updated = <Data>(change: (data: Data) => void) => (data: Data) => {
      change(data);
      update();
    };
    const stop = listenForExchanges({
      onConnected(isConnected) {
        setConnected(isConnected);
        if (isConnected) catchUp();
      },
      onRunning: updated((all) => log.setRunning(all)),
      onStarted: updated((one) => log.addRunning(one)),
      onEnded: updated((one) => log.addEnded([one])),
    });
    return () => {
      stop();
      paused.current = true;
    };
  }, []);
  return {
    shown,
    runningCount: log.runningCount,
    hasOlder: cursor !== null,
    error,
    isConnected,
    isPaused,
    catchUp,
    loadOlder: () => load(async () => (await loadBatch(log, cursor)).next),
    pause() {
      paused.current = !isPaused;
      setPaused(!isPaused);
      update();
    },
  };
}

/** Adds the requests after a cursor, or the newest ones. */
async function loadBatch(log: ExchangeLog, after: string | null) {
  const batch = await get<Listed<Exchange>>(
    `/exchanges?limit=${BATCH}${after === null ? "" : `&cursor=${after}`}`,
  );
  const overlaps = batch.data.some((one) => log.has(one));
  log.addEnded(batch.data);
  return { overlaps, next: batch.next_cursor };
}

/**
 * Adds the requests since the newest in the log. If the gap is too long, the log starts again. Returns the
 * cursor of the requests before, or `undefined` if it has not changed.
 */
async function loadNewer(log: ExchangeLog): Promise<string | null | undefined> {
  const isFirst = log.list().length === 0;
  let { overlaps, next } = await loadBatch(log, null);
  if (isFirst) return next;
  for (let batch = 1; !overlaps && next !== null; batch++) {
    if (batch === MAX_BATCHES) {
      log.clearEnded();
      return (await loadBatch(log, null)).next;
    }
    ({ overlaps, next } = await loadBatch(log, next));
  }
  return undefined;
}
