import { processSources } from "../config/env.ts";
import schema from "../config/config.schema.json" with { type: "json" };
import { loadConfig } from "../config/load.ts";
import type { Flags, Setting } from "../config/resolver.ts";
import { warningsOf } from "../config/warnings.ts";
import { certificateWarnings } from "../tls/expiry.ts";
import { CommandError } from "./command_error.ts";
import { writeOut } from "./output.ts";
import { probeBackends, type ProbeResult } from "../probe.ts";

/** `llm-proxy check --schema`: the JSON Schema of configuration files, for editors. */
export function printSchema(): void {
  writeOut(`${JSON.stringify(schema, null, 2)}\n`);
}

/**
 * `llm-proxy check`: says what is wrong with the configuration, or what it comes to and where each value is from.
 * With `online` every backend is asked for its models; throws when one of them fails.
 */
export async function check({ online }: { online: boolean }, flags: Flags): Promise<void> {
  const { config, path, settings, warnings } = await loadConfig(processSources, flags);
  const bySection = (await settings()).toSorted((one, other) => sectionOf(one) - sectionOf(other));
  const rows = bySection.map(({ key, shown, origin }) => [key, shown, origin]);
  writeOut(`${tableText(["setting", "value", "from"], rows)}\n\n`);
  const all = [
    ...warnings.map(({ origin, message }) => `${origin} ${message}`),
    ...warningsOf(config),
    ...await certificateWarnings(config),
  ];
  for (const warning of all) writeOut(`warning: ${warning}\n`);
  writeOut(`The configuration is valid${path === undefined ? "" : ` (${path})`}.\n`);
  if (!online) return;
  const results = await probeBackends(config);
  const header = ["endpoint", "backend", "reachable", "key", "models", "latency", ""];
  writeOut(`\n${tableText(header, results.map(probeRow))}\n`);
  const failed = results.filter(({ ok }) => !ok).length;
  if (failed > 0) throw new CommandError(`${failed} of ${results.length} backends failed.`);
}

/** The order of the example file. */
const SECTIONS: readonly string[] = ["server", "auth", "log", "endpoints"];

function sectionOf({ key }: Setting): number {
  return SECTIONS.indexOf(key.split(".")[0] ?? "");
}

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

/** Columns as wide as what stands in them, the last one excepted. */
function tableText(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
    .join("\n");
}
