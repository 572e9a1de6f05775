import type { Config, TlsConfig } from "../config/config.ts";
import { constrainsAddresses } from "./name_constraints.ts";

/** When warnings begin. */
const SOON_MS = 30 * 24 * 3_600_000;

/** What there is to say about a server's certificate, as sentences without their full stop. */
export async function certificateWarnings({ server }: Pick<Config, "server">): Promise<string[]> {
  if (server.tls === undefined) return [];
  const expiry = await expiryWarning(server.tls.cert, Date.now());
  const pair = await pairWarning(server.tls);
  const constraint = await constraintWarning(server.tls.cert);
  return [expiry, pair, constraint].filter((warning) => warning !== undefined);
}

/** What there is to say about how long a certificate is valid; undefined: nothing. */
export async function expiryWarning(certificate: string, epochMs: number): Promise<string | undefined> {
  // Loaded only where there is one.
  const { X509Certificate } = await import("node:crypto");
  let notAfter: number;
  try {
    notAfter = Date.parse(new X509Certificate(certificate).validTo);
  } catch {
    return undefined; // whoever listens with it says what is wrong
  }
  const date = new Date(notAfter).toISOString().slice(0, 10);
  if (notAfter < epochMs) return `the certificate was valid until ${date}: clients refuse it`;
  return notAfter < epochMs + SOON_MS ? `the certificate is valid until ${date} only: renew it` : undefined;
}

/** Whether a key is the certificate's. */
export async function pairWarning({ cert, key }: TlsConfig): Promise<string | undefined> {
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return undefined;
  } catch {
    return undefined; // of a kind that is not known here; whoever listens with it says more
  }
  return "the private key is not the certificate's: nobody can connect by HTTPS";
}

/** Whether clients built on Bun refuse the certificate for its authority's limits. */
export async function constraintWarning(chain: string): Promise<string | undefined> {
  const { X509Certificate } = await import("node:crypto");
  try {
    const { subjectAltName } = new X509Certificate(chain);
    if (subjectAltName?.includes("IP Address:") !== true || !constrainsAddresses(chain)) return undefined;
  } catch {
    return undefined; // the listener says what is wrong
  }
  return "the certificate's authority limits IP addresses, and clients built on Bun (Claude Code, opencode, Cline) " +
    "refuse such a certificate: run `llm-proxy tls renew --authority`";
}
