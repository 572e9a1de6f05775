/** Reads the configuration again while the proxy runs: at SIGHUP, and when one of its files changes. */

import type { LoadedConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { warningsOf } from "../config/warnings.ts";
import { certificateWarnings } from "../tls/expiry.ts";
import type { ReloadResult } from "../manage/parts.ts";
import type { Log } from "../observability/log.ts";
import { missingPermissions } from "./missing_permissions.ts";
import { watchFiles } from "./watch_files.ts";

/** How many settings a line of the log names. */
const MOST_SHOWN = 10;

/** What reloading works with. */
export interface Reloading {
  /** The configuration of the start. */
  readonly first: LoadedConfig;
  /** Throws a {@link ConfigError}. */
  readonly load: () => Promise<LoadedConfig>;
  /** The files that the configuration is read from; undefined: they are not watched. */
  readonly watched: (() => Iterable<string>) | undefined;
  /** Whether a SIGHUP is the end of a terminal, and asks for no reload. */
  readonly isHangup: () => boolean;
  readonly log: Log;
  /** Puts a configuration into use. */
  readonly use: (loaded: LoadedConfig) => void;
}

/** Reloads on request, at SIGHUP, and when a file changes. */
export interface Reloader {
  readonly reload: () => Promise<ReloadResult>;
  readonly stop: () => void;
}

/** Begins to listen. */
export function startReloading({ first, load, watched, isHangup, log, use }: Reloading): Reloader {
  let current = first;
  let running: Promise<unknown> = Promise.resolve();
  const reload = (): Promise<ReloadResult> => {
    // One after the other, so that the newest is the one that stays.
    const result = running.then(async () => {
      const [result, loaded] = await reloadOnce(current, { load, log, use });
      current = loaded;
      return result;
    });
    running = result.catch(() => {});
    return result;
  };
  const reloadAndLog = (): void => {
    reload().catch((error) =>
      log("error", "reload_refused", { problem: error instanceof Error ? error.message : String(error) })
    );
  };
  const ends: (() => void)[] = [];
  if (Deno.build.os !== "windows") {
    const onSignal = (): void => {
      if (!isHangup()) reloadAndLog();
    };
    Deno.addSignalListener("SIGHUP", onSignal);
    ends.push(() => Deno.removeSignalListener("SIGHUP", onSignal));
  }
  if (watched !== undefined) ends.push(watchFiles(watched, reloadAndLog));
  return { reload, stop: () => ends.forEach((end) => end()) };
}

async function reloadOnce(
  before: LoadedConfig,
  { load, log, use }: Pick<Reloading, "load" | "log" | "use">,
): Promise<[ReloadResult, LoadedConfig]> {
  let loaded: LoadedConfig;
  try {
    loaded = await load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(({ origin, message }) => `${origin} ${message}`);
    for (const problem of problems) log("error", "reload_refused", { problem });
    return [{ ok: false, problems }, before];
  }
  use(loaded);
  const changed = loaded.resolver.changedSince(before.resolver);
  const warnings = [
    ...loaded.warnings.map(({ origin, message }) => `${origin} ${message}`),
    ...warningsOf(loaded.config),
    ...await certificateWarnings(loaded.config),
    ...missingPermissions(loaded.config).map((host) =>
      `the process may not connect to ${host}: ${PERMISSION_HINT}`
    ),
  ];
  for (const detail of warnings) log("warn", "configuration", { detail });
  log("info", "reloaded", {
    file: loaded.path,
    endpoints: loaded.config.endpoints.map(({ name }) => name).join(" "),
    detail: changed.length === 0 ? UNCHANGED : `changed: ${shortList(changed)}`,
  });
  const fixed = changedAddress(before.config, loaded.config);
  const restart = `${fixed.join(", ")} changed: restart to use it`;
  if (fixed.length > 0) log("warn", "restart_needed", { detail: restart });
  return [{ ok: true, changed, warnings: [...warnings, ...fixed.length > 0 ? [restart] : []] }, loaded];
}

const PERMISSION_HINT = "restart with the flags that llm-proxy check --permissions prints";
const UNCHANGED =
  "nothing changed: every setting has the value that it had before. A file that is mounted into a " +
  "container by its own name stays the old one when an editor replaces it: mount its folder";

function shortList(keys: readonly string[]): string {
  const shown = keys.slice(0, MOST_SHOWN).join(", ");
  return keys.length > MOST_SHOWN ? `${shown} and ${keys.length - MOST_SHOWN} more` : shown;
}

/** What only a restart can change: the socket is there, and the database is open. */
function changedAddress(one: Config, other: Config): string[] {
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
  const ofServer = (["host", "port", "httpsPort", "adminPort"] as const)
    .filter((key) => differs(one.server[key], other.server[key])).map((key) => `server.${key}`);
  // Another certificate is taken at once; to begin or end with TLS takes another socket.
  if ((one.server.tls === undefined) !== (other.server.tls === undefined)) ofServer.push("server.tls");
  const ofManagement = (["token", "databaseUrl", "encryptionKey"] as const)
    .filter((key) => differs(one.management?.[key], other.management?.[key]));
  return [...ofServer, ...(ofManagement.length > 0 ? ["management"] : [])];
}
