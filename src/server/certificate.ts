import type { TlsConfig } from "../config/config.ts";
import { messageOf } from "../text/error_text.ts";

/** What certificate and key of a running server are looked after with. */
export interface CertificateParts {
  /** Throws like `Deno.readTextFile`. */
  readonly readTextFile: (path: string) => Promise<string>;
  /** Puts them into use; throws where they cannot be used. */
  readonly use: (tls: TlsConfig) => Promise<void>;
  readonly onRenewed: (tls: TlsConfig) => void;
  readonly onRefused: (reason: string) => void;
}

/** A certificate with its key, whose files may be exchanged at any time. */
export class Certificate {
  readonly #parts: CertificateParts;
  #used: TlsConfig;
  /** What was refused already, so that it is said once. */
  #refused: string | undefined;
  /** One exchange after the other. */
  #exchanging: Promise<void> = Promise.resolve();

  constructor(used: TlsConfig, parts: CertificateParts) {
    this.#used = used;
    this.#parts = parts;
  }

  /** Looks whether the files have changed. Never throws. */
  look(): Promise<void> {
    return this.#exchanging = this.#exchanging.then(() => this.#look());
  }

  /** Puts others into use. Never throws. */
  exchange(tls: TlsConfig): Promise<void> {
    return this.#exchanging = this.#exchanging.then(() => this.#exchange(tls));
  }

  async #exchange(tls: TlsConfig): Promise<void> {
    if (isSame(this.#used, tls)) {
      this.#used = tls;
      return;
    }
    try {
      await this.#parts.use(tls);
      this.#used = tls;
      this.#refused = undefined;
      this.#parts.onRenewed(tls);
    } catch (error) {
      this.#refuse(tls.cert + tls.key, error);
    }
  }

  async #look(): Promise<void> {
    const [certFile, keyFile] = this.#used.files;
    if (certFile === undefined || keyFile === undefined) return;
    try {
      const cert = await this.#parts.readTextFile(certFile);
      const key = await this.#parts.readTextFile(keyFile);
      // Whoever exchanges two files exchanges one after the other: what does not fit now may fit at the next look.
      if (cert + key !== this.#refused) await this.#exchange({ cert, key, files: this.#used.files });
    } catch (error) {
      this.#refuse("unreadable", error);
    }
  }

  #refuse(what: string, error: unknown): void {
    if (this.#refused === what) return;
    this.#refused = what;
    this.#parts.onRefused(messageOf(error));
  }
}

/** What comes by the environment has lost the line break at its end. */
function isSame(one: TlsConfig, other: TlsConfig): boolean {
  return one.cert.trim() === other.cert.trim() && one.key.trim() === other.key.trim();
}
