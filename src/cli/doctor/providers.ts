/** The check of providers. */

import { isLoopback } from "../../config/read/outbound_proxy.ts";
import type { Config } from "../../config/config.ts";
import { type Preset, presetNamed, PRESETS } from "../../config/values/presets.ts";
import type { ProbeResult } from "../../forwarding/probe.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { connectionProblem, directUpstreams } from "./hosts.ts";

const { ok, problem } = findingsOf("providers");
const TIMEOUT_MS = 3_000;

/** Returns the findings of `--online`: one for each backend from which the doctor requested the models. */
export function describeProviders(probes: readonly ProbeResult[]): Finding[] {
  return probes.map((probe) => {
    const name = `${probe.endpoint} (${probe.backend})`;
    if (!probe.reachable) {
      return problem(
        `cannot reach ${name}: ${probe.detail}`,
        "check the base URL, the network, and any outbound proxy or firewall",
      );
    }
    if (probe.key === "refused") {
      return problem(
        `${name} rejects the key (${probe.detail})`,
        "set its api_key or its variable to a valid key; the website of the provider lists your keys",
      );
    }
    if (!probe.ok) {
      return problem(`${name}: ${probe.detail}`, "check the status page of the provider, and the base URL");
    }
    const models = probe.models === undefined ? "" : `, ${probe.models} models`;
    const latency = probe.latencyMs === undefined ? "" : `, ${Math.round(probe.latencyMs)} ms`;
    const key = {
      accepted: "accepts the key",
      none: "answers without a key",
      "the client's": "answers; clients send their own key",
      "not told": "answers, but does not show whether it accepts the key",
      refused: "",
    }[probe.key];
    return ok(`${name} ${key}${models}${latency}`);
  });
}

/** Checks providers on this machine. This needs no `--online`, because no request leaves the machine. */
export async function checkLocalProviders(
  config: Config,
): Promise<{ findings: Finding[]; notChecked: string[] }> {
  const all = directUpstreams(config);
  const local = all.filter(({ hostname }) => isLoopback(hostname));
  const findings = await Promise.all(local.map(async (host) => {
    const reason = await connectionProblem(host, TIMEOUT_MS);
    const name = `${host.what} at ${host.hostname}:${host.port}`;
    return reason === undefined ? ok(`${name} accepts connections`) : problem(
      `${name} ${reason}`,
      `start the server${startCommandText(host.what)}, or change its base_url`,
    );
  }));
  const others = config.endpoints.filter(({ backends }) =>
    backends.some(({ baseUrl, connection }) =>
      connection.proxy !== undefined || !isLoopback(new URL(baseUrl.origin).hostname)
    )
  );
  return {
    findings,
    notChecked: others.length === 0
      ? []
      : [`whether ${others.map(({ name }) => name).join(", ")} answers (--online)`],
  };
}

/** Returns the command that starts the server of an endpoint, in brackets. Empty if it is unknown. */
function startCommandText(endpoint: string): string {
  const { startCommand }: Preset = PRESETS[presetNamed(endpoint) ?? "generic"];
  return startCommand === undefined ? "" : ` (${startCommand})`;
}
