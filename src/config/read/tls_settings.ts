/** Reads the certificate and private key for HTTPS. */

import * as v from "valibot";
import type { EnvironmentSources } from "../sources/env.ts";
import { reasonOf } from "../problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type { TlsConfig } from "../config.ts";
import type { Section } from "./section.ts";
import { resolveBesideConfig } from "../sources/sources.ts";

/**
 * Certificate and key, each with its variable, its key in the file and the PEM label that the text must
 * contain.
 */
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

/** The PEM text of a certificate or key, and its file if there is one. */
interface PemPart extends Candidate<string> {
  readonly file: string | undefined;
}

/** Reads certificate and key. Returns undefined if neither is set, and after it reported a problem of one. */
export function readTls(
  resolver: Resolver,
  { settings, sources, path }: {
    settings: Section<"server"> | undefined;
    sources: EnvironmentSources;
    /** The path of the configuration file. */
    path: string | undefined;
  },
): TlsConfig | undefined {
  const read = ({ variable, key, label, what }: Part): PemPart | "broken" | undefined => {
    const schema = v.pipe(
      v.string(),
      v.check((text) => label.test(text), `contains no ${what} in PEM format`),
    );
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
  resolver.resolve(["server", "tls"], [isWhole ? { value: "on", at: cert.at } : undefined], {
    fallback: "off",
  });
  if (isWhole) {
    const files = [cert.file, key.file].filter((file) => file !== undefined);
    return { cert: cert.value, key: key.value, files: files.length === 2 ? files : [] };
  }
  if (cert === undefined && key !== undefined) reportMissingPart(resolver, PARTS.cert, PARTS.key);
  if (key === undefined && cert !== undefined) reportMissingPart(resolver, PARTS.key, PARTS.cert);
  return undefined;
}

function reportMissingPart(resolver: Resolver, missing: Part, present: Part): void {
  const isInEnvironment = resolver.has(present.variable);
  const at = isInEnvironment ? `env ${missing.variable}` : ["server", missing.key];
  const other = isInEnvironment ? present.variable : present.key;
  resolver.report(at, `is missing, but ${other} is set: TLS needs both`);
}
