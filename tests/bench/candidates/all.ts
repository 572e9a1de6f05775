/** Every candidate, in the order of the tables. */

import type { Candidate } from "./candidate.ts";
import { gatewayCandidates } from "./gateways.ts";
import { managedCandidate, ownCandidate, TWIN_NAME } from "./own.ts";
import { bunCandidates, denoFetchCandidate, goCandidate, nodeCandidates, rawCandidate } from "./runtimes.ts";
import { haproxyCandidate, nginxCandidate } from "./servers.ts";

type Group = (folder: string) => Promise<readonly Candidate[]>;

const GROUPS: Readonly<Record<string, Group>> = {
  raw: () => Promise.resolve([rawCandidate()]),
  nginx: async (folder) => [await nginxCandidate(folder)],
  haproxy: async (folder) => [await haproxyCandidate(folder)],
  go: async (folder) => [await goCandidate(folder)],
  node: nodeCandidates,
  bun: bunCandidates,
  deno: () => Promise.resolve([denoFetchCandidate()]),
  gateways: gatewayCandidates,
};

/** The names that `--only` takes. */
export const GROUP_NAMES: readonly string[] = Object.keys(GROUPS);

/**
 * This proxy in its three forms, and the candidates of the groups. Builds and installs what they need in
 * `folder`.
 */
export async function allCandidates(
  folder: string,
  groups: readonly string[] = GROUP_NAMES,
): Promise<Candidate[]> {
  const found: Candidate[] = [ownCandidate(), ownCandidate(TWIN_NAME), managedCandidate(folder)];
  for (const [name, group] of Object.entries(GROUPS)) {
    if (groups.includes(name)) found.push(...await group(folder));
  }
  return found;
}
