/** The details of one request. The proxy stores no prompts and no responses. */

import type { Exchange } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import { Facts } from "./facts.tsx";
import { bytes, count, duration, moment, money, UNKNOWN } from "./format.ts";
import { StateBadge } from "./state_badge.tsx";

const USAGE_SOURCES = { provider: "reported by the provider", estimated: "estimated by the proxy" } as const;

/** When usage and cost count that belong to an object, such as a background response or a batch. */
const SETTLEMENTS = {
  awaited: "later: the usage of the created object counts when it is over, in a separate row",
  settled: "now: this row is the usage of an object that an earlier request created",
} as const;

/** A dialog with everything that the proxy recorded of a request. */
export function ExchangeDetail({ exchange, tokenName, onClose }: {
  exchange: Exchange;
  tokenName: string;
  onClose: () => void;
}) {
  const orUnknown = (value: string | null) => value ?? UNKNOWN;
  const tokens: [string, number | null][] = [
    ["Input", exchange.input_tokens],
    ["Output", exchange.output_tokens],
    ["Cache reads", exchange.cached_tokens],
    ["Cache writes", exchange.cache_write_tokens],
    ["Reasoning", exchange.reasoning_tokens],
    ["Audio", exchange.audio_tokens],
    ["Images", exchange.image_tokens],
  ];
  const attempts = exchange.attempt_log ??
    (exchange.backend === null ? [] : [{ backend: exchange.backend, after_ms: 0, detail: null }]);
  return (
    <Dialog title={`${exchange.method} ${exchange.path}`} onClose={onClose}>
      <Facts
        list={[
          ["Status", exchange.status],
          ["Outcome", <StateBadge key="outcome" state={exchange.ending} />],
          ["Started", moment(exchange.started_at)],
          ["Time to first byte", duration(exchange.time_to_first_byte_ms)],
          ["Duration", duration(exchange.duration_ms)],
          ["Request size", exchange.request_bytes === null ? UNKNOWN : bytes(exchange.request_bytes)],
          ["Response size", bytes(exchange.bytes)],
          ["Token name", tokenName],
          ["Client", exchange.client],
          ["Requested model", orUnknown(exchange.model_asked)],
          ["Model sent", exchange.model_sent ?? "as requested"],
          ["Model in the response", orUnknown(exchange.model_answered)],
          ["Streaming", exchange.stream === null ? UNKNOWN : exchange.stream ? "yes" : "no"],
          ["Stop reason", orUnknown(exchange.stop_reason)],
          [
            "Cost",
            money(exchange.cost_micros) +
            (exchange.cost_is_partial ? ", plus usage without a known price" : ""),
          ],
          ["Usage", exchange.usage_source === null ? "unknown" : USAGE_SOURCES[exchange.usage_source]],
          [
            "Counted",
            exchange.settlement === null ? "with the request" : SETTLEMENTS[exchange.settlement],
          ],
          ["Price list", orUnknown(exchange.price_version)],
          ["Request id", exchange.request_id],
          ["Provider's request id", orUnknown(exchange.provider_request_id)],
        ]}
      />
      <h3>Tokens{exchange.usage_partial && ", up to where the response broke off"}</h3>
      <Facts
        list={tokens.filter(([, value]) => value !== null).map(([name, value]) => [name, count(value)])}
      />
      {tokens.every(([, value]) => value === null) && <p class="help">The usage is not known.</p>}
      <h3>Attempts</h3>
      {attempts.length === 0 ? <p class="help">The proxy sent this request to no backend.</p> : (
        <ol>
          {attempts.map(({ backend, after_ms, detail }, index) => (
            <li key={index}>
              {backend}, started after {duration(after_ms)}
              {detail === null ? "" : `: ${detail}`}
            </li>
          ))}
        </ol>
      )}
      <p class="help">The proxy does not store prompts and responses.</p>
    </Dialog>
  );
}
