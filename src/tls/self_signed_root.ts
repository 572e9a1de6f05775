/**
 * Whether a certificate chain (PEM) ends in a self-signed certificate, which clients trust only after the
 * user installs it. Chains of public authorities leave the root certificate out.
 */
export async function hasSelfSignedRoot(chain: string): Promise<boolean> {
  const last = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)?.at(-1);
  if (last === undefined) return false;
  // Loaded on demand: node:crypto takes 20 ms.
  const { X509Certificate } = await import("node:crypto");
  try {
    const certificate = new X509Certificate(last);
    return certificate.subject === certificate.issuer;
  } catch {
    return false; // the listener reports an invalid certificate
  }
}
