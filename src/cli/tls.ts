/** `llm-proxy tls …`: a certificate for this machine, by this machine's own authority. */

import { lanAddresses } from "../config/server_urls.ts";
import {
  createAuthority,
  describeCertificate,
  issueCertificate,
  type IssuedCertificate,
  namesOutsideConstraints,
  renewAuthority,
  type Subject,
} from "../tls/authority.ts";
import { constrainsAddresses } from "../tls/name_constraints.ts";
import { CommandError } from "./command_error.ts";
import { writeAnswer } from "./output.ts";

/** What the commands take. */
export interface TlsOptions {
  /** Where the files are. */
  readonly folder: string;
  /** Names and addresses besides those of this machine. */
  readonly name: readonly string[];
}

const FILES = {
  authority: "ca.pem",
  authorityKey: "ca-key.pem",
  certificate: "cert.pem",
  key: "key.pem",
} as const;
const OWNER_ONLY = 0o600;
const FOR_ALL = 0o644;

/** A file of a certificate or an authority, before it is written. */
export interface CertificateFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Makes an authority and a certificate by it, for this machine. Nothing is written. */
export async function makeCertificate(
  { folder, name }: TlsOptions,
): Promise<{ files: CertificateFile[]; issued: IssuedCertificate }> {
  const paths = certificatePaths(folder);
  const subject = subjectOf(name);
  const authority = await createAuthority(subject, Date.now());
  const issued = await issueCertificate(authority, subject, Date.now());
  const files = [
    { path: paths.authorityKey, text: authority.key, mode: OWNER_ONLY },
    { path: paths.authority, text: authority.certificate, mode: FOR_ALL },
    { path: paths.key, text: issued.key, mode: OWNER_ONLY },
    { path: paths.certificate, text: issued.certificate, mode: FOR_ALL },
  ];
  return { files, issued };
}

/** Makes an authority and a certificate; never in place of others. */
export async function tlsInit({ folder, name }: TlsOptions): Promise<void> {
  const paths = certificatePaths(folder);
  for (const path of Object.values(paths)) {
    if (exists(path)) {
      throw new CommandError(
        `${path} exists, and clients may trust it: \`llm-proxy tls renew\` makes a new certificate by it.`,
      );
    }
  }
  const { files, issued } = await makeCertificate({ folder, name });
  inWords(folder, () => {
    Deno.mkdirSync(folder, { recursive: true });
    for (const { path, text, mode } of files) write(path, text, mode);
  });
  writeAnswer(shownIssued(paths, issued), () =>
    `${madeText(paths, issued)}
Serve with it:

  TLS_CERT_FILE=${paths.certificate}
  TLS_KEY_FILE=${paths.key}
  HTTPS_PORT=33443         # beside the plain PORT; without it PORT itself speaks HTTPS

${trustText(paths.authority)}
Of names the authority can sign for .local and the like and those above alone; of IP addresses for each one,
since clients built on Bun refuse an authority that limits addresses. A person who has ${paths.authorityKey} can
do so too: the file is needed for \`llm-proxy tls renew\` only, and may be kept elsewhere.
`);
}

/**
 * Makes a new certificate by the same authority, for the names of before and those of this machine now. With
 * `authority` the authority's own certificate is made again too, by its key, and may sign for the further names.
 */
export async function tlsRenew(
  { folder, name, authority: isAuthorityRenewed = false }: TlsOptions & { readonly authority?: boolean },
): Promise<void> {
  const paths = certificatePaths(folder);
  if (exists(paths.authority) && !exists(paths.authorityKey)) {
    throw new CommandError(`${paths.authorityKey} is not there: bring it back for this command.`);
  }
  const present = inWords(folder, () => ({
    certificate: Deno.readTextFileSync(paths.authority),
    key: Deno.readTextFileSync(paths.authorityKey),
  }));
  const before = exists(paths.certificate)
    ? describeCertificate(Deno.readTextFileSync(paths.certificate))
    : undefined;
  const subject = subjectOf([...before?.names ?? [], ...before?.addresses ?? [], ...name]);
  const authority = isAuthorityRenewed ? await renewAuthority(present, subject, Date.now()) : present;
  const refused = namesOutsideConstraints(authority.certificate, subject);
  if (refused.length > 0) {
    throw new CommandError(
      `The authority was not made for ${refused.join(", ")}: ` +
        `\`llm-proxy tls renew --authority ${
          refused.map((one) => `--name ${one}`).join(" ")
        }\` makes it so. ` +
        `Each client then has to trust the new ${paths.authority}.`,
    );
  }
  const issued = await issueCertificate(authority, subject, Date.now());
  inWords(folder, () => {
    if (isAuthorityRenewed) write(paths.authority, authority.certificate, FOR_ALL);
    writeIssued(paths, issued);
  });
  const words = renewedText(paths.authority, { present, authority, subject });
  writeAnswer(
    { ...shownIssued(paths, issued), note: words.trim() },
    () => `${madeText(paths, issued)}${words}`,
  );
}

/** Says for which names the certificate is, and until when. */
export function tlsShow({ folder }: Pick<TlsOptions, "folder">): void {
  const paths = certificatePaths(folder);
  const certificate = inWords(folder, () => Deno.readTextFileSync(paths.certificate));
  writeAnswer(shownIssued(paths, { certificate }), () => madeText(paths, { certificate }));
}

