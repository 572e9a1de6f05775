/** The tokens that the soak's clients present, from when on each must be refused, and which are in use. */

/** One token's value. */
export interface Credential {
  readonly value: string;
  /** Of the token in the management API, where it is a managed one. */
  readonly tokenId: string | undefined;
  /** Who presents it, as the reverse proxy in front says. */
  readonly address: string;
  /** From `asked` on it may be refused, and from `answered` on it must be; by `performance.now()`. */
  ends: { asked: number; answered: number } | undefined;
}

/** So many that have ended go on being tried. */
const ENDED_TRIED = 20;

export class Credentials {
  /** In use; some end while they are. */
  active: Credential[] = [];
  #ended: Credential[] = [];
  #made = 0;

  /** Those that have ended, the last ones. */
  get tried(): readonly Credential[] {
    return this.#ended;
  }

  /** A value with an address of its own. */
  make(value: string, tokenId?: string): Credential {
    const number = ++this.#made;
    const address = `10.${number >> 16 & 255}.${number >> 8 & 255}.${number & 255}`;
    return { value, tokenId, address, ends: undefined };
  }

  /**
   * All values of a token are asked to end; what comes back is to be called when that has been answered, and
   * gives them.
   */
  ending(tokenId: string | undefined): () => readonly Credential[] {
    const values = this.active.filter((credential) => credential.tokenId === tokenId);
    const asked = performance.now();
    for (const credential of values) {
      const { ends } = credential;
      credential.ends = {
        asked: Math.min(asked, ends?.asked ?? asked),
        answered: ends?.answered ?? Infinity,
      };
    }
    return () => {
      const answered = performance.now();
      for (const { ends } of values) if (ends) ends.answered = Math.min(answered, ends.answered);
      this.sort(answered);
      return values;
    };
  }

  /** Takes those out of use that have ended by now. */
  sort(now: number): void {
    const hasEnded = ({ ends }: Credential): boolean => ends !== undefined && ends.answered <= now;
    this.#ended = [...this.#ended, ...this.active.filter(hasEnded)].slice(-ENDED_TRIED);
    this.active = this.active.filter((credential) => !hasEnded(credential));
  }
}

/** Whether a credential, with which a request began, must be refused, and whether it may have been by now. */
export function refusalOf(
  { ends }: Credential,
  { begunAt, now }: { begunAt: number; now: number },
): "must" | "may" | "never" {
  if (ends === undefined || now < ends.asked) return "never";
  return begunAt > ends.answered ? "must" : "may";
}
