/** `llm-proxy tls …`: a certificate authority of this machine, and a certificate that it signs. */

import { messageOf } from "../../text/error_text.ts";
import {
  describeCertificate,
  issueCertificate,
  type IssuedCertificate,
  namesOutsideConstraints,
  renewAuthority,
} from "../../tls/authority.ts";
import { CommandError } from "../command_error.ts";
import { exists } from "../files.ts";
import { writeResult } from "../output.ts";
import {
  authorityFile,
  type CertificatePaths,
  certificatePaths,
  issuedFiles,
  machineSubject,
  makeCertificate,
  writeCertificateFiles,
} from "./certificate_files.ts";
import { createdText, renewedText, validityText } from "./texts.ts";

/** The options of the commands. */
export interface TlsOptions {
  readonly folder: string;
  /** Names and addresses in addition to those of this machine. */
  readonly name?: readonly string[];
}

/** Creates an authority and a certificate. Throws a {@link CommandError} if one of the files exists. */
export async function tlsInit({ folder, name = [] }: TlsOptions): Promise<void> {
  const paths = certificatePaths(folder);
  for (const path of Object.values(paths)) {
    if (exists(path)) {
      throw new CommandError(
        `${path} exists, and clients may trust it. \`llm-proxy tls renew\` makes a new certificate with it.`,
      );
    }
  }
  const { files, issued } = await makeCertificate(folder, name);
  asCommandError(folder, () => writeCertificateFiles(files));
  writeResult(certificateJson(paths, issued), () => createdText(paths, issued));
}

/**
 * Makes a new certificate with the same authority, for the names of the old certificate, of this machine and
 * of the options. With `authority`, it also renews the certificate of the authority with the same key, and
 * allows the new names.
 */
export async function tlsRenew(
  { folder, name = [], authority: isAuthorityRenewed = false }: TlsOptions & { readonly authority?: boolean },
): Promise<void> {
  const paths = certificatePaths(folder);
  if (exists(paths.authority) && !exists(paths.authorityKey)) {
    throw new CommandError(`${paths.authorityKey} is missing. Put it back for this command.`);
  }
  const before = asCommandError(folder, () => ({
    certificate: Deno.readTextFileSync(paths.authority),
    key: Deno.readTextFileSync(paths.authorityKey),
  }));
  const old = exists(paths.certificate)
    ? describeCertificate(Deno.readTextFileSync(paths.certificate))
    : undefined;
  const subject = machineSubject([...old?.names ?? [], ...old?.addresses ?? [], ...name]);
  const now = isAuthorityRenewed ? await renewAuthority(before, subject, Date.now()) : before;
  const disallowed = namesOutsideConstraints(now.certificate, subject);
  if (disallowed.length > 0) {
    const options = disallowed.map((one) => `--name ${one}`).join(" ");
    throw new CommandError(
      `The authority does not allow ${disallowed.join(", ")}. ` +
        `\`llm-proxy tls renew --authority ${options}\` adds the names. ` +
        `Then each client has to trust the new ${paths.authority}.`,
    );
  }
  const issued = await issueCertificate(now, subject, Date.now());
  asCommandError(folder, () => {
    writeCertificateFiles([
      ...(isAuthorityRenewed ? [authorityFile(paths, now)] : []),
      ...issuedFiles(paths, issued),
    ]);
  });
  const note = renewedText(paths.authority, { before, now, subject });
  writeResult(
    { ...certificateJson(paths, issued), note: note.trim() },
    () => `${validityText(paths, issued)}${note}`,
  );
}

/** Prints the names of the certificate, and how long it is valid. */
export function tlsShow({ folder }: Pick<TlsOptions, "folder">): void {
  const paths = certificatePaths(folder);
  const certificate = asCommandError(folder, () => Deno.readTextFileSync(paths.certificate));
  writeResult(certificateJson(paths, { certificate }), () => validityText(paths, { certificate }));
}

function certificateJson(paths: CertificatePaths, issued: Pick<IssuedCertificate, "certificate">) {
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

/** Runs `work`, and turns a failure of the file system into a {@link CommandError}. */
function asCommandError<Result>(folder: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CommandError(`There is no authority in ${folder}. \`llm-proxy tls init\` creates one.`);
    }
    throw new CommandError(`Cannot use ${folder}: ${messageOf(error)}.`);
  }
}
