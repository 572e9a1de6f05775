import type { Config, TlsConfig } from "../config/config.ts";
import { constrainsAddresses } from "./name_constraints.ts";

/** The remaining validity at which warnings start. */
const SOON_MS = 30 * 24 * 3_600_000;

/** Warnings about the certificate of the server. Each is a sentence without its full stop. */
export async function certificateWarnings({ server }: Pick<Config, "server">): Promise<string[]> {
  if (server.tls === undefined) return [];
  const expiry = await expiryWarning(server.tls.cert, Date.now());
  const pair = await pairWarning(server.tls);
  const constraint = await constraintWarning(server.tls.cert);
  return [expiry, pair, constraint].filter((warning) => warning !== undefined);
}

/**
 * Returns a warning about a certificate that has expired or expires within 30 days, or undefined for any
 * other certificate.
 */
export async function expiryWarning(certificate: string, epochMs: number): Promise<string | undefined> {
  // Loaded on demand: most proxies have no certificate.
  const { X509Certificate } = await import("node:crypto");
  let notAfter: number;
  try {
    notAfter = Date.parse(new X509Certificate(certificate).validTo);
  } catch {
    return undefined; // the listener reports an invalid certificate
  }
  const date = new Date(notAfter).toISOString().slice(0, 10);
  if (notAfter < epochMs) return `the certificate expired on ${date}: clients reject it`;
  return notAfter < epochMs + SOON_MS ? `the certificate expires on ${date}: renew it` : undefined;
}

/** Returns a warning if the private key does not belong to the certificate, and undefined if it does. */
export async function pairWarning({ cert, key }: TlsConfig): Promise<string | undefined> {
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return undefined;
  } catch {
    return undefined; // an unknown kind of key: the listener reports it if it is invalid
  }
  return "the private key does not match the certificate: no client can connect over HTTPS";
}

/**
 * Returns a warning if clients built on Bun reject the certificate because its CA limits IP addresses, and
 * `undefined` if they accept it.
 */
export async function constraintWarning(chain: string): Promise<string | undefined> {
  const { X509Certificate } = await import("node:crypto");
  try {
    const { subjectAltName } = new X509Certificate(chain);
    if (subjectAltName?.includes("IP Address:") !== true || !constrainsAddresses(chain)) return undefined;
  } catch {
    return undefined; // the listener reports an invalid certificate
  }
  return "the CA of the certificate limits IP addresses, and clients built on Bun (Claude Code, opencode, Cline) " +
    "reject such a certificate: run `llm-proxy tls renew --authority`";
}
