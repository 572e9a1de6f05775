/** The live stream of exchanges, as server-sent events. */

import type { RunningExchange } from "../../accounting/running_exchange.ts";
import type { Clock } from "../../time/clock.ts";
import { exchangeJson } from "./exchange_json.ts";
import type { RouteParts, RunningProxy } from "./parts.ts";
import * as responses from "./responses.ts";
import { moment } from "./rules.ts";

/** How often the live stream sends running exchanges. */
const TICK_MS = 1_000;
/** The most unread events. The live stream ends for a client that does not read them. */
const MAX_UNREAD_EVENTS = 1_000;

/**
 * Makes the stream of server-sent events. It sends `running` first and every second while exchanges run, and
 * `started` and `ended` as exchanges start and end. It ends when the proxy shuts down.
 */
export function liveExchanges(
  proxy: Pick<RunningProxy, "running" | "subscribe">,
  { clock, shown }: { clock: Clock; shown: RouteParts["shown"] },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const seenRunning = (running: RunningExchange) => shown(responses.runningExchange, shownRunning(running));
  let stop = (): void => {};
  return new ReadableStream({
    start(controller) {
      const send = (event: string, data: unknown): void => {
        if ((controller.desiredSize ?? 0) < -MAX_UNREAD_EVENTS) return close();
        controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      };
      let stopTimer = (): void => {};
      let hadAny = true;
      const tick = (): void => {
        stopTimer = clock.after(TICK_MS, tick);
        const running = proxy.running();
        if (running.length > 0 || hadAny) send("running", running.map(seenRunning));
        hadAny = running.length > 0;
      };
      const unsubscribe = proxy.subscribe((event) => {
        if (event.kind === "started") send("started", seenRunning(event.exchange));
        else send("ended", shown(responses.exchange, exchangeJson(event.exchange)));
      }, close);
      stop = () => {
        stopTimer();
        unsubscribe();
      };
      function close(): void {
        stop();
        controller.close();
      }
      tick();
    },
    cancel: () => stop(),
  });
}

function shownRunning(running: RunningExchange) {
  return {
    request_id: running.requestId,
    started_at: moment(running.startedAt),
    endpoint: running.endpoint ?? null,
    backend: running.backend ?? null,
    principal: running.principal,
    token_id: running.tokenId ?? null,
    project_id: running.projectId ?? null,
    client: running.client,
    stream: running.stream ?? null,
    model_asked: running.modelAsked ?? null,
    bytes: running.bytes,
  };
}
