/** The value of a token for the management API: like that of a client's token, with another prefix. */

import { createTokenValue, isTokenValue } from "./token_value.ts";

const CLIENT_PREFIX = "llmp_";
const PREFIX = "llmpm_";

/** Makes a new value from the system's random numbers. */
export function createManagementTokenValue(): string {
  return PREFIX + createTokenValue().slice(CLIENT_PREFIX.length);
}

/** Whether a text has the form of a management token and a correct checksum. Other texts need no lookup. */
export function isManagementTokenValue(text: string): boolean {
  return text.startsWith(PREFIX) && isTokenValue(CLIENT_PREFIX + text.slice(PREFIX.length));
}
