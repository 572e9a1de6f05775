/** Reloads the configuration of a running proxy: at SIGHUP, on request, and when one of its files changes. */

import type { LoadedConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { Config } from "../config/config.ts";

import type { ReloadPreview, ReloadResult } from "../management/api/parts.ts";
import type { Log } from "../observability/log.ts";
import { allWarnings } from "./config_warnings.ts";
import { missingPermissions } from "./missing_permissions.ts";
import { watchFiles } from "./watch_files.ts";
import { messageOf } from "../text/error_text.ts";

/** The most settings that one line of the log names. */
const MOST_SHOWN = 10;

/** The parts of the program that {@link startReloading} uses. */
export interface ReloadOptions {
  /** The configuration that the proxy started with. */
  readonly first: LoadedConfig;
  /** Loads the configuration. Throws a {@link ConfigError} if it is invalid. */
  readonly load: () => Promise<LoadedConfig>;
  /** The files of the configuration to watch. `undefined` if no file is watched. */
  readonly watched: (() => Iterable<string>) | undefined;
  /** Whether a SIGHUP means that the terminal was closed. Such a SIGHUP reloads nothing. */
  readonly isHangup: () => boolean;
  readonly log: Log;
  /** Makes the proxy use a valid configuration from the next request on. */
  readonly use: (loaded: LoadedConfig) => void | Promise<void>;
}

/** Reloads and previews the configuration. */
export interface Reloader {
  /** Reloads the configuration. An invalid configuration changes nothing. */
  readonly reload: () => Promise<ReloadResult>;
  /** Reports what a reload would change, and changes nothing. */
  readonly preview: () => Promise<ReloadPreview>;
  /** Stops listening for SIGHUP and watching files. */
  readonly stop: () => void;
}

/** Starts listening for SIGHUP and watching the files. */
export function startReloading({ first, load, watched, isHangup, log, use }: ReloadOptions): Reloader {
  let current = first;
  let running: Promise<unknown> = Promise.resolve();
  const reload = (): Promise<ReloadResult> => {
    // Reloads run one after another, so that the newest configuration stays in use.
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
    reload().catch((error) => log("error", "reload_refused", { problem: messageOf(error) }));
  };
  const stops: (() => void)[] = [];
  if (Deno.build.os !== "windows") {
    const onSignal = (): void => {
      if (!isHangup()) reloadAndLog();
    };
    Deno.addSignalListener("SIGHUP", onSignal);
    stops.push(() => Deno.removeSignalListener("SIGHUP", onSignal));
  }
  if (watched !== undefined) stops.push(watchFiles(watched, reloadAndLog));
  return { reload, preview, stop: () => stops.forEach((stop) => stop()) };
}

async function reloadOnce(
  before: LoadedConfig,
  { load, log, use }: Pick<ReloadOptions, "load" | "log" | "use">,
): Promise<[ReloadResult, LoadedConfig]> {
  const loaded = await loadOrProblems(load);
  if (Array.isArray(loaded)) {
    for (const problem of loaded) log("error", "reload_refused", { problem });
    return [{ ok: false, problems: loaded }, before];
  }
  await use(loaded);
  const changed = loaded.resolver.changedSince(before.resolver).map(({ key }) => key);
  const warnings = await reloadWarnings(loaded);
  for (const detail of warnings) log("warn", "configuration", { detail });
  log("info", "reloaded", {
    file: loaded.path,
    endpoints: loaded.config.endpoints.map(({ name }) => name).join(" "),
    detail: changed.length === 0 ? UNCHANGED : `changed: ${shortList(changed)}`,
  });
  const fixed = restartSettings(before.config, loaded.config);
  const restart = `${fixed.join(", ")} changed: restart the proxy to use the new value`;
  if (fixed.length > 0) log("warn", "restart_needed", { detail: restart });
  return [{ ok: true, changed, warnings: [...warnings, ...fixed.length > 0 ? [restart] : []] }, loaded];
}

async function previewOf(before: LoadedConfig, load: ReloadOptions["load"]): Promise<ReloadPreview> {
  const loaded = await loadOrProblems(load);
  if (Array.isArray(loaded)) return { ok: false, problems: loaded };
  return {
    ok: true,
    file: loaded.path,
    changed: loaded.resolver.changedSince(before.resolver),
    restart: restartSettings(before.config, loaded.config),
    warnings: await reloadWarnings(loaded),
  };
}

/** Returns the configuration, or a list of its problems. */
async function loadOrProblems(load: ReloadOptions["load"]): Promise<LoadedConfig | string[]> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ origin, message }) => `${origin} ${message}`);
  }
}

