import { lookup } from "node:dns/promises";
import type { Config } from "../../config/config.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { firstHops, type Host } from "./hosts.ts";

const { ok, problem } = findingsOf("names");

const TIMEOUT_MS = 5_000;

/** Resolves a name by the system's way, hosts file included. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const systemResolve: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

/** Whether the name of each host that the proxy connects to can be resolved. A name behind an outbound proxy is the proxy's. */
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
      return ok(`${hostname} (${what}) is ${first}${more.length > 0 ? ` and ${more.length} more` : ""}`);
    }
  } catch {
    // The name cannot be resolved.
  } finally {
    clearTimeout(timer);
  }
  return problem(
    `the name ${hostname} (${what}) cannot be resolved`,
    "look for a slip in the base URL, and whether this machine has a network and a DNS server (in a container: --dns)",
  );
}

function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d+(?:\.\d+){3}$/.test(hostname);
}
