import { X509Certificate } from "node:crypto";

/**
 * Whether a certificate chain (PEM) ends in a self-signed certificate, which clients trust only after the
 * user installs it. Chains of public authorities leave the root certificate out.
 */
export function hasSelfSignedRoot(chain: string): boolean {
  const last = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)?.at(-1);
  if (last === undefined) return false;
  try {
    const certificate = new X509Certificate(last);
    return certificate.subject === certificate.issuer;
  } catch {
    return false; // the listener reports an invalid certificate
  }
}
