/** The files of a certificate, and of the certificate authority that signs it. */

import { lanAddresses } from "../../config/server_urls.ts";
import {
  createAuthority,
  issueCertificate,
  type IssuedCertificate,
  type Subject,
} from "../../tls/authority.ts";
import { CommandError } from "../command_error.ts";
import { replaceFile } from "../files.ts";

const FILES = {
  authority: "ca.pem",
  authorityKey: "ca-key.pem",
  certificate: "cert.pem",
  key: "key.pem",
} as const;

/** The mode of files with a private key. */
const OWNER_ONLY = 0o600;
/** The mode of certificates, which are not secret. */
const READABLE = 0o644;

/** The paths of a certificate, its key, and the authority with its key. */
export type CertificatePaths = Readonly<Record<keyof typeof FILES, string>>;

/** A file that is not written yet. Its mode lets only the owner read a private key. */
export interface CertificateFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Returns the paths of the files in a folder. */
export function certificatePaths(folder: string): CertificatePaths {
  const inFolder = (name: string): string => `${folder.replace(/[/\\]+$/, "")}/${name}`;
  return {
    authority: inFolder(FILES.authority),
    authorityKey: inFolder(FILES.authorityKey),
    certificate: inFolder(FILES.certificate),
    key: inFolder(FILES.key),
  };
}

/** Creates an authority and a certificate for this machine and further names. Writes no file. */
export async function makeCertificate(
  folder: string,
  names: readonly string[],
): Promise<{ files: CertificateFile[]; issued: IssuedCertificate }> {
  const paths = certificatePaths(folder);
  const subject = machineSubject(names);
  const authority = await createAuthority(subject, Date.now());
  const issued = await issueCertificate(authority, subject, Date.now());
  const files = [
    { path: paths.authorityKey, text: authority.key, mode: OWNER_ONLY },
    authorityFile(paths, authority),
    ...issuedFiles(paths, issued),
  ];
  return { files, issued };
}

/** Returns the file for the certificate of an authority. */
export function authorityFile(
  { authority: path }: CertificatePaths,
  { certificate }: IssuedCertificate,
): CertificateFile {
  return { path, text: certificate, mode: READABLE };
}

/** Returns the files for a certificate and its key. */
export function issuedFiles(
  paths: CertificatePaths,
  { certificate, key }: IssuedCertificate,
): CertificateFile[] {
  return [
    { path: paths.key, text: key, mode: OWNER_ONLY },
    { path: paths.certificate, text: certificate, mode: READABLE },
  ];
}

/** Writes files. It replaces existing files. */
export function writeCertificateFiles(files: readonly CertificateFile[]): void {
  for (const { path, text, mode } of files) replaceFile(path, text, { mode });
}

/**
 * Whether a certificate can be for a text. The text must be an IP address, or a host name that may begin with
 * a wildcard.
 */
export function isSubjectName(text: string): boolean {
  return isAddress(text) || /^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text);
}

function isAddress(text: string): boolean {
  return text.includes(":") || /^\d+(\.\d+){3}$/.test(text);
}

/**
 * Returns the names and addresses of this machine, and further ones. Throws a {@link CommandError} for an
 * invalid name.
 */
export function machineSubject(more: readonly string[]): Subject {
  const host = Deno.hostname().toLowerCase();
  const invalid = more.find((name) => !isSubjectName(name));
  if (invalid !== undefined) {
    throw new CommandError(`--name ${JSON.stringify(invalid)} is neither a host name nor an IP address`, 2);
  }
  const own = [host, ...(host.includes(".") ? [] : [`${host}.local`]), "localhost"];
  const names = [...more.filter((name) => !isAddress(name)), ...own];
  const addresses = [...more.filter(isAddress), ...lanAddresses(), "127.0.0.1", "::1"];
  return { names: [...new Set(names)], addresses: [...new Set(addresses)] };
}
