/** Loads the configuration and opens the proxy, for the command `serve` and for `deno serve`. */

import { type App, createApp } from "../app.ts";
import type { Config, ManagementConfig, ServerConfig, TlsConfig } from "../config/config.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { ConfigError, type Problem } from "../config/problem.ts";
import type { Flags } from "../config/read/resolver.ts";
import { adminUrls, lanAddresses, serverUrls } from "../config/server_urls.ts";
import { processSources } from "../config/sources/env.ts";
import { recordingSources } from "../config/sources/recording_sources.ts";
import { snapshotSources } from "../config/sources/snapshot_sources.ts";
import type { Management } from "../management/management.ts";
import type { ManagedThreads } from "../management/threads/managed_threads.ts";
import type { Ports } from "../management/served.ts";
import type { Log } from "../observability/log.ts";
import { VERSION } from "../release.ts";
import { systemClock } from "../time/clock.ts";
import type { ThreadConfig } from "../workers/methods.ts";
import { certificateWarnings } from "../tls/certificate_warnings.ts";
import { bannerText } from "./banner.ts";
import { CommandError } from "./command_error.ts";
import { allWarnings } from "./config_warnings.ts";
import { bufferedStdout, writeOut } from "./output.ts";
import { redactingLog } from "./redacting_log.ts";
import { type Reloader, startReloading } from "./reload.ts";
import { logStrayFailures } from "./stray_failures.ts";
import { watchTerminal } from "./terminal.ts";

const DAY_MS = 24 * 3_600_000;

/** The options of {@link openProxy}. */
export interface OpenOptions {
  /** Whether to reload the configuration when its files change. */
  readonly watch?: boolean;
  /** Returns problems of a valid configuration that only this caller has. */
  readonly problemsOf?: (config: Config) => readonly Problem[];
}

/** The control that the proxy has over its server, and the address of the management API. */
export interface ServerControls {
  /** Makes the server use another configuration. */
  readonly configure: (config: ServerConfig) => void | Promise<void>;
  /** Ends the server as a SIGTERM does: running exchanges may end first, within the drain timeout. */
  readonly stop: () => void;
  /**
   * The URL of the management API, for commands on this machine. `undefined` if the server does not know it.
   */
  readonly managementUrl: string | undefined;
}

/** A proxy that is ready to serve. The caller of {@link openProxy} has to close it. */
export interface OpenProxy {
  readonly app: App;
  readonly log: Log;
  /** Returns the present configuration. A reload changes it. */
  readonly config: () => Config;
  /** Returns the data from which serving threads load the present configuration. */
  readonly threadConfig: () => ThreadConfig;
  /**
   * Serves the threads for the management plane. `undefined` if the plane is off, or if one thread serves.
   */
  readonly managedThreads: ManagedThreads | undefined;
  /** Writes text to the standard output, which has the log. */
  readonly write: (text: string) => void;
  /** Whether a SIGHUP means that the terminal was closed. */
  readonly isHangup: () => boolean;
  /** Logs a warning if a certificate expires soon. */
  readonly onRenewed: (tls: TlsConfig) => void;
  /** Prints the banner. The server calls it when clients can connect. */
  readonly onListening: (ports: Ports, controls: ServerControls) => void;
  readonly close: () => Promise<void>;
}

