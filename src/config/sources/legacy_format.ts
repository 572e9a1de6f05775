/**
 * Translates the format of an earlier program:
 * `{"primary_backends": [{name, url, model}], "settings": {"timeout": 30}}`.
 */

import { isTable } from "./expand.ts";
import type { Finding, KeyPath } from "../problem.ts";

/** A file of the legacy format in the current format. */
export interface TranslatedFile {
  /** The parsed file in the current format. */
  readonly tree: unknown;
  /** Maps a key of {@link tree} to the key in the file as it is written. */
  readonly placeOf: (path: KeyPath) => KeyPath;
  /** A warning for each key that has no effect. */
  readonly warnings: readonly Finding[];
}

/** The name of the endpoint that a legacy file configures. */
const ENDPOINT = "primary";
/** The keys of a legacy backend and their names in the current format. */
const BACKEND_KEYS: Readonly<Record<string, string>> = { name: "name", url: "base_url", model: "model" };

/** Translates a file of the legacy format. Returns undefined if the file already has the current format. */
export function translateLegacyFormat(tree: unknown): TranslatedFile | undefined {
  if (!isTable(tree) || !Array.isArray(tree["primary_backends"])) return undefined;
  const warnings: Finding[] = [];
  const warnOfUnused = (table: Record<string, unknown>, path: KeyPath, used: readonly string[]) => {
    for (const key of Object.keys(table)) {
      if (!used.includes(key)) warnings.push({ at: [...path, key], message: "is not used" });
    }
  };
  warnOfUnused(tree, [], ["primary_backends", "settings"]);
  const settings = isTable(tree["settings"]) ? tree["settings"] : {};
  warnOfUnused(settings, ["settings"], ["timeout"]);

  // The indexes of backends with a URL. The earlier program ignored backends without one.
  const indexes: number[] = [];
  const backends = tree["primary_backends"].flatMap((backend, index) => {
    if (isTable(backend) && (backend["url"] ?? "") === "") {
      warnings.push({ at: ["primary_backends", index], message: "has no url and is not used" });
      return [];
    }
    indexes.push(index);
    if (!isTable(backend)) return [backend];
    warnOfUnused(backend, ["primary_backends", index], Object.keys(BACKEND_KEYS));
    const pairs = Object.entries(BACKEND_KEYS).filter(([key]) => (backend[key] ?? "") !== "");
    return [Object.fromEntries(pairs.map(([key, name]) => [name, backend[key]]))];
  });
  const { timeout } = settings;
  return {
    tree: {
      server: { default_endpoint: ENDPOINT },
      endpoints: {
        [ENDPOINT]: {
          provider: "openai",
          api_key: "passthrough",
          ...(timeout !== undefined && { connect_timeout: timeout, first_byte_timeout: timeout }),
          backends,
        },
      },
    },
    placeOf: ([first, , third, index, key]) => {
      if (first === "endpoints" && third === "backends") {
        const place = ["primary_backends", ...(typeof index === "number" ? [indexes[index] ?? index] : [])];
        const was = Object.entries(BACKEND_KEYS).find(([, name]) => name === key)?.[0];
        return was === undefined ? place : [...place, was];
      }
      return typeof third === "string" && third.endsWith("_timeout") ? ["settings", "timeout"] : [];
    },
    warnings,
  };
}
