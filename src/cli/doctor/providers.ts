import { isLoopback } from "../../config/read/outbound_proxy.ts";
import type { Config } from "../../config/config.ts";
import type { ProbeResult } from "../../forwarding/probe.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { connectionProblem, directUpstreams } from "./hosts.ts";

const { ok, problem } = findingsOf("providers");
const TIMEOUT_MS = 3_000;

/** What asking each provider for its models brought. */
export function describeProviders(probes: readonly ProbeResult[]): Finding[] {
  return probes.map((probe) => {
    const name = `${probe.endpoint} (${probe.backend})`;
    if (!probe.reachable) {
      return problem(
        `${name} cannot be asked: ${probe.detail}`,
        "check base URL, network, and outbound proxy or firewall on the way",
      );
    }
    if (probe.key === "refused") {
      return problem(
        `${name} refuses the key (${probe.detail})`,
        "put a key that is valid into its api_key or variable; the provider's own page shows which are",
      );
    }
    if (!probe.ok) {
      return problem(`${name}: ${probe.detail}`, "look at the provider's status page, and at its base URL");
    }
    const models = probe.models === undefined ? "" : `, ${probe.models} models`;
    const latency = probe.latencyMs === undefined ? "" : `, ${Math.round(probe.latencyMs)} ms`;
    const key = {
      accepted: "takes the key",
      none: "answers without a key",
      "the client's": "answers; its key is the client's",
      "not told": "answers, and does not tell whether it takes the key",
      refused: "",
    }[probe.key];
    return ok(`${name} ${key}${models}${latency}`);
  });
}

/** Servers on this machine are tried without being asked for: nothing leaves the machine. */
export async function checkLocalProviders(
  config: Config,
): Promise<{ findings: Finding[]; notAsked: string[] }> {
  const all = directUpstreams(config);
  const local = all.filter(({ hostname }) => isLoopback(hostname));
  const findings = await Promise.all(local.map(async (host) => {
    const reason = await connectionProblem(host, TIMEOUT_MS);
    const name = `${host.what} at ${host.hostname}:${host.port}`;
    return reason === undefined ? ok(`${name} takes connections`) : problem(
      `${name} ${reason}`,
      `start it${host.what === "ollama" ? ": ollama serve" : ""}, or change its base_url`,
    );
  }));
  const others = config.endpoints.filter(({ backends }) =>
    backends.some(({ baseUrl, connection }) =>
      connection.proxy !== undefined || !isLoopback(new URL(baseUrl.origin).hostname)
    )
  );
  return {
    findings,
    notAsked: others.length === 0
      ? []
      : [`whether ${others.map(({ name }) => name).join(", ")} answers (--online)`],
  };
}
