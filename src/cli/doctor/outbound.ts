/** The check of outbound proxies. */

import { isLoopback, proxyText } from "../../config/read/outbound_proxy.ts";
import type { Config } from "../../config/config.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { connectionProblem, outboundProxies } from "./hosts.ts";

const { ok, problem } = findingsOf("outbound proxies");
const TIMEOUT_MS = 5_000;

/**
 * Checks that the outbound proxies accept connections. If `isOnline` is false, it checks only those on this
 * machine.
 */
export async function checkOutboundProxies(
  config: Config,
  { isOnline }: { isOnline: boolean },
): Promise<{ findings: Finding[]; notChecked: string[] }> {
  const all = outboundProxies(config);
  const checked = all.filter(({ proxy }) => isOnline || isLoopback(proxy.hostname));
  const findings = await Promise.all(checked.map(async ({ proxy, what }) => {
    const reason = await connectionProblem(proxy, TIMEOUT_MS);
    const name = `${proxyText(proxy)} (${what})`;
    return reason === undefined
      ? ok(`${name} accepts connections`)
      : problem(`${name} ${reason}`, "start the outbound proxy, or change proxy_url or HTTPS_PROXY");
  }));
  return {
    findings,
    notChecked: all.filter((one) => !checked.includes(one)).map(({ proxy }) =>
      `the outbound proxy ${proxyText(proxy)}`
    ),
  };
}
