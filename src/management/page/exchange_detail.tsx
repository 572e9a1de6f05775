/** Everything that is known of one exchange; what was said in it is kept nowhere. */

import type { Exchange } from "./api.ts";
import { bytes, count, duration, moment, money, UNKNOWN } from "./format.ts";
import { Facts } from "./facts.tsx";
import { Dialog, State } from "./pieces.tsx";

/** When it counts. */
const SETTLED = {
  awaited: "later: what the object used counts when it is over, in a row of its own",
  settled: "later: this is no request, but what the object of that request used",
} as const;

export function ExchangeDetail({ exchange, tokenName, onClose }: {
  exchange: Exchange;
  tokenName: string;
  onClose: () => void;
}) {
  const known = (value: string | null) => value ?? UNKNOWN;
  const tokens: [string, number | null][] = [
    ["Input", exchange.input_tokens],
    ["Output", exchange.output_tokens],
    ["Read from cache", exchange.cached_tokens],
    ["Written to cache", exchange.cache_write_tokens],
    ["Reasoning", exchange.reasoning_tokens],
    ["Audio", exchange.audio_tokens],
    ["Images", exchange.image_tokens],
  ];
  const attempts = exchange.attempt_log ??
    (exchange.backend === null ? [] : [{ backend: exchange.backend, after_ms: 0, detail: null }]);
  return (
    <Dialog title={`${exchange.method} ${exchange.path}`} onClose={onClose}>
      <Facts
        of={[
          ["Status", exchange.status],
          ["Ending", <State key="ending" of={exchange.ending} />],
          ["Began", moment(exchange.started_at)],
          ["First byte after", duration(exchange.time_to_first_byte_ms)],
          ["Ended after", duration(exchange.duration_ms)],
          ["Answer", bytes(exchange.bytes)],
          ["Who", `${tokenName} with ${exchange.client}`],
          ["Model asked", known(exchange.model_asked)],
          ["Model answered", known(exchange.model_answered)],
          ["Streamed", exchange.stream === null ? UNKNOWN : exchange.stream ? "yes" : "no"],
          ["Stopped because of", known(exchange.stop_reason)],
          [
            "Cost",
            money(exchange.cost_micros) +
            (exchange.cost_is_partial ? ", and more without a known price" : ""),
          ],
          ["Numbers from", exchange.usage_source ?? "unknown"],
          ["Counted", exchange.settlement === null ? "with the request" : SETTLED[exchange.settlement]],
          ["Prices", known(exchange.price_version)],
          ["Request id", exchange.request_id],
          ["Provider's id", known(exchange.provider_request_id)],
        ]}
      />
      <h3>Tokens{exchange.usage_partial && ", as far as the answer came"}</h3>
      <Facts of={tokens.filter(([, value]) => value !== null).map(([name, value]) => [name, count(value)])} />
      {tokens.every(([, value]) => value === null) && <p class="help">The answer told none.</p>}
      <h3>Attempts</h3>
      {attempts.length === 0 ? <p class="help">No backend was asked.</p> : (
        <ol>
          {attempts.map(({ backend, after_ms, detail }, index) => (
            <li key={index}>{backend}, after {duration(after_ms)}{detail === null ? "" : `: ${detail}`}</li>
          ))}
        </ol>
      )}
      <p class="help">What was asked and answered is not kept.</p>
    </Dialog>
  );
}
