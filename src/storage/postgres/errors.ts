/** Maps errors of PostgreSQL to a {@link StoreError}. The messages contain no value of a row. */

import { StoreError } from "../store.ts";

type Failure = readonly [pattern: RegExp, kind: StoreError["kind"], message: (place: string) => string];

/** By SQLSTATE: appendix A of the manual of PostgreSQL. The first pattern that matches counts. */
const BY_STATE: readonly Failure[] = [
  [/^23505$/, "taken", () => "the name is in use"],
  [/^28/, "unreachable", (place) => `${place} rejects the user or the password`],
  [/^3D000$/, "unreachable", (place) => `${place} does not exist: create the database first`],
  [
    /^(?:08|57P0[1-5])/,
    "unreachable",
    (place) => `${place} cannot be reached: the server stops, starts or closed the connection`,
  ],
  [/^53100$/, "full", (place) => `no space is left for ${place}`],
  [/^(?:53|57014|55P03|40)/, "busy", (place) => `${place} is too busy, or another program has locked it`],
  [/^25006$/, "readonly", (place) => `${place} cannot be written: the server is a read-only copy`],
  [/^42501$/, "readonly", (place) => `${place} cannot be written: its user lacks a right`],
  [/^58/, "io_error", (place) => `${place} cannot be read or written (I/O error of the server)`],
  [
    // If a table is missing, another program removed it. The exchanges to write are not at fault.
    /^(?:XX00[12]|42P01|42703)$/,
    "corrupt",
    (place) => `${place} is damaged, or its tables were changed by another program`,
  ],
];

/** Errors of the connection by their message, because the driver gives some of them no code. */
const BY_MESSAGE: readonly Failure[] = [
  [
    /timeout exceeded when trying to connect|connection timeout|timeout expired|ETIMEDOUT|Query read timeout/,
    "unreachable",
    (place) => `${place} does not answer in time`,
  ],
  [/answer is too long/, "unreachable", (place) => `${place} gives an answer that is too long`],
  [/does not support SSL/, "unreachable", (place) => `${place} does not support TLS, which sslmode requires`],
  [
    /CERT|certificate|altnames|self.signed|unable to verify|UNKNOWN_CA|UnknownIssuer|SIGNATURE/i,
    "unreachable",
    (place) => `${place} has a certificate that is not trusted: check sslmode and sslrootcert`,
  ],
  [
    /ECONNREFUSED|ENOENT|refused|No such file/i,
    "unreachable",
    (place) => `${place} cannot be reached: nothing listens there`,
  ],
  [
    /ENOTFOUND|EAI_AGAIN|dns|lookup/i,
    "unreachable",
    (place) => `${place} cannot be reached: unknown host name`,
  ],
  [/SASL|password/i, "unreachable", (place) => `${place} rejects the user or the password`],
  [/NotCapable|Requires \w+ access/, "failed", (place) => `the program has no permission to use ${place}`],
];

/** Maps an error of the driver. `place` names the database for users. */
export function storeErrorOf(error: unknown, place: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message, name } = partsOf(error);
  const state = /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
  const failures = state === undefined ? BY_MESSAGE : BY_STATE;
  const text = state ?? `${name} ${code} ${message}`;
  for (const [pattern, kind, messageOf] of failures) {
    if (pattern.test(text)) return new StoreError(kind, messageOf(place));
  }
  if (state === undefined) {
    return new StoreError("unreachable", `${place} cannot be reached: the connection broke`);
  }
  // Neither the message of the server nor the error as a cause: both can contain values.
  return new StoreError("failed", `${place} failed (SQLSTATE ${state})`);
}

/** Whether a connection can go on after an error: the server answered, and stays. */
export function isOfStatement(error: unknown): boolean {
  if (error instanceof StoreError) return true;
  const { code } = partsOf(error);
  return /^[0-9A-Z]{5}$/.test(code) && !/^(?:08|57P|XX)/.test(code);
}

function partsOf(error: unknown): { code: string; message: string; name: string } {
  if (!(error instanceof Error)) return { code: "", message: String(error), name: "" };
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return { code, message: error.message, name: error.name };
}
