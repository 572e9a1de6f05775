/** Endpoints: how they are set up, and how their backends are. */

import { useState } from "preact/hooks";
import { call, type Endpoint, get, type Listed, type Trial } from "./api.ts";
import { bytes, count, duration } from "./format.ts";
import { Facts } from "./facts.tsx";
import { Failure, Shown, State, useSubmit } from "./pieces.tsx";
import { useLoad } from "./use_load.ts";

const KEYS = {
  inject: "the proxy's own, hidden",
  none: "none is sent",
  passthrough: "the client's own",
} as const;

export function Endpoints() {
  const loaded = useLoad((signal) => get<Listed<Endpoint>>("/endpoints", signal), "", 10_000);
  return (
    <>
      <h1>Endpoints</h1>
      <p class="help">They are set up in the proxy's configuration; keys are never shown.</p>
      <Shown of={loaded}>
        {({ data }) => data.map((endpoint) => <Card key={endpoint.name} endpoint={endpoint} />)}
      </Shown>
    </>
  );
}

function Card({ endpoint }: { endpoint: Endpoint }) {
  const [trials, setTrials] = useState<readonly Trial[]>([]);
  const { busy, error, submit } = useSubmit(
    async () =>
      (await call<Listed<Trial>>("POST", `/endpoints/${encodeURIComponent(endpoint.name)}/try`)).body.data,
    setTrials,
  );
  return (
    <section class="card">
      <div class="row">
        <h2>/{endpoint.name}{endpoint.default && <small>, the default</small>}</h2>
        <button type="button" disabled={busy} onClick={submit}>
          {busy ? "Asking…" : "Try now"}
          <span class="unseen">{endpoint.name}</span>
        </button>
      </div>
      <Facts
        of={[
          ["Speaks", endpoint.provider],
          ["Chooses by", endpoint.strategy.replaceAll("_", " ")],
          [
            "Retries",
            endpoint.retries === 0 ? "none" : `${endpoint.retries}, on ${endpoint.retry_statuses.join(", ")}`,
          ],
          ["Bodies held up to", bytes(endpoint.max_buffer_bytes)],
          ["Asks for usage in streams", endpoint.stream_usage ? "yes" : "no"],
          [
            "Prices",
            [endpoint.price_provider, endpoint.own_prices > 0 && `${endpoint.own_prices} of its own`].filter(
              Boolean,
            ).join(", ") || "by the backend's address",
          ],
          ["anthropic-version", endpoint.anthropic_version],
        ]}
      />
      {error && <Failure error={error} />}
      {endpoint.backends.map((backend) => {
        const trial = trials.find((one) => one.backend === backend.name);
        const seconds = ([name, value]: [string, number | null]) =>
          value === null ? [] : [`${name.replace("_seconds", "").replace("_", " ")} ${value} s`];
        return (
          <div class="backend" key={backend.name}>
            <h3>
              {backend.name} <State of={backend.state} />
            </h3>
            <p role="status">
              {trial && (
                <>
                  <State of={trial.ok ? "ok" : "failing"} /> {[
                    trial.latency_ms !== null && `answered after ${duration(trial.latency_ms)}`,
                    `key: ${trial.key}`,
                    trial.models !== null && `${count(trial.models)} models`,
                    trial.detail,
                  ].filter(Boolean).join(", ")}
                </>
              )}
            </p>
            <Facts
              of={[
                ["Address", backend.base_url],
                [
                  "Key",
                  KEYS[backend.key] + (backend.key_header === null ? "" : `, in ${backend.key_header}`),
                ],
                ["Through", backend.proxy ?? "directly"],
                ["Running", count(backend.in_flight)],
                ["Failures in a row", count(backend.failures)],
                ["Left alone for", backend.for_seconds > 0 ? duration(backend.for_seconds * 1000) : ""],
                ["Timeouts", Object.entries(backend.timeouts).flatMap(seconds).join(", ") || "none"],
                ["Models", Object.entries(backend.models).map(([from, to]) => `${from} → ${to}`).join(", ")],
                ["Sets", backend.headers.join(", ")],
                ["Removes", backend.remove_headers.join(", ")],
              ]}
            />
          </div>
        );
      })}
    </section>
  );
}
