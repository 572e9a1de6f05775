import { X509Certificate } from "node:crypto";

/**
 * Whether a certificate's chain ends in an authority that signed itself, which clients do not know by themselves. A
 * public authority leaves its own certificate out.
 */
export function hasSelfSignedRoot(chain: string): boolean {
  const last = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)?.at(-1);
  if (last === undefined) return false;
  try {
    const certificate = new X509Certificate(last);
    return certificate.subject === certificate.issuer;
  } catch {
    return false; // the listener says what is wrong
  }
}
