/** Reads the configuration again while the proxy runs: at SIGHUP, and when its file changes. */

import type { LoadedConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { warningsOf } from "../config/warnings.ts";
import { certificateWarnings } from "../tls/expiry.ts";
import type { Log } from "../observability/log.ts";

/** What reloading works with. */
export interface Reloading {
  /** Throws a {@link ConfigError}. */
  readonly load: () => Promise<LoadedConfig>;
  /** The configuration file; undefined where there is none. */
  readonly path: string | undefined;
  /** Also when the file changes. */
  readonly watch: boolean;
  /** Whether a SIGHUP is the end of a terminal, and asks for no reload. */
  readonly isHangup: () => boolean;
  readonly log: Log;
  /** Puts a configuration into use; gives the one of before. */
  readonly use: (loaded: LoadedConfig) => Config;
}

/** Editors and configuration managers write in several steps. */
const SETTLE_MS = 100;

/** Begins to listen; gives what ends it. */
export function startReloading({ load, path, watch, isHangup, log, use }: Reloading): () => void {
  let running = Promise.resolve();
  const reload = (): void => {
    // One after the other, so that the newest is the one that stays.
    running = running.then(() => reloadOnce({ load, log, use })).catch((error) =>
      log("error", "reload_refused", { problem: error instanceof Error ? error.message : String(error) })
    );
  };
  const ends: (() => void)[] = [];
  if (Deno.build.os !== "windows") {
    const onSignal = (): void => {
      if (!isHangup()) reload();
    };
    Deno.addSignalListener("SIGHUP", onSignal);
    ends.push(() => Deno.removeSignalListener("SIGHUP", onSignal));
  }
  if (watch && path === undefined) {
    log("warn", "configuration", { detail: "--watch has no file to watch: there is no configuration file" });
  } else if (watch && path !== undefined) ends.push(watchFile(path, reload));
  return () => ends.forEach((end) => end());
}

async function reloadOnce({ load, log, use }: Pick<Reloading, "load" | "log" | "use">): Promise<void> {
  let loaded: LoadedConfig;
  try {
    loaded = await load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { origin, message } of error.problems) {
      log("error", "reload_refused", { problem: `${origin} ${message}` });
    }
    return;
  }
  const before = use(loaded);
  for (const { origin, message } of loaded.warnings) {
    log("warn", "configuration", { detail: `${origin} ${message}` });
  }
  const own = [...warningsOf(loaded.config), ...await certificateWarnings(loaded.config)];
  for (const warning of own) log("warn", "configuration", { detail: warning });
  log("info", "reloaded", {
    file: loaded.path,
    endpoints: loaded.config.endpoints.map(({ name }) => name).join(" "),
  });
  const fixed = changedAddress(before, loaded.config);
  if (fixed.length > 0) {
    log("warn", "restart_needed", { detail: `${fixed.join(", ")} changed: restart to use it` });
  }
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

/** Watches the folder, since a file that is replaced is not the one that was watched. */
function watchFile(path: string, changed: () => void): () => void {
  const folder = path.replace(/[^/\\]*$/, "") || ".";
  let text = readQuietly(path);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    const now = readQuietly(path);
    if (now === text) return;
    text = now;
    changed();
  };
  const watcher = Deno.watchFs(folder, { recursive: false });
  void (async () => {
    for await (const _ of watcher) {
      clearTimeout(timer);
      timer = setTimeout(look, SETTLE_MS);
    }
  })();
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

function readQuietly(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
