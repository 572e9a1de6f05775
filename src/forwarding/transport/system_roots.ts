/** The certificate authorities that the operating system trusts. The runtime itself knows only Mozilla's. */

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
  readonly #files: readonly string[];
  /** Hosts whose certificates need them. The configuration limits their number. */
  readonly #hosts = new Set<string>();
  #certs: readonly string[] = [];

  constructor(files: readonly string[] = FILES) {
    this.#files = files;
  }

  /** The PEM texts that a host needs. Undefined: none, as far as is known. */
  certsFor(host: string): readonly string[] | undefined {
    return this.#hosts.has(host) ? this.#certs : undefined;
  }

  /**
   * Returns the PEM texts for another attempt, after an attempt with `used` met an unknown authority.
   * Undefined: there are no more than those in `used`.
   */
  async moreFor(host: string, used: readonly string[] | undefined): Promise<readonly string[] | undefined> {
    if (used !== undefined) return undefined;
    const text = await this.#read();
    if (text === undefined) return undefined;
    this.#hosts.add(host);
    return this.#certs = [text];
  }

  async #read(): Promise<string | undefined> {
    for (const file of this.#files) {
      try {
        return await Deno.readTextFile(file);
      } catch {
        // The system has another file, or the process may not read it.
      }
    }
    return undefined;
  }
}
