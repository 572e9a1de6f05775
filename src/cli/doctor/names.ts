/** The check of host names. */

import { lookup } from "node:dns/promises";
import type { Config } from "../../config/config.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { firstHops, type Host } from "./hosts.ts";

const { ok, problem } = findingsOf("names");

const TIMEOUT_MS = 5_000;

/** Resolves a name to its addresses. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const systemResolve: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

/**
 * Checks that the system can resolve the names of all hosts that the proxy connects to. Names behind an
 * outbound proxy are not checked, because the outbound proxy resolves them.
 */
export async function checkNames(config: Config, resolve: Resolve = systemResolve): Promise<Finding[]> {
  const named = firstHops(config).filter(({ hostname }) => !isAddress(hostname));
  const byName = [...new Map(named.map((host) => [host.hostname, host])).values()];
  return await Promise.all(byName.map((host) => checkName(host, resolve)));
}

async function checkName({ hostname, what }: Host, resolve: Resolve): Promise<Finding> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("late")), TIMEOUT_MS);
  try {
    const [first, ...more] = await Promise.race([resolve(hostname), late]);
    if (first !== undefined) {
      return ok(
        `${hostname} (${what}) resolves to ${first}${more.length > 0 ? ` and ${more.length} more` : ""}`,
      );
    }
  } catch {
    // The finding below reports that the name cannot be resolved.
  } finally {
    clearTimeout(timer);
  }
  return problem(
    `cannot resolve the name ${hostname} (${what})`,
    "check the base URL for a typo, and the network and DNS server of this machine (in a container: --dns)",
  );
}

function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d+(?:\.\d+){3}$/.test(hostname);
}