/** What a renewal means to clients. */
function renewedText(
  path: string,
  { present, authority, subject }: {
    present: IssuedCertificate;
    authority: IssuedCertificate;
    subject: Subject;
  },
): string {
  const taken = "A running proxy takes it by itself";
  if (authority === present) {
    return `${taken}; nobody has to trust another authority.\n` +
      (constrainsAddresses(present.certificate)
        ? `\n${path} limits IP addresses, and clients built on Bun (Claude Code, opencode, Cline) refuse certificates by it: run \`llm-proxy tls renew --authority\`.\n`
        : "");
  }
  return namesOutsideConstraints(present.certificate, subject).length > 0
    ? `${taken}. Each client has to trust the new ${path}: the one of before was not made for all these names.\n`
    : `${taken}. Clients that trust the ${path} of before go on with it; clients built on Bun (Claude Code, opencode, Cline) need the new one.\n`;
}

/** The files of a certificate and its authority. */
export type Paths = Readonly<Record<keyof typeof FILES, string>>;

/** Where they are in a folder. */
export function certificatePaths(folder: string): Paths {
  const inFolder = (name: string): string => `${folder.replace(/[/\\]+$/, "")}/${name}`;
  return {
    authority: inFolder(FILES.authority),
    authorityKey: inFolder(FILES.authorityKey),
    certificate: inFolder(FILES.certificate),
    key: inFolder(FILES.key),
  };
}

/** Whether a certificate can be made for a text: a host name, with a wildcard at most, or an address. */
export function isSubjectName(text: string): boolean {
  return isAddress(text) || /^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text);
}

function isAddress(text: string): boolean {
  return text.includes(":") || /^\d+(\.\d+){3}$/.test(text);
}

/** Everything by which this machine is called, and what was asked for. */
function subjectOf(more: readonly string[]): { names: string[]; addresses: string[] } {
  const host = Deno.hostname().toLowerCase();
  for (const name of more) {
    if (isSubjectName(name)) continue;
    throw new CommandError(`--name ${JSON.stringify(name)} is neither a host name nor an address`, 2);
  }
  const own = [host, ...(host.includes(".") ? [] : [`${host}.local`]), "localhost"];
  const names = [...more.filter((name) => !isAddress(name)), ...own];
  const addresses = [...more.filter(isAddress), ...lanAddresses(), "127.0.0.1", "::1"];
  return { names: [...new Set(names)], addresses: [...new Set(addresses)] };
}

function writeIssued(paths: Paths, { certificate, key }: IssuedCertificate): void {
  write(paths.key, key, OWNER_ONLY);
  write(paths.certificate, certificate, FOR_ALL);
}

function shownIssued(paths: Paths, issued: Pick<IssuedCertificate, "certificate">) {
  const { names, addresses, notAfter } = describeCertificate(issued.certificate);
  return {
    certificate: paths.certificate,
    key: paths.key,
    authority: paths.authority,
    authority_key: paths.authorityKey,
    names,
    addresses,
    valid_until: notAfter.toISOString(),
  };
}

/** Whole or not at all, whoever looks at it meanwhile. */
function write(path: string, text: string, mode: number): void {
  const draft = `${path}.new`;
  Deno.writeTextFileSync(draft, text, { mode });
  Deno.renameSync(draft, path);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A failure of the file system in one line. */
function inWords<Result>(folder: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CommandError(`There is no authority in ${folder}: \`llm-proxy tls init\` makes one.`);
    }
    throw new CommandError(`Cannot use ${folder}: ${error instanceof Error ? error.message : error}.`);
  }
}

function madeText({ certificate }: Paths, issued: Pick<IssuedCertificate, "certificate">): string {
  const { names, addresses, notAfter } = describeCertificate(issued.certificate);
  return `${certificate} is valid until ${notAfter.toISOString().slice(0, 10)} for
${[...names, ...addresses].join(", ")}.
`;
}

/** How each system comes to trust an authority. */
export function trustText(authority: string): string {
  return `Let each machine that uses the proxy trust ${authority} (copy it there; it holds no secret):

  macOS           sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ca.pem
  Windows         certutil -addstore -f ROOT ca.pem        (as administrator)
  Debian, Ubuntu  sudo cp ca.pem /usr/local/share/ca-certificates/llm-proxy.crt && sudo update-ca-certificates
  Fedora, Arch    sudo trust anchor ca.pem
  Chrome on Linux certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n llm-proxy -i ca.pem        (libnss3-tools)
  iPhone, iPad    open ca.pem, install the profile, then Settings > General > About > Certificate Trust Settings
  Android         Settings > Security > Encryption & credentials > Install a certificate > CA certificate
  Firefox         Settings > Privacy & Security > Certificates > View Certificates > Import

  Node.js         NODE_EXTRA_CA_CERTS=ca.pem
  Python          SSL_CERT_FILE=ca.pem, for requests REQUESTS_CA_BUNDLE=ca.pem (in place of the usual ones)
  Deno            DENO_CERT=ca.pem
  curl            curl --cacert ca.pem
`;
}
