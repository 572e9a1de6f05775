/** Certificate and key: where they stand, and whether they are whole. */

import * as v from "valibot";
import type { EnvironmentSources } from "../sources/env.ts";
import { reasonOf } from "../problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type { TlsConfig } from "../config.ts";
import type { Section } from "./section.ts";
import { resolveBesideConfig } from "../sources/sources.ts";

/** The two halves of TLS: their variables, their keys in the file, and what they must hold. */
const PARTS = {
  cert: {
    variable: "TLS_CERT",
    key: "tls_cert_file",
    label: /-----BEGIN CERTIFICATE-----/,
    what: "certificate",
  },
  key: {
    variable: "TLS_KEY",
    key: "tls_key_file",
    label: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    what: "private key",
  },
} as const;
type Part = typeof PARTS["cert" | "key"];

/** What was found of a part: its text, and the file that holds it. */
interface PemPart extends Candidate<string> {
  readonly file: string | undefined;
}

/** Undefined where there is none, or what there is has been reported. */
export function readTls(
  resolver: Resolver,
  { settings, sources, path }: {
    settings: Section<"server"> | undefined;
    sources: EnvironmentSources;
    /** The configuration file's. */
    path: string | undefined;
  },
): TlsConfig | undefined {
  const read = ({ variable, key, label, what }: Part): PemPart | "broken" | undefined => {
    const schema = v.pipe(v.string(), v.check((text) => label.test(text), `holds no ${what} in PEM form`));
    if (resolver.has(variable)) {
      const found = resolver.variable(variable, schema);
      return found === undefined ? "broken" : { ...found, file: resolver.fileOf(variable) };
    }
    const named = settings?.[key];
    if (named === undefined) return undefined;
    const at = ["server", key];
    const file = resolveBesideConfig(path, named);
    let text: string;
    try {
      text = sources.readTextFile(file);
    } catch (error) {
      resolver.report(at, `names ${JSON.stringify(named)}, which cannot be read: ${reasonOf(error)}`);
      return "broken";
    }
    const { success, issues } = v.safeParse(schema, text);
    if (success) return { value: text, at, file };
    resolver.report(at, issues[0].message);
    return "broken";
  };
  const cert = read(PARTS.cert);
  const key = read(PARTS.key);
  const isWhole = typeof cert === "object" && typeof key === "object";
  resolver.settle(["server", "tls"], [isWhole ? { value: "on", at: cert.at } : undefined], {
    fallback: "off",
  });
  if (isWhole) {
    const files = [cert.file, key.file].filter((file) => file !== undefined);
    return { cert: cert.value, key: key.value, files: files.length === 2 ? files : [] };
  }
  if (cert === undefined && key !== undefined) reportLacking(resolver, PARTS.cert, PARTS.key);
  if (key === undefined && cert !== undefined) reportLacking(resolver, PARTS.key, PARTS.cert);
  return undefined;
}

function reportLacking(resolver: Resolver, lacking: Part, present: Part): void {
  const isInEnvironment = resolver.has(present.variable);
  const at = isInEnvironment ? `env ${lacking.variable}` : ["server", lacking.key];
  const other = isInEnvironment ? present.variable : present.key;
  resolver.report(at, `is missing, though ${other} is set: TLS needs both`);
}
