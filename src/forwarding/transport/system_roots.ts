/** The certificate authorities that the operating system trusts. The runtime itself knows only Mozilla's. */

import type { AuthorityPlaces } from "../../config/config.ts";

/** The files in which Linux and BSD systems keep all authorities: Debian, Fedora, SUSE and Alpine, BSD. */
const FILES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * The authorities of the operating system, such as that of a company. Only upstreams with a certificate by an
 * authority that Mozilla does not know use them, because they cost 4 ms for each connection.
 */
export class SystemRoots {
  readonly #systemFiles: readonly string[];
  #files: readonly string[] = [];
  #folders: readonly string[] = [];
  /** Hosts whose certificates need them. The configuration limits their number. */
  readonly #hosts = new Set<string>();
  #certs: readonly string[] = [];

  /**
   * `places` is undefined for the files of the operating system. `files` are these files; the first one
   * counts.
   */
  constructor(places: AuthorityPlaces | undefined, files: readonly string[] = FILES) {
    this.#systemFiles = files;
    this.configure(places);
  }

  /** Uses other places, as the constructor takes them. Reads all files again when a host needs them. */
  configure(places: AuthorityPlaces | undefined): void {
    this.#files = places?.file === undefined ? this.#systemFiles : [places.file];
    this.#folders = places?.folders ?? [];
    this.#hosts.clear();
  }

  /** The PEM texts that a host needs. `undefined` if it needs none, as far as is known. */
  certsFor(host: string): readonly string[] | undefined {
    return this.#hosts.has(host) ? this.#certs : undefined;
  }

  /**
   * Returns the PEM texts for another attempt, after an attempt with `used` met an unknown authority.
   * `undefined` if there are no more than those in `used`.
   */
  async moreFor(host: string, used: readonly string[] | undefined): Promise<readonly string[] | undefined> {
    if (used !== undefined) return undefined;
    const texts = new Set<string>();
    const file = await this.#readFile();
    if (file !== undefined) texts.add(file);
    for (const folder of this.#folders) {
      for (const text of await certificatesIn(folder)) texts.add(text);
    }
    if (texts.size === 0) return undefined;
    this.#hosts.add(host);
    return this.#certs = [...texts];
  }

  async #readFile(): Promise<string | undefined> {
    for (const file of this.#files) {
      try {
        const text = await Deno.readTextFile(file);
        if (hasCertificates(text)) return text;
      } catch {
        // The system has another file, or the process may not read it.
      }
    }
    return undefined;
  }
}

/**
 * The texts of the files of a folder that have certificates. The names by which OpenSSL finds a certificate
 * are links within the folder, and are left out.
 */
async function certificatesIn(folder: string): Promise<string[]> {
  const texts: string[] = [];
  try {
    for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory || isSymlink && !/[/\\]/.test(await Deno.readLink(path))) continue;
      const text = await Deno.readTextFile(path).catch(() => "");
      if (hasCertificates(text)) texts.push(text);
    }
  } catch {
    // The folder is missing, or the process may not read it.
  }
  return texts;
}

function hasCertificates(text: string): boolean {
  return text.includes("-----BEGIN CERTIFICATE-----");
}
