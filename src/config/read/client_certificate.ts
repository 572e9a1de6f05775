import type { ConnectionSettings } from "../config.ts";
import type { EnvironmentSources } from "../sources/env.ts";
import { reasonOf } from "../problem.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type { LayeredSettings } from "./layers.ts";

/** What the reader of a client certificate needs besides the settings. */
export interface ClientCertContext {
  readonly resolver: Resolver;
  readonly sources: EnvironmentSources;
  /** Resolves a path that the file holds: a relative path starts at the folder of the file. */
  readonly resolvePath: (path: string) => string;
  /** Scheme, host and port of the upstream. */
  readonly origin: string;
}

/**
 * Reads `client_cert_file` and `client_key_file`. Returns undefined without them, and after it reported a
 * problem.
 */
export function readClientCert(
  settings: LayeredSettings,
  context: ClientCertContext,
): ConnectionSettings["clientCert"] {
  const { resolver, origin } = context;
  const [certFile] = settings.candidates("client_cert_file");
  const [keyFile] = settings.candidates("client_key_file");
  resolver.resolve(settings.keyPath("client_cert_file"), [certFile], { fallback: "none" });
  resolver.resolve(settings.keyPath("client_key_file"), [keyFile], { fallback: "none" });
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    const missing = certFile === undefined ? "client_cert_file" : "client_key_file";
    resolver.report((certFile ?? keyFile)?.at ?? settings.path, `needs ${missing} too`);
    return undefined;
  }
  const cert = readPem(certFile, { label: /-----BEGIN CERTIFICATE-----/, what: "certificate" }, context);
  const key = readPem(
    keyFile,
    { label: /-----BEGIN [A-Z ]*PRIVATE KEY-----/, what: "private key" },
    context,
  );
  if (!origin.startsWith("https:")) {
    resolver.report(certFile.at, "needs an https:// base_url: without TLS there are no certificates");
  }
  if (cert === undefined || key === undefined) return undefined;
  const problem = pairProblem(cert, key);
  if (problem === undefined) return { cert, key };
  resolver.report(certFile.at, problem);
  return undefined;
}

function readPem(
  { value: path, at }: Candidate<string>,
  { label, what }: { readonly label: RegExp; readonly what: string },
  { resolver, sources, resolvePath }: ClientCertContext,
): string | undefined {
  try {
    const text = sources.readTextFile(resolvePath(path));
    if (label.test(text)) return text;
    resolver.report(at, `names ${JSON.stringify(path)}, which contains no ${what} in PEM format`);
  } catch (error) {
    resolver.report(at, `names ${JSON.stringify(path)}, which cannot be read: ${reasonOf(error)}`);
  }
  return undefined;
}

/** The runtime checks a pair when it makes a client for it. No connection is opened. */
function pairProblem(cert: string, key: string): string | undefined {
  try {
    Deno.createHttpClient({ cert, key }).close();
    return undefined;
  } catch {
    return "and client_key_file cannot be used together: the key does not match the certificate, or one of them is damaged";
  }
}
