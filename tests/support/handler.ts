/** The handler without a socket: requests in, responses out, and a transport that the test plays. */

import { sharedTokenCheck } from "../../src/auth/shared_token.ts";
import { type Config, DEFAULT_TIMEOUTS } from "../../src/config/schema.ts";
import type { ExchangeRecord } from "../../src/exchange.ts";
import type { Transport, UpstreamRequest } from "../../src/forwarding/transport/transport.ts";
import { createHandler, type Handler } from "../../src/handler.ts";
import { buildRoutingTable } from "../../src/routing/table.ts";
import { FakeClock } from "./fake_clock.ts";

export interface HandlerBench {
  readonly handler: Handler;
  readonly clock: FakeClock;
  readonly sent: UpstreamRequest[];
  readonly records: ExchangeRecord[];
  readonly unexpected: unknown[];
  draining: boolean;
  readonly cut: AbortController;
}

/** A handler with the endpoints openai and anthropic and the token `T`. */
export function handlerBench(transport: Transport): HandlerBench {
  const clock = new FakeClock();
  const endpoints: Config["endpoints"] = (["openai", "anthropic"] as const).map((name) => ({
    name,
    provider: name,
    backend: {
      baseUrl: { origin: `https://${name}.test`, path: "" },
      apiKey: "K",
      timeouts: DEFAULT_TIMEOUTS,
    },
  }));
  const bench: HandlerBench = {
    clock,
    sent: [],
    records: [],
    unexpected: [],
    draining: false,
    cut: new AbortController(),
    handler: createHandler({
      routes: buildRoutingTable(endpoints),
      check: sharedTokenCheck("T"),
      transport: (request) => {
        bench.sent.push(request);
        return transport(request);
      },
      clock,
      createId: () => "req_test",
      isDraining: () => bench.draining,
      get cutShort() {
        return bench.cut.signal;
      },
      onStart() {},
      onEnd: (record) => bench.records.push(record),
      onUnexpected: (error) => bench.unexpected.push(error),
    }),
  };
  return bench;
}
