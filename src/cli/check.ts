import { processSources } from "../config/sources/env.ts";
import schema from "../config/config.schema.json" with { type: "json" };
import { loadConfig } from "../config/load.ts";
import type { Flags, ShownSetting } from "../config/read/resolver.ts";
import { CommandError } from "./command_error.ts";
import { ambiguityWarnings, routesText, unnamedRoutes } from "./check_route.ts";
import { checkJwt, jwtText } from "./check_jwt.ts";
import { checkSignIn, signInText } from "./check_sign_in.ts";
import { ALLOWED_PATHS_HEADINGS, allowedPaths, allowedPathsRow } from "./check_paths.ts";
import { allWarnings } from "./config_warnings.ts";
import { probeBackends, type ProbeResult } from "../forwarding/probe.ts";
import { shownProbe } from "../management/api/shown_probe.ts";
import { warningLine, writeOut, writeResult } from "./output.ts";
import { pricesAdvice } from "./prices/advice.ts";
import { withProgress } from "./progress.ts";
import { tableText } from "./table.ts";
import { keepaliveWarnings, systemKeepaliveMs } from "./tcp_keepalive.ts";

/** Prints the JSON Schema of configuration files, for editors: `llm-proxy check --schema`. */
export function printSchema(): void {
  writeOut(`${JSON.stringify(schema, null, 2)}\n`);
}

/**
 * Checks the configuration, and prints every setting with its origin: `llm-proxy check`. With `online` it
 * also requests the list of models from each backend, and the metadata or the keys from each provider. Throws
 * a `ConfigError` for an invalid configuration, and a {@link CommandError} if a backend or a provider fails.
 */
export async function check({ online }: { online: boolean }, flags: Flags): Promise<void> {
  const loaded = await loadConfig(processSources, flags);
  const { config, path, settings } = loaded;
  const bySection = (await settings()).toSorted((one, other) => sectionOf(one) - sectionOf(other));
  const results = online ? await withProgress("Checking the backends", () => probeBackends(config)) : [];
  const signIn = await checkSignIn(config, { online });
  const jwt = await checkJwt(config, { online });
  const all = [
    ...await allWarnings(loaded),
    ...keepaliveWarnings(config, await systemKeepaliveMs()),
    ...await pricesAdvice(config, results),
    ...ambiguityWarnings(config, results),
  ];
  const routes = unnamedRoutes(config);
  const paths = allowedPaths(config);
  writeResult(
    {
      valid: true,
      file: path ?? null,
      settings: bySection.map(({ key, shown, origin }) => ({ key, value: shown, from: origin })),
      warnings: all,
      routes,
      allowed_paths: paths,
      sign_in: signIn.map((
        { provider, issuer, redirectUri, logoutUri, scimUrl = null, ok = null, detail = null },
      ) => ({
        provider,
        issuer,
        redirect_uri: redirectUri,
        logout_uri: logoutUri,
        scim_url: scimUrl,
        ok,
        detail,
      })),
      jwt: jwt.map(({ ok = null, detail = null, ...rest }) => ({ ...rest, ok, detail })),
      backends: online
        ? results.map((result) => ({ endpoint: result.endpoint, ...shownProbe(result) }))
        : null,
    },
    () =>
      `${
        tableText(
          ["setting", "value", "from"],
          bySection.map(({ key, shown, origin }) => [key, shown, origin]),
        )
      }${routesText(routes)}\nWhat clients may request (docs/limits-and-budgets.md#allowed-paths):\n${
        tableText(ALLOWED_PATHS_HEADINGS, paths.map(allowedPathsRow))
      }${signInText(signIn)}${jwtText(jwt)}\n${all.map((warning) => warningLine(warning)).join("")}` +
      `The configuration is valid${path === undefined ? "" : ` (${path})`}.\n` +
      (online ? `\n${tableText(PROBE_HEADINGS, results.map(probeRow))}` : ""),
  );
  const failed = results.filter(({ ok }) => !ok).length;
  const providers = [...signIn, ...jwt];
  const unusable = providers.filter(({ ok }) => ok === false).length;
  if (unusable > 0) throw new CommandError(`${unusable} of ${providers.length} providers cannot be used.`);
  if (failed > 0) throw new CommandError(`${failed} of ${results.length} backends failed.`);
}

/** The sections of a configuration in the order of the example file. */
const SECTIONS: readonly string[] = ["server", "auth", "log", "endpoints"];

function sectionOf({ key }: ShownSetting): number {
  return SECTIONS.indexOf(key.split(".")[0] ?? "");
}

const PROBE_HEADINGS = ["endpoint", "backend", "reachable", "key", "models", "latency", ""];

function probeRow({ endpoint, backend, reachable, key, models, latencyMs, detail }: ProbeResult): string[] {
  return [
    endpoint,
    backend,
    reachable ? "yes" : "no",
    key,
    models === undefined ? "-" : String(models),
    latencyMs === undefined ? "-" : `${Math.round(latencyMs)} ms`,
    detail,
  ];
}
