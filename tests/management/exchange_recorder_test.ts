import { assertEquals } from "@std/assert";
import { ExchangeRecorder } from "../../src/management/exchange_recorder.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { exchangeRecord, exchangeUsage } from "../support/data/records.ts";
import { exchangeRow } from "../support/data/rows.ts";

/** A recorder whose destinations add a line for each call to the list. */
function recorder({ hasListeners = true } = {}) {
  const calls: string[] = [];
  const made = new ExchangeRecorder({
    log: (level, event, { detail } = {}) => void calls.push(`${level} ${event}: ${detail}`),
    writer: { add: ({ requestId }) => void calls.push(`written ${requestId}`) },
    metrics: {
      ended: ({ requestId }) => void calls.push(`counted ${requestId}`),
      refused: (ending) => void calls.push(`refused ${ending}`),
      dropped: () => void calls.push("dropped"),
    },
    feed: { hasListeners, send: ({ kind }) => void calls.push(`live ${kind}`) },
    trace: ({ traceparent }) => void calls.push(`traced ${traceparent}`),
    unpriced: { ended: (_row, endpoint) => void calls.push(`advice for ${endpoint?.name}`) },
    pricer: { library: { version: "", priceOf() {}, knows: () => false, providerAt() {}, providerOf() {} } },
    endpointNamed: () => undefined,
  });
  return { recorder: made, calls };
}

Deno.test("ExchangeRecorder: an exchange goes to the database, the trace, the metrics, the advice and the live page", () => {
  const { recorder: all, calls } = recorder();
  all.record(exchangeRecord({ usage: exchangeUsage() }), { fields: fieldsOf("traceparent: 00-1-2-01") });
  assertEquals(calls, [
    "written req_1",
    "traced 00-1-2-01",
    "counted req_1",
    "advice for undefined",
    "live ended",
  ]);
});

Deno.test("ExchangeRecorder: without listeners no live event is made, and a thread's row is not traced again", () => {
  const { recorder: all, calls } = recorder({ hasListeners: false });
  all.add(exchangeRow({ requestId: "req_2" }));
  assertEquals(calls, ["written req_2", "counted req_2", "advice for undefined"]);
});

Deno.test("ExchangeRecorder: an unidentified client is refused; other exchanges without usage are dropped, one log line for all", () => {
  const { recorder: all, calls } = recorder();
  all.record(exchangeRecord({ principal: undefined, ending: "unauthorized" }), { fields: [] });
  all.record(exchangeRecord({ id: "req_3" }), { fields: [] });
  all.record(exchangeRecord({ id: "req_4" }), { fields: [] });
  assertEquals(calls, [
    "refused unauthorized",
    "error usage_dropped: the usage of req_3 could not be worked out",
    "dropped",
    "dropped",
  ]);
  assertEquals(all.dropped, 2);
});
