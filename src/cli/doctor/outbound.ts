import { isLoopback } from "../../config/read/outbound_proxy.ts";
import { proxyText } from "../../config/read/outbound_proxy.ts";
import type { Config } from "../../config/config.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { connectionProblem, outboundProxies } from "./hosts.ts";

const { ok, problem } = findingsOf("outbound proxies");
const TIMEOUT_MS = 5_000;

/** Whether the outbound proxies take connections; without `isOnline` only those of this machine are tried. */
export async function checkOutboundProxies(
  config: Config,
  { isOnline }: { isOnline: boolean },
): Promise<{ findings: Finding[]; notAsked: string[] }> {
  const all = outboundProxies(config);
  const tried = all.filter(({ proxy }) => isOnline || isLoopback(proxy.hostname));
  const findings = await Promise.all(tried.map(async ({ proxy, what }) => {
    const reason = await connectionProblem(proxy, TIMEOUT_MS);
    const name = `${proxyText(proxy)} (${what})`;
    return reason === undefined
      ? ok(`${name} takes connections`)
      : problem(`${name} ${reason}`, "start it, or change proxy_url or HTTPS_PROXY");
  }));
  return {
    findings,
    notAsked: all.filter((one) => !tried.includes(one)).map(({ proxy }) =>
      `the outbound proxy ${proxyText(proxy)}`
    ),
  };
}
