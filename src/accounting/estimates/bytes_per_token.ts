/** The bytes of a token of text. Most tokens have about four characters. */
export const BYTES_PER_TOKEN = 4;
