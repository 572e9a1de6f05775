import * as v from "valibot";
import { ENVIRONMENT_ENDPOINTS } from "../values/presets.ts";
import type { FileConfig } from "../sources/file_schema.ts";
import type { Resolver } from "./resolver.ts";
import { nameSchema, textListSchema, wordSchema } from "../values/values.ts";

/** First path segments that the proxy answers itself. */
const RESERVED_NAMES: readonly string[] = [
  "healthz",
  "health",
  "readyz",
  "manage",
  "admin",
  "metrics",
  "v1",
  "favicon.ico",
  "robots.txt",
];

/**
 * The names of the endpoints to serve: from `ENDPOINTS`, else from the file, else `openai` and `anthropic`.
 */
export function endpointNames(resolver: Resolver, { endpoints = {} }: FileConfig): string[] {
  const inFile = Object.keys(endpoints);
  const byEnvironment = Object.keys(ENVIRONMENT_ENDPOINTS);
  const taken = new Map<string, string>();
  for (const name of inFile) {
    const at = ["endpoints", name];
    const check = v.safeParse(nameSchema, name);
    if (!check.success) resolver.report(at, check.issues[0].message);
    else if (RESERVED_NAMES.includes(name.toLowerCase())) {
      resolver.report(at, `${JSON.stringify(name)} is a path of the proxy itself: choose another name`);
    }
    const other = taken.get(name.toLowerCase());
    if (other !== undefined) resolver.report(at, `differs from ${JSON.stringify(other)} only in capitals`);
    taken.set(name.toLowerCase(), name);
  }
  const known = [...new Set([...inFile, ...byEnvironment])];
  // If all endpoints of the file are invalid, those of the environment do not replace them.
  const fallback = inFile.length > 0 || resolver.hasProblemAt(["endpoints"]) ? inFile : byEnvironment;
  const names = resolver.resolve(["endpoints"], [
    // The valid names are unknown if the file cannot be read.
    resolver.isFileUnreadable ? undefined : resolver.variable("ENDPOINTS", textListSchema(wordSchema(known))),
  ], {
    fallback,
    fallbackAt: inFile.length > 0 ? "file" : "default",
    show: (names) => names.join(", "),
  });
  for (const name of inFile) {
    if (names.includes(name)) continue;
    resolver.warn(["endpoints", name], `is not served: ${resolver.originText("ENDPOINTS")} does not name it`);
  }
  return names;
}
