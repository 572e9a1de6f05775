/** The page "Endpoints": their settings, and the states of their backends. */

import { useState } from "preact/hooks";
import { call, type Endpoint, get, type Listed, type ProbeResult } from "./api.ts";
import { Button } from "./controls.tsx";
import { Facts } from "./facts.tsx";
import { bytes, count, duration } from "./format.ts";
import { ErrorMessage, LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { StateBadge } from "./state_badge.tsx";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

type Backend = NonNullable<Endpoint["backends"]>[number];

const KEY_MODES = {
  inject: "injected by the proxy",
  none: "none",
  passthrough: "passed through from the client",
} as const;
/** What a probe says about the key, by the value of the API. */
const KEY_RESULTS: Readonly<Record<string, string>> = {
  accepted: "key accepted",
  refused: "key rejected",
  none: "no key sent",
  "the client's": "key comes from the client",
  "not told": "key not checked",
};

/** Lists the endpoints, each with a button that probes its backends. */
export function Endpoints() {
  const { may } = useMe();
  const loaded = useLoad((signal) => get<Listed<Endpoint>>("/endpoints", signal), "", 10_000);
  return (
    <>
      <h1>Endpoints</h1>
      <p class="help">
        The proxy's configuration defines the endpoints.
        {may("probe") &&
          " A probe asks each backend for its models, with the key that the proxy injects."}
      </p>
      <LoadView loaded={loaded}>
        {({ data }) => data.map((endpoint) => <EndpointCard key={endpoint.name} endpoint={endpoint} />)}
      </LoadView>
    </>
  );
}

function EndpointCard({ endpoint }: { endpoint: Endpoint }) {
  const { may } = useMe();
  const [results, setResults] = useState<readonly ProbeResult[]>([]);
  const { busy, error, submit } = useSubmit(
    async () => {
      const path = `/endpoints/${encodeURIComponent(endpoint.name)}/try`;
      return (await call<Listed<ProbeResult>>("POST", path)).body.data;
    },
    setResults,
  );
  return (
    <section class="card">
      <div class="row">
        <h2>/{endpoint.name}{endpoint.default && <small>, default endpoint</small>}</h2>
        {may("probe") && (
          <Button disabled={busy} onClick={submit}>
            {busy ? "Probing…" : "Probe"}
            <span class="unseen">{endpoint.name}</span>
          </Button>
        )}
      </div>
      <Facts
        list={[
          ["Provider", endpoint.provider],
          ["Clients may request", allowedText(endpoint.paths)],
          ...settingsOf(endpoint),
        ]}
      />
      {error && <ErrorMessage error={error} />}
      {endpoint.backends?.map((backend) => (
        <BackendCard
          key={backend.name}
          backend={backend}
          result={results.find((one) => one.backend === backend.name)}
        />
      ))}
    </section>
  );
}

/** The settings that only administrators see. Without a strategy, the API has left them out. */
function settingsOf(endpoint: Endpoint): [name: string, value: string | null | undefined][] {
  if (endpoint.strategy === undefined) return [];
  const prices = [
    endpoint.price_provider,
    (endpoint.own_prices ?? 0) > 0 && `${count(endpoint.own_prices)} configured`,
  ];
  return [
    ["Load balancing", endpoint.strategy.replaceAll("_", " ")],
    ["Affinity", endpoint.affinity],
    [
      "Retries",
      endpoint.retries === 0
        ? "none"
        : `${endpoint.retries}, on status ${endpoint.retry_statuses?.join(", ")}`,
    ],
    ["Body buffer", `up to ${bytes(endpoint.max_buffer_bytes)}`],
    ["Requests usage in streams", endpoint.stream_usage ? "yes" : "no"],
    ["Prices", prices.filter(Boolean).join(", ") || "by the backend's address"],
    ["anthropic-version", endpoint.anthropic_version],
  ];
}

/** The groups and paths that an endpoint allows. */
function allowedText(paths: readonly string[]): string {
  const denied = paths.filter((path) => path.startsWith("!")).map((path) => path.slice(1));
  const allowed = paths.filter((path) => !path.startsWith("!")).join(", ") || "everything";
  return denied.length === 0 ? allowed : `${allowed}, but not ${denied.join(", ")}`;
}

function BackendCard({ backend, result }: { backend: Backend; result: ProbeResult | undefined }) {
  const timeouts = Object.entries(backend.timeouts).flatMap(([name, seconds]) =>
    seconds === null ? [] : [`${name.replace("_seconds", "").replace("_", " ")} ${seconds} s`]
  );
  return (
    <div class="backend">
      <h3>
        {backend.name} <StateBadge state={backend.state} />
      </h3>
      <p role="status">
        {result && (
          <>
            <StateBadge state={result.ok ? "ok" : "failing"} /> {probeText(result)}
          </>
        )}
      </p>
      <Facts
        list={[
          ["Base URL", backend.base_url],
          [
            "Key",
            KEY_MODES[backend.key] + (backend.key_header === null ? "" : `, header ${backend.key_header}`),
          ],
          ["Outbound proxy", backend.proxy ?? "none"],
          ["Running requests", count(backend.in_flight)],
          ["Failures in a row", count(backend.failures)],
          ["Skipped for", backend.for_seconds > 0 ? duration(backend.for_seconds * 1000) : ""],
          [
            "Checked",
            backend.check &&
            `every ${backend.check.every_seconds} s${backend.check.failed ? ", failed" : ""}`,
          ],
          ["Wake-on-LAN", backend.wake && backend.wake.mac],
          ["Timeouts", timeouts.join(", ") || "none"],
          ["Model overrides", Object.entries(backend.models).map((pair) => pair.join(" → ")).join(", ")],
          ["Sets headers", backend.headers.join(", ")],
          ["Removes headers", backend.remove_headers.join(", ")],
        ]}
      />
    </div>
  );
}

function probeText({ latency_ms, key, models, detail, reachable }: ProbeResult): string {
  return [
    latency_ms !== null && `responded after ${duration(latency_ms)}`,
    reachable && (KEY_RESULTS[key] ?? key),
    models !== null && `${count(models)} ${models === 1 ? "model" : "models"}`,
    detail,
  ].filter(Boolean).join(", ");
}
