/** Most tokens of text have about four characters. */
export const BYTES_PER_TOKEN = 4;
