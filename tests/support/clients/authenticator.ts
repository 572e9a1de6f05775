/** An authenticator of passkeys, which can lie. It writes CBOR and DER by itself, and signs with ES256. */

/** What an authenticator and its browser state, and how it can be wrong. */
export interface Lies {
  /** The origin that the browser states; by default that of the page. */
  readonly origin?: string;
  /** The host name for which the authenticator signs; by default that of the options. */
  readonly rpId?: string;
  readonly challenge?: string;
  /** The type of the client data, like `webauthn.get`. */
  readonly type?: string;
  /** By default one more than at the last signature. */
  readonly counter?: number;
  readonly isVerified?: boolean;
  readonly isPresent?: boolean;
  readonly userHandle?: string;
  /** The id in the response of a passkey; by default its own. */
  readonly id?: string;
  /** The format of the attestation; by default `none`. In the other one, the new key signs itself. */
  readonly attestation?: "packed";
  /** Whether the signature is of other bytes. */
  readonly signsOther?: boolean;
}

/** What is used of the options of WebAuthn. */
interface Options {
  readonly challenge: string;
  readonly rpId?: string;
  readonly rp?: { readonly id: string };
  readonly user?: { readonly id: string };
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

export class Authenticator {
  readonly #origin: string;
  readonly #keys: CryptoKeyPair;
  readonly id: string;
  userHandle = "";
  counter = 0;

  private constructor(origin: string, keys: CryptoKeyPair, id: string) {
    this.#origin = origin;
    this.#keys = keys;
    this.id = id;
  }

  /** An authenticator with one passkey, in a browser at a page of an origin. */
  static async at(origin: string): Promise<Authenticator> {
    const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ]);
    return new Authenticator(origin, keys, base64url(crypto.getRandomValues(new Uint8Array(16))));
  }

  /** Another authenticator with the same key. */
  copy(): Authenticator {
    const copy = new Authenticator(this.#origin, this.#keys, this.id);
    copy.userHandle = this.userHandle;
    copy.counter = this.counter;
    return copy;
  }

  /** What `navigator.credentials.create` gives, as JSON. */
  async create(options: Options, lies: Lies = {}) {
    this.userHandle = options.user?.id ?? "";
    const { x = "", y = "" } = await crypto.subtle.exportKey("jwk", this.#keys.publicKey);
    const cose = map([
      [unsigned(1), unsigned(2)],
      [unsigned(3), negative(-7)],
      [negative(-1), unsigned(1)],
      [negative(-2), byteString(bytesOf(x))],
      [negative(-3), byteString(bytesOf(y))],
    ]);
    const id = bytesOf(this.id);
    const credential = join(new Uint8Array(16), Uint8Array.of(id.length >> 8, id.length & 255), id, cose);
    const authData = join(await this.#authenticatorData(options, lies, HAS_CREDENTIAL), credential);
    const clientDataJSON = this.#clientData(options, { type: "webauthn.create", ...lies });
    const signed = join(authData, await sha256(bytesOf(clientDataJSON)));
    const statement = lies.attestation === undefined ? [] : [
      [textString("alg"), negative(-7)],
      [textString("sig"), byteString(await this.#sign(signed))],
    ] as const;
    const attestationObject = map([
      [textString("fmt"), textString(lies.attestation ?? "none")],
      [textString("attStmt"), map(statement)],
      [textString("authData"), byteString(authData)],
    ]);
    return {
      ...this.#credential(lies),
      response: {
        clientDataJSON,
        attestationObject: base64url(attestationObject),
        transports: ["internal", "a way of the future"],
      },
    };
  }

  /** What `navigator.credentials.get` gives, as JSON. */
  async get(options: Options, lies: Lies = {}) {
    const clientDataJSON = this.#clientData(options, { type: "webauthn.get", ...lies });
    const authenticatorData = await this.#authenticatorData(options, lies, 0);
    const signed = join(authenticatorData, await sha256(bytesOf(clientDataJSON)));
    if (lies.signsOther === true) signed[40] = (signed[40] ?? 0) ^ 1;
    return {
      ...this.#credential(lies),
      response: {
        clientDataJSON,
        authenticatorData: base64url(authenticatorData),
        signature: base64url(await this.#sign(signed)),
        userHandle: lies.userHandle ?? this.userHandle,
      },
    };
  }

  async #sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    return der(new Uint8Array(await crypto.subtle.sign(algorithm, this.#keys.privateKey, bytes)));
  }

  #credential({ id = this.id }: Lies) {
    return {
      id,
      rawId: id,
      type: "public-key",
      clientExtensionResults: {},
      authenticatorAttachment: "platform",
    };
  }

  #clientData(options: Options, { origin, challenge, type }: Lies): string {
    const data = {
      type,
      challenge: challenge ?? options.challenge,
      origin: origin ?? this.#origin,
      crossOrigin: false,
    };
    return base64url(new TextEncoder().encode(JSON.stringify(data)));
  }

  async #authenticatorData(options: Options, lies: Lies, more: number): Promise<Uint8Array<ArrayBuffer>> {
    const rpId = lies.rpId ?? options.rpId ?? options.rp?.id ?? "";
    this.counter = lies.counter ?? this.counter + 1;
    const counter = new Uint8Array(4);
    new DataView(counter.buffer).setUint32(0, this.counter);
    const flags = (lies.isPresent === false ? 0 : USER_PRESENT) |
      (lies.isVerified === false ? 0 : USER_VERIFIED) | more;
    return join(await sha256(new TextEncoder().encode(rpId)), Uint8Array.of(flags), counter);
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}

/** The start of an item of CBOR (RFC 8949). */
function head(major: number, value: number): Uint8Array {
  if (value < 24) return Uint8Array.of(major << 5 | value);
  return value < 256
    ? Uint8Array.of(major << 5 | 24, value)
    : Uint8Array.of(major << 5 | 25, value >> 8, value & 255);
}
const unsigned = (value: number) => head(0, value);
const negative = (value: number) => head(1, -1 - value);
const byteString = (bytes: Uint8Array) => join(head(2, bytes.length), bytes);
const textString = (text: string) => join(head(3, text.length), new TextEncoder().encode(text));
const map = (pairs: readonly (readonly [Uint8Array, Uint8Array])[]) =>
  join(head(5, pairs.length), ...pairs.flat());

/** A signature of two numbers as ASN.1, which authenticators send. */
function der(signature: Uint8Array): Uint8Array {
  const numbers = [signature.subarray(0, 32), signature.subarray(32)].map((number) => {
    const start = number.findIndex((byte) => byte !== 0);
    const short = number.subarray(start);
    const positive = (short[0] ?? 0) > 127 ? join(Uint8Array.of(0), short) : short;
    return join(Uint8Array.of(2, positive.length), positive);
  });
  const content = join(...numbers);
  return join(Uint8Array.of(0x30, content.length), content);
}
