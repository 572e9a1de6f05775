/**
 * The codes of a login on another machine (RFC 8628): the device code, which only the command knows, and the
 * user code, which a person types.
 */

/** The letters of user codes: without vowels, so that no code is a word (RFC 8628, 6.1). */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";
/** 20 letters at 8 places are 34.5 bits. */
const LENGTH = 8;
const HALF = LENGTH / 2;
const DEVICE_BYTES = 32;
const DEVICE_CODE = /^[\w-]{43}$/;
/** The largest multiple of the number of letters that a byte can have. Larger bytes would favour letters. */
const EVEN_BYTES = 256 - 256 % LETTERS.length;

/** Makes a device code: 256 random bits in base64url. */
export function createDeviceCode(): string {
  return crypto.getRandomValues(new Uint8Array(DEVICE_BYTES)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
}

/** Whether a text has the form of a device code. */
export function isDeviceCode(text: string): boolean {
  return DEVICE_CODE.test(text);
}

/** Makes a user code: eight random letters, like `BCDFGHJK`. */
export function createUserCode(): string {
  let code = "";
  while (code.length < LENGTH) {
    const [byte = EVEN_BYTES] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < EVEN_BYTES) code += LETTERS[byte % LETTERS.length];
  }
  return code;
}

/** A user code as people read it, like `BCDF-GHJK`. */
export function shownUserCode(code: string): string {
  return `${code.slice(0, HALF)}-${code.slice(HALF)}`;
}

/**
 * The user code that a person typed, in small letters too, with or without a separator. Other characters make
 * it a wrong code, which no login has.
 */
export function typedUserCode(text: string): string {
  return text.toUpperCase().replaceAll(/[\s\p{Pd}]/gu, "");
}
