import type { TlsConfig } from "../config/config.ts";
import { messageOf } from "../text/error_text.ts";

/** The calls that a {@link Certificate} makes. */
export interface CertificateParts {
  /** Reads a file. Throws the errors of `Deno.readTextFile`. */
  readonly readTextFile: (path: string) => Promise<string>;
  /** Makes the server use the certificate and its key. Throws if the server cannot use them. */
  readonly use: (tls: TlsConfig) => Promise<void>;
  /** Called after the server began to use another certificate. */
  readonly onRenewed: (tls: TlsConfig) => void;
  /** Called when a new certificate cannot be used, with the reason. The server keeps the previous one. */
  readonly onRejected: (reason: string) => void;
}

/** The certificate of a running server and its key. Their files may be replaced at any time. */
export class Certificate {
  readonly #parts: CertificateParts;
  #used: TlsConfig;
  /** The last rejected certificate and key. They are reported only once. */
  #rejected: string | undefined;
  /** Resolves when all replacements that have begun are done. They run one after the other. */
  #replacing: Promise<void> = Promise.resolve();

  constructor(used: TlsConfig, parts: CertificateParts) {
    this.#used = used;
    this.#parts = parts;
  }

  /** Reads the files, and uses the certificate and the key if they have changed. Never throws. */
  reload(): Promise<void> {
    return this.#replacing = this.#replacing.then(() => this.#reload());
  }

  /** Uses another certificate and key from now on. Never throws. */
  replace(tls: TlsConfig): Promise<void> {
    return this.#replacing = this.#replacing.then(() => this.#replace(tls));
  }

  async #replace(tls: TlsConfig): Promise<void> {
    if (isSame(this.#used, tls)) {
      this.#used = tls;
      return;
    }
    try {
      await this.#parts.use(tls);
      this.#used = tls;
      this.#rejected = undefined;
      this.#parts.onRenewed(tls);
    } catch (error) {
      this.#reject(tls.cert + tls.key, error);
    }
  }

  async #reload(): Promise<void> {
    const [certFile, keyFile] = this.#used.files;
    if (certFile === undefined || keyFile === undefined) return;
    try {
      const cert = await this.#parts.readTextFile(certFile);
      const key = await this.#parts.readTextFile(keyFile);
      // The two files are replaced one after the other. If they do not match yet, they may match at the next
      // call.
      if (cert + key !== this.#rejected) await this.#replace({ cert, key, files: this.#used.files });
    } catch (error) {
      this.#reject("unreadable", error);
    }
  }

  #reject(what: string, error: unknown): void {
    if (this.#rejected === what) return;
    this.#rejected = what;
    this.#parts.onRejected(messageOf(error));
  }
}

/**
 * Whether two certificates are equal. A certificate from an environment variable has no line break at its
 * end.
 */
function isSame(one: TlsConfig, other: TlsConfig): boolean {
  return one.cert.trim() === other.cert.trim() && one.key.trim() === other.key.trim();
}
