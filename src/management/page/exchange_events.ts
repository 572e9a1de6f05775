/** The live events of requests, as long as the page is visible. */

import { API, type Exchange } from "./api.ts";
import type { RunningExchange } from "./exchange_log.ts";
import { readSession, waitForSignIn } from "./session.ts";

const RECONNECT_MS = 3_000;

/** What happens at the events and at the connection. */
export interface ExchangeListener {
  /** Called at each connection, and with false when it breaks off. */
  readonly onConnected: (isConnected: boolean) => void;
  /** Called at each connection with all running requests. */
  readonly onRunning: (all: RunningExchange[]) => void;
  readonly onStarted: (one: RunningExchange) => void;
  readonly onEnded: (one: Exchange) => void;
}

/**
 * Connects to the live events, and again after the connection broke off. A hidden page disconnects: browsers
 * open few connections to one host. Returns the function that ends this.
 */
export function listenForExchanges(listener: ExchangeListener): () => void {
  let events: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const disconnect = () => {
    clearTimeout(timer);
    events?.close();
  };
  const connect = () => {
    disconnect();
    if (document.hidden) return;
    events = new EventSource(`${API}/exchanges/live`);
    events.onopen = () => listener.onConnected(true);
    events.onerror = async () => {
      listener.onConnected(false);
      disconnect();
      // Either the network failed, or the session has ended.
      const isIn = await readSession().catch(() => true);
      if (!isIn) await waitForSignIn("ended");
      timer = setTimeout(connect, RECONNECT_MS);
    };
    const on = <Data>(name: string, handle: (data: Data) => void) =>
      events?.addEventListener(name, ({ data }) => handle(JSON.parse(data)));
    on("running", listener.onRunning);
    on("started", listener.onStarted);
    on("ended", listener.onEnded);
  };
  connect();
  document.addEventListener("visibilitychange", connect);
  return () => {
    document.removeEventListener("visibilitychange", connect);
    disconnect();
  };
}
