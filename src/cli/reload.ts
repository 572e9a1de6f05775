/** Reads the configuration again while the proxy runs: at SIGHUP, and when one of its files changes. */

import type { LoadedConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { Config } from "../config/config.ts";
import { configWarnings } from "../config/warnings.ts";
import { certificateWarnings } from "../tls/certificate_warnings.ts";
import type { ReloadPreview, ReloadResult } from "../management/api/parts.ts";
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
  /** What a reload would come to now; nothing is put into use. */
  readonly preview: () => Promise<ReloadPreview>;
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
  const preview = async (): Promise<ReloadPreview> => {
    await running;
    return await previewOf(current, load);
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
  return { reload, preview, stop: () => ends.forEach((end) => end()) };
}

async function reloadOnce(
  before: LoadedConfig,
  { load, log, use }: Pick<Reloading, "load" | "log" | "use">,
): Promise<[ReloadResult, LoadedConfig]> {
  const loaded = await loadOrProblems(load);
  if (Array.isArray(loaded)) {
    for (const problem of loaded) log("error", "reload_refused", { problem });
    return [{ ok: false, problems: loaded }, before];
  }
  use(loaded);
  const changed = loaded.resolver.changedSince(before.resolver).map(({ key }) => key);
  const warnings = await allWarnings(loaded);
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

async function previewOf(before: LoadedConfig, load: Reloading["load"]): Promise<ReloadPreview> {
  const loaded = await loadOrProblems(load);
  if (Array.isArray(loaded)) return { ok: false, problems: loaded };
  return {
    ok: true,
    file: loaded.path,
    changed: loaded.resolver.changedSince(before.resolver),
    restart: changedAddress(before.config, loaded.config),
    warnings: await allWarnings(loaded),
  };
}

/** A configuration, or all that is wrong with it. */
async function loadOrProblems(load: Reloading["load"]): Promise<LoadedConfig | string[]> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ origin, message }) => `${origin} ${message}`);
  }
}

async function allWarnings(loaded: LoadedConfig): Promise<string[]> {
  return [
    ...loaded.warnings.map(({ origin, message }) => `${origin} ${message}`),
    ...configWarnings(loaded.config),
    ...await certificateWarnings(loaded.config),
    ...missingPermissions(loaded.config).map((host) =>
      `the process may not connect to ${host}: ${PERMISSION_HINT}`
    ),
  ];
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
  const fixed = [["host", "host"], ["port", "port"], ["httpsPort", "https_port"], [
    "adminPort",
    "admin_port",
  ]] as const;
  const ofServer = fixed.filter(([key]) => differs(one.server[key], other.server[key]))
    .map(([, name]) => `server.${name}`);
  // Another certificate is taken at once; to begin or end with TLS takes another socket.
  if ((one.server.tls === undefined) !== (other.server.tls === undefined)) ofServer.push("server.tls");
  const ofManagement = (["token", "databaseUrl", "encryptionKey"] as const)
    .filter((key) => differs(one.management?.[key], other.management?.[key]));
  return [...ofServer, ...(ofManagement.length > 0 ? ["management"] : [])];
}