async function reloadWarnings(loaded: LoadedConfig): Promise<string[]> {
  return [
    ...await allWarnings(loaded),
    ...missingPermissions(loaded.config).map((host) =>
      `the process has no permission to connect to ${host}: ${PERMISSION_HINT}`
    ),
  ];
}

const PERMISSION_HINT = "restart with the flags that llm-proxy check --permissions prints";
const UNCHANGED =
  "nothing changed: every setting has the same value as before. If a single file is mounted into a container, " +
  "an editor that replaces the file does not change it in the container: mount the folder instead";

function shortList(keys: readonly string[]): string {
  const shown = keys.slice(0, MOST_SHOWN).join(", ");
  return keys.length > MOST_SHOWN ? `${shown} and ${keys.length - MOST_SHOWN} more` : shown;
}

/** Returns the text of a setting, for comparisons. */
function text(setting: unknown): string | undefined {
  return JSON.stringify(setting, (_, value: unknown) => value instanceof Map ? [...value] : value);
}

/** The members of the table `[server]` that belong to open sockets, each with its key. */
const OF_SOCKETS = [
  ["engine", "engine"],
  ["workers", "workers"],
  ["host", "host"],
  ["port", "port"],
  ["httpsPort", "https_port"],
  ["adminPort", "admin_port"],
] as const;
/** The members of the table `[management]` that belong to the open management plane, each with its key. */
const OF_PLANE = [
  ["token", "token"],
  ["databaseUrl", "database_url"],
  ["encryptionKey", "encryption_key"],
  ["publicUrl", "public_url"],
  ["signIn", "sign_in"],
  ["scim", "scim"],
] as const;
/** The keys of shared limits, whose connection stays open. */
const OF_SHARED_LIMITS = { server: "limits_url", timeoutMs: "limits_timeout" } as const;

/** The keys of all settings that only a restart changes, besides those that switch TLS or the plane on. */
export const RESTART_KEYS: readonly string[] = [
  ...[...OF_SOCKETS, ...OF_PLANE].map(([, key]) => key),
  ...Object.values(OF_SHARED_LIMITS),
];

/** Returns the changed settings that need a restart. They belong to open sockets or to the open database. */
function restartSettings(one: Config, other: Config): string[] {
  const differs = (a: unknown, b: unknown): boolean => text(a) !== text(b);
  const ofServer = OF_SOCKETS.filter(([member]) => differs(one.server[member], other.server[member]))
    .map(([, key]) => `server.${key}`);
  // A new certificate is used immediately. To turn TLS on or off, another socket is needed.
  if ((one.server.tls === undefined) !== (other.server.tls === undefined)) ofServer.push("server.tls");
  const [before, after] = [one.management, other.management];
  if (before === undefined || after === undefined) {
    return before === after ? ofServer : [...ofServer, "management"];
  }
  const ofPlane: string[] = OF_PLANE.filter(([member]) => differs(before[member], after[member]))
    .map(([, key]) => key);
  // By default, the database is also the server of the limits.
  const mayName = before.databaseUrl === after.databaseUrl;
  if (mayName && differs(before.sharedLimits?.server, after.sharedLimits?.server)) {
    ofPlane.push(OF_SHARED_LIMITS.server);
  }
  if (differs(before.sharedLimits?.timeoutMs, after.sharedLimits?.timeoutMs)) {
    ofPlane.push(OF_SHARED_LIMITS.timeoutMs);
  }
  return [...ofServer, ...ofPlane.map((key) => `management.${key}`)];
}
