/** What a case of the corpus is: bytes for the proxy's socket, and what may come of them. */

import { SECRETS } from "../../support/data/secrets.ts";

/** A request that may reach the upstream. */
export interface Arrival {
  /** The whole target, byte for byte. */
  readonly target: string;
  readonly method: string;
  /** In Latin-1. */
  readonly body: string;
}

/** What the proxy makes of a connection's bytes. */
export interface Outcome {
  /** The final answers of the client, in order. */
  readonly statuses: readonly number[];
  /** Exactly these requests, whole and in order. */
  readonly arrivals: readonly Arrival[];
  /** At most this one besides, and never whole. */
  readonly broken?: Arrival;
  /** The connection takes a further request. */
  readonly goesOn: boolean;
}

/** One line of the corpus. */
export interface HostileCase {
  readonly name: string;
  /** What is sent, in Latin-1. */
  readonly bytes: string;
  readonly outcome: Outcome;
  /** The client sends no more, so that a message that is cut short ends. */
  readonly halfCloses?: boolean;
}

/** A family of cases by its name. */
export type Family = readonly [name: string, cases: readonly HostileCase[]];

/** The request line that most cases begin with. */
export const POST = "POST /openai/v1/x HTTP/1.1\r\n";
export const GET = "GET /openai/v1/x HTTP/1.1\r\n";
/** The fields that make a request a proper one of an admitted client. */
export const FIELDS: string = `Host: p\r\nX-Api-Key: ${SECRETS.proxyToken}\r\n`;
/** A head up to the fields that say how long its body is. */
export const HEAD: string = POST + FIELDS;
/** The head of a body in chunks. */
export const CHUNKED: string = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
/** A request that would do harm if it were taken for one. */
export const SMUGGLED: string = `GET /openai/v1/smuggled HTTP/1.1\r\n${FIELDS}\r\n`;

/**
 * The same within a body, which is nobody's but the upstream's; there it must not be taken for a request
 * either.
 */
export const ENCLOSED = "GET /openai/v1/smuggled HTTP/1.1\r\nHost: p\r\n\r\n";

/** Not proper HTTP/1.1: a 400, the connection ends, and nothing of it arrives. */
export function refused(name: string, bytes: string): HostileCase {
  return { name, bytes, outcome: { statuses: [400], arrivals: [], goesOn: false } };
}

/** A head that is longer than the limits: a 431, otherwise like {@link refused}. */
export function tooLarge(name: string, bytes: string): HostileCase {
  return { name, bytes, outcome: { statuses: [431], arrivals: [], goesOn: false } };
}

/** Answered by the proxy alone; the connection goes on. */
export function answered(name: string, bytes: string, status = 400): HostileCase {
  return { name, bytes, outcome: { statuses: [status], arrivals: [], goesOn: true } };
}

/** Legitimate, and forwarded as one request in the proxy's own framing. */
export function forwarded(
  name: string,
  bytes: string,
  { target = "/openai/v1/x", body = "", method, closes = false }: {
    target?: string;
    body?: string;
    method?: string;
    closes?: boolean;
  } = {},
): HostileCase {
  const arrival = { target, body, method: method ?? bytes.slice(0, bytes.indexOf(" ")) };
  return { name, bytes, outcome: { statuses: [200], arrivals: [arrival], goesOn: !closes } };
}

/** Several requests, each answered in its turn. */
export function pipelined(name: string, bytes: string, outcome: Outcome): HostileCase {
  return { name, bytes, outcome };
}

/** A proper head whose body breaks the rules: a 400, and no upstream ever has the body whole. */
export function brokenBody(name: string, bytes: string): HostileCase {
  return { name, bytes, outcome: { statuses: [400], arrivals: [], broken: BROKEN, goesOn: false } };
}

/** A message that the client leaves before its end: the rest of what it sent is not taken for a request. */
export function cutShort(
  name: string,
  bytes: string,
  { answers = [] }: { answers?: number[] } = {},
): HostileCase {
  return {
    name,
    bytes,
    outcome: { statuses: answers, arrivals: [], broken: BROKEN, goesOn: false },
    halfCloses: true,
  };
}

const BROKEN: Arrival = { target: "/openai/v1/x", method: "POST", body: "" };
