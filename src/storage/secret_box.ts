/** Encrypts provider keys at rest, with AES-256-GCM (NIST SP 800-38D). */

const NONCE_BYTES = 12;
const KEY_BYTES = 32;

/** Encrypts and decrypts texts with one key. */
export class SecretBox {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Makes a box. Throws a `RangeError` unless the key has 32 bytes. */
  static async of(key: Uint8Array<ArrayBuffer>): Promise<SecretBox> {
    if (key.length !== KEY_BYTES) {
      throw new RangeError(`the key has ${key.length} bytes instead of ${KEY_BYTES}`);
    }
    return new SecretBox(await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]));
  }

  /**
   * Encrypts a secret. `context` names the place of the secret, such as a project: with another context, the
   * result cannot be decrypted. The result is the nonce, the ciphertext and the tag.
   */
  async seal(secret: string, context: string): Promise<Uint8Array> {
    const encoder = new TextEncoder();
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = new Uint8Array(
      await crypto.subtle.encrypt(
        { name: "AES-GCM", iv: nonce, additionalData: encoder.encode(context) },
        this.#key,
        encoder.encode(secret),
      ),
    );
    const whole = new Uint8Array(NONCE_BYTES + sealed.length);
    whole.set(nonce);
    whole.set(sealed, NONCE_BYTES);
    return whole;
  }

  /**
   * Decrypts a secret. Returns `undefined` if it was encrypted with another key or context, or was changed.
   */
  async open(sealed: Uint8Array, context: string): Promise<string | undefined> {
    const copy = sealed.slice();
    try {
      const plain = await crypto.subtle.decrypt(
        {
          name: "AES-GCM",
          iv: copy.subarray(0, NONCE_BYTES),
          additionalData: new TextEncoder().encode(context),
        },
        this.#key,
        copy.subarray(NONCE_BYTES),
      );
      return new TextDecoder().decode(plain);
    } catch (error) {
      if (error instanceof DOMException) return undefined;
      throw error;
    }
  }
}

/** Makes a random key of 32 bytes. */
export function randomKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}
