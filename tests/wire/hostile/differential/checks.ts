/** What must hold of a case. Each check gives a complaint, or undefined. */

import { type Fields, valuesOf } from "../strict_reading.ts";
import type { SeenResponse } from "./response_reader.ts";
import { digestOf, type EchoRecord, parseRecord } from "./echo_record.ts";
import type { CaseArrivals } from "./ledger.ts";
import { markersIn, type Owner } from "./marker.ts";
import type { SentRequest } from "./strict_requests.ts";

/** What the server says that it has read; undefined where the answer is not the echo's. */
export function echoOf(fields: Fields): EchoRecord | undefined {
  const [text] = valuesOf(fields, "x-echo");
  return text === undefined ? undefined : parseRecord(text);
}

/** No marker but the client's own of this case may be in what the client got. */
export function foreignMarker(
  text: string,
  { owner, number }: { owner: Owner; number: number },
): string | undefined {
  const foreign = markersIn(text).find((marker) => marker.owner !== owner || marker.number !== number);
  return foreign &&
    `a marker of ${foreign.owner}, case ${foreign.number}, reached ${owner} in case ${number}`;
}

/** All that a client can read of its answers, the encoded parts included. */
export function legible(answers: readonly SeenResponse[]): string {
  return answers.map(({ fields, body }) => {
    const record = echoOf(fields);
    const lines = fields.map(([name, value]) => `${name}: ${value}`).join("\n");
    return `${lines}\n${body}\n${record?.target ?? ""}\n${record?.body?.begin ?? ""}`;
  }).join("\n");
}

/** The server has read what the client sent. */
export function misread(record: EchoRecord, sent: SentRequest): string | undefined {
  if (!sent.mayBegin) {
    return `a request with a head that breaks the rules reached the server: ${record.target}`;
  }
  // gunicorn writes methods in capitals.
  if (record.method !== sent.method && record.method !== sent.method.toUpperCase()) {
    return `the server read the method ${record.method}, not ${sent.method}`;
  }
  if (pathOf(record.target) !== pathOf(sent.target)) {
    return `the server read the target ${record.target}, not ${sent.target}`;
  }
  if (isComparable(sent.marker) && record.marker !== sent.marker) {
    return `the server read the marker ${JSON.stringify(record.marker)}, not ${JSON.stringify(sent.marker)}`;
  }
  if (isComparable(sent.contentType) && record.contentType !== sent.contentType) {
    return `the server read the content-type ${JSON.stringify(record.contentType)}, not ${
      JSON.stringify(sent.contentType)
    }`;
  }
  const { body } = record;
  if (body === undefined) return undefined;
  if (sent.bodyMayBeHidden && body.length === 0) return undefined;
  if (sent.claimedLength === body.length && digestOf(sent.body.slice(0, body.length)).sha === body.sha) {
    return undefined;
  }
  if (!sent.isWhole) {
    return `the server read a whole request with ${body.length} bytes, which the client's bytes are not`;
  }
  const digest = digestOf(sent.body);
  return body.length === digest.length && body.sha === digest.sha
    ? undefined
    : `the server read a body of ${body.length} bytes (${
      JSON.stringify(body.begin)
    }), not the ${digest.length} of ${sent.target}`;
}

/** Servers join repeated fields or take one of them, and write what is not ASCII in ways of their own. */
function isComparable(value: string): boolean {
  return /^[\x20-\x2b\x2d-\x7e]*$/.test(value);
}

/** An answer belongs to its request, and is in itself as its fields say. */
export function wrongAnswer(answer: SeenResponse, sent: SentRequest | undefined): string | undefined {
  const record = echoOf(answer.fields);
  const [length] = valuesOf(answer.fields, "content-length");
  const hasBody = sent?.method !== "HEAD" && answer.status !== 204 && answer.status !== 304;
  if (hasBody && length !== undefined && Number(length) !== answer.body.length) {
    return `an answer of ${answer.body.length} bytes says that it has ${length}`;
  }
  if (record === undefined) {
    return answer.status >= 400
      ? undefined
      : `a ${answer.status} that no echo gave: ${JSON.stringify(answer.body.slice(0, 200))}`;
  }
  if (sent === undefined) return `an answer to no request of this client: ${JSON.stringify(record.target)}`;
  const complaint = misread(record, sent);
  if (complaint !== undefined) return complaint;
  const [text] = valuesOf(answer.fields, "x-echo");
  return hasBody && answer.body !== text
    ? `an answer's body is not its echo: ${JSON.stringify(answer.body.slice(0, 200))}`
    : undefined;
}

/** What reached the server of a case: each request at most once, and as it was sent. */
export function wrongArrivals(
  { records, violations }: CaseArrivals,
  expected: readonly SentRequest[],
): string | undefined {
  const [violation] = violations;
  if (violation !== undefined) return `the server got what is no request: ${violation}`;
  const byTarget = Map.groupBy(records, ({ target }) => pathOf(target));
  for (const [target, arrived] of byTarget) {
    const sent = expected.find((request) => pathOf(request.target) === target);
    if (sent === undefined) return `the server read a request that nobody sent: ${JSON.stringify(target)}`;
    const complaint = arrived.map((record) => misread(record, sent)).find((found) => found !== undefined);
    if (complaint !== undefined) return complaint;
    if (arrived.length > 1 && !isSentAgain(arrived)) {
      return `the server read ${arrived.length} requests where one was sent: ${target}`;
    }
  }
  return undefined;
}

/**
 * A request on a kept connection may be sent once more on a fresh one, where the kept one ended without an
 * answer.
 */
function isSentAgain([first, second, ...more]: readonly EchoRecord[]): boolean {
  return first !== undefined && second !== undefined && more.length === 0 && first.seen > 1 &&
    second.seen === 1 &&
    first.port !== second.port;
}

/**
 * The server reads the same requests directly as through the proxy, and then the one behind them. It may
 * refuse one that the proxy has made a proper one of, as with an `expect` that nobody knows.
 */
export function readDifferently(
  direct: readonly EchoRecord[],
  { proxied, last, closes }: { proxied: readonly EchoRecord[]; last: string; closes: boolean },
): string | undefined {
  let next = 0;
  for (const record of direct) {
    if (record.target === last) return undefined;
    const found = proxied.findIndex(({ target }, index) =>
      index >= next && pathOf(target) === pathOf(record.target)
    );
    const through = proxied[found];
    if (through === undefined) {
      // Some servers go on where a client has said that it will not.
      if (closes && next === proxied.length) return undefined;
      return `asked directly, the server reads a request that it did not read through the proxy: ${
        JSON.stringify(record.target)
      }`;
    }
    next = found + 1;
    const isSame = record.method === through.method &&
      (record.body === undefined || through.body === undefined || record.body.sha === through.body.sha);
    if (!isSame) {
      return `asked directly, the server reads ${record.method} ${
        JSON.stringify(record.target)
      } with ${record.body?.length} bytes where it read ${through.method} with ${through.body?.length} through the proxy`;
    }
  }
  return undefined;
}

/** The path and the query of a target; an empty query is none. */
function pathOf(target: string): string {
  return target.replace(/^https?:\/\/[^/?#]+/i, "").replace(/\?$/, "");
}
