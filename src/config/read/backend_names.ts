/** Gives each backend of an endpoint a name, and finds backends that are the same. */

import type { Backend } from "../config.ts";
import type { KeyPath } from "../problem.ts";
import type { BackendSettings } from "../sources/file_schema.ts";
import { NO_BASE_URL } from "./backends.ts";
import type { Resolver } from "./resolver.ts";

/**
 * Names backends without a name after their host, with a number if several have the same host. The keys of a
 * pool get the numbers from 1 on.
 */
export function nameBackends(
  groups: readonly (readonly Backend[])[],
  { listed, path, resolver }: {
    listed: readonly BackendSettings[] | undefined;
    path: KeyPath;
    resolver: Resolver;
  },
): Backend[] {
  const taken = listedNames(listed ?? [], { path, resolver });
  const seen = new Map<string, string>();
  return groups.flatMap((backends, index) =>
    backends.map((backend) => {
      const name = freeName(backend, taken);
      taken.add(name);
      const identity = identityOf(backend);
      const same = seen.get(identity);
      if (same !== undefined && backend.baseUrl !== NO_BASE_URL) {
        resolver.report([...path, "backends", index], `is the same as the backend ${same}`);
      }
      seen.set(identity, name);
      return { ...backend, name };
    })
  );
}

/** The names that the file has. A name that appears twice is reported. */
function listedNames(
  listed: readonly BackendSettings[],
  { path, resolver }: { path: KeyPath; resolver: Resolver },
): Set<string> {
  const names = new Set<string>();
  for (const [index, { name }] of listed.entries()) {
    if (name === undefined) continue;
    if (names.has(name)) {
      resolver.report([...path, "backends", index, "name"], `${JSON.stringify(name)} appears twice`);
    }
    names.add(name);
  }
  return names;
}

function freeName({ name, baseUrl, pool }: Backend, taken: ReadonlySet<string>): string {
  const base = name || new URL(baseUrl.origin).host;
  const first = pool === undefined ? base : `${base}#1`;
  // The file may have two backends with the same name, which is reported. They keep it.
  if (name !== "" && pool === undefined) return first;
  let free = first;
  for (let number = 2; taken.has(free); number++) free = `${base}#${number}`;
  return free;
}

/** A text that two backends share if requests reach the same server in the same way. */
function identityOf({ baseUrl, key, model, connection, headers }: Backend): string {
  return JSON.stringify([
    baseUrl,
    key,
    model?.otherwise,
    [...model?.byName ?? []],
    connection.key,
    headers,
  ]);
}
