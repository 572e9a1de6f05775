/** The texts that the commands of `llm-proxy tls` print. */

import {
  describeCertificate,
  type IssuedCertificate,
  namesOutsideConstraints,
  type Subject,
} from "../../tls/authority.ts";
import { constrainsAddresses } from "../../tls/name_constraints.ts";
import type { CertificatePaths } from "./certificate_files.ts";

const BUN_CLIENTS = "clients built on Bun (Claude Code, opencode, Cline)";

/** Returns the output of `tls init`. */
export function createdText(
  paths: CertificatePaths,
  issued: Pick<IssuedCertificate, "certificate">,
): string {
  return `${validityText(paths, issued)}
To serve with it, set:

  TLS_CERT_FILE=${paths.certificate}
  TLS_KEY_FILE=${paths.key}
  HTTPS_PORT=33443         # a second port, for HTTPS; without it PORT serves HTTPS

${trustText(paths.authority)}
The authority can sign certificates for the names above, for private names like *.local, and for every IP
address: ${BUN_CLIENTS} reject an authority that limits addresses.
Everyone who has ${paths.authorityKey} can sign such certificates. Only \`llm-proxy tls renew\` needs the file, so
you can keep it on another machine.
`;
}

/** Returns a text that says how long a certificate is valid, and for which names. */
export function validityText(
  { certificate }: CertificatePaths,
  issued: Pick<IssuedCertificate, "certificate">,
): string {
  const { names, addresses, notAfter } = describeCertificate(issued.certificate);
  return `${certificate} is valid until ${notAfter.toISOString().slice(0, 10)} for
${[...names, ...addresses].join(", ")}.
`;
}

/** Returns a text that says what a renewal means for the running proxy and for its clients. */
export function renewedText(
  path: string,
  { before, now, subject }: {
    /**
     * The authority before the renewal. It is the same object as after it if the authority was not renewed.
     */
    before: IssuedCertificate;
    now: IssuedCertificate;
    subject: Subject;
  },
): string {
  const inUse = "A running proxy uses it without a restart.";
  if (now === before) {
    return `${inUse} Clients trust it already, because the authority is the same.\n` +
      (constrainsAddresses(before.certificate)
        ? `\n${path} limits IP addresses, and ${BUN_CLIENTS} reject its certificates. ` +
          "Run `llm-proxy tls renew --authority`.\n"
        : "");
  }
  return namesOutsideConstraints(before.certificate, subject).length > 0
    ? `${inUse} Each client has to trust the new ${path}: the old one does not allow all these names.\n`
    : `${inUse} Clients can keep the old ${path}, except ${BUN_CLIENTS}, which need the new one.\n`;
}

/** Returns a text that says how to make each system and runtime trust an authority. */
export function trustText(authority: string): string {
  return `Copy ${authority} to each machine that uses the proxy, and make the machine trust it. The file holds no secret.

  macOS           sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ca.pem
  Windows         certutil -addstore -f ROOT ca.pem        (as administrator)
  Debian, Ubuntu  sudo cp ca.pem /usr/local/share/ca-certificates/llm-proxy.crt && sudo update-ca-certificates
  Fedora, Arch    sudo trust anchor ca.pem
  Chrome on Linux certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n llm-proxy -i ca.pem        (libnss3-tools)
  iPhone, iPad    open ca.pem, install the profile, then Settings > General > About > Certificate Trust Settings
  Android         Settings > Security > Encryption & credentials > Install a certificate > CA certificate
  Firefox         Settings > Privacy & Security > Certificates > View Certificates > Import

  Node.js         NODE_EXTRA_CA_CERTS=ca.pem
  Python          SSL_CERT_FILE=ca.pem, for requests REQUESTS_CA_BUNDLE=ca.pem (replaces the default authorities)
  Deno            DENO_CERT=ca.pem
  curl            curl --cacert ca.pem
`;
}