/** Opens the proxy. Throws a {@link ConfigError} or a {@link CommandError} if it cannot start. */
export async function openProxy(
  flags: Flags,
  { watch = false, problemsOf = () => [] }: OpenOptions = {},
): Promise<OpenProxy> {
  const { sources: kept, snapshot } = snapshotSources(processSources);
  const { sources, files } = recordingSources(kept);
  const loaded = await loadConfig(sources, flags);
  let { config } = loaded;
  const problems = problemsOf(config);
  if (problems.length > 0) throw new ConfigError(problems);
  const fixedFlags = { ...fileFlag(loaded.path), ...flags };
  let threadConfig: ThreadConfig = { snapshot: snapshot(), flags: fixedFlags };
  const write = bufferedStdout();
  const { log, configure: configureLog, redact } = redactingLog(config, { write });
  const management = config.management && await openOrExplain(config.management, { log, onSecrets: redact });
  let server: ServerControls | undefined;
  const isHangup = watchTerminal();
  const app: App = createApp(config, { log, management });
  const reloader = startReloading({
    first: loaded,
    // The path is fixed. If the file disappears, the reload fails, and does not use another file.
    load: () => loadConfig(sources, fixedFlags),
    watched: watch ? () => files : undefined,
    isHangup,
    log,
    async use(next) {
      config = next.config;
      threadConfig = { snapshot: snapshot(), flags: fixedFlags };
      configureLog(config);
      app.configure(config);
      await server?.configure(config.server);
    },
  });
  const stopLogging = logStrayFailures(log);
  // The start also warns, but a proxy may run for longer than its certificate is valid.
  const daily = setInterval(() => void warnOfExpiry(config, log), DAY_MS);
  return {
    app,
    log,
    config: () => config,
    threadConfig: () => threadConfig,
    managedThreads: config.server.workers > 1 ? management?.serveThreads() : undefined,
    write,
    isHangup,
    onRenewed: (tls) => void warnOfExpiry({ server: { ...config.server, tls } }, log),
    onListening(ports, controls) {
      server = controls;
      if (management !== undefined) connectManagement(management, { config, ports, controls, reloader });
      // Only the management plane writes files, and only a restart can turn the plane on.
      else Deno.permissions.revokeSync({ name: "write" });
      void allWarnings(loaded).then((warnings) => announce(loaded, { ports, warnings, log }));
    },
    async close() {
      clearInterval(daily);
      stopLogging();
      reloader.stop();
      await management?.close();
    },
  };
}

/** Lets the management plane reload and stop the proxy, and lets commands on this machine find it. */
function connectManagement(
  management: Management,
  { config, ports, controls, reloader }: {
    config: Config;
    ports: Ports;
    controls: ServerControls;
    reloader: Reloader;
  },
): void {
  management.onListening(ports);
  management.setControls({ reload: reloader.reload, preview: reloader.preview, stop: controls.stop });
  if (controls.managementUrl === undefined) return;
  management.publish({ url: controls.managementUrl, certificates: config.server.tls?.cert });
}

/** Logs a warning for each certificate that expires soon. */
async function warnOfExpiry(served: Pick<Config, "server">, log: Log): Promise<void> {
  for (const warning of await certificateWarnings(served)) {
    log("warn", "configuration", { detail: warning });
  }
}

/** Opens the management plane. Its code is half of the program, so it is loaded only if the plane is on. */
async function openOrExplain(
  config: ManagementConfig,
  { log, onSecrets }: { log: Log; onSecrets: (secrets: readonly string[]) => void },
): Promise<Management> {
  const { openManagement } = await import("../management/open.ts");
  const { StoreError } = await import("../storage/store.ts");
  try {
    return await openManagement(config, { log, clock: systemClock, onSecrets });
  } catch (error) {
    if (error instanceof StoreError) throw new CommandError(`Cannot start: ${error.message}.`);
    throw error;
  }
}

function fileFlag(path: string | undefined): Flags {
  return path === undefined ? {} : { CONFIG_PATH: { value: path, origin: path } };
}

/** Prints the banner. With the JSON format, logs the same facts instead. */
function announce(
  loaded: LoadedConfig,
  { ports, warnings, log }: {
    ports: Ports;
    warnings: readonly string[];
    log: Log;
  },
): void {
  const { config } = loaded;
  const facts = { ...ports, lanAddresses: lanAddresses() };

  if (config.log.format === "pretty") return writeOut(`${bannerText(config, { ...facts, warnings })}\n`);
  for (const warning of warnings) log("warn", "configuration", { detail: warning });
  log("info", "started", {
    version: VERSION,
    address: serverUrls(config.server, facts).join(" "),
    admin: config.server.adminPort === undefined ? undefined : adminUrls(config.server, facts).join(" "),
    file: loaded.path,
    endpoints: config.endpoints.map(({ name, backends }) =>
      `${name}=${backends.map(({ baseUrl }) => baseUrl.origin).join(",")}`
    ).join(" "),
  });
}
