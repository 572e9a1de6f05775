/**
 * What differs between messages on two sides of the proxy, and between requests with the proxy and without
 * it.
 */

import { assertEquals } from "@std/assert";
import type { Message, TappedExchange } from "./tap.ts";

/** An exchange of a client, and what became of it behind the proxy. */
export interface Pair {
  readonly client: TappedExchange;
  readonly upstream: TappedExchange;
}

/** Exchanges of the client, sorted by whether the upstream saw them. */
export interface Pairs {
  readonly pairs: readonly Pair[];
  /** The proxy answered these itself, or their bodies have changed. */
  readonly alone: readonly TappedExchange[];
}

/**
 * Finds the exchange behind the proxy for each exchange of a client: the same method, the target that
 * `targetOf` gives, and the same bytes in the body.
 */
export function pairsOf(
  { client, upstream }: Readonly<Record<"client" | "upstream", readonly TappedExchange[]>>,
  targetOf: (target: string) => string,
): Pairs {
  const left = upstream.filter(({ request }) => !isOfProxy(request));
  const pairs: Pair[] = [];
  const alone: TappedExchange[] = [];
  for (const exchange of client) {
    const fitting = left.filter(({ method, target, request }) =>
      method === exchange.method && target === targetOf(exchange.target) &&
      areEqual(request.body, exchange.request.body)
    );
    // Requests without a body look alike: that with the most lines of the client is its own.
    const own = new Set(exchange.request.lines);
    const shared = ({ request }: TappedExchange) => request.lines.filter((line) => own.has(line)).length;
    const [found] = fitting.toSorted((one, other) => shared(other) - shared(one));
    if (found !== undefined) left.splice(left.indexOf(found), 1);
    if (found === undefined) alone.push(exchange);
    else pairs.push({ client: exchange, upstream: found });
  }
  assertEquals(
    left.map(({ request }) => request.startLine),
    [],
    "the upstream gets only what the client sent",
  );
  return { pairs, alone };
}

function isLength(line: string): boolean {
  return /^content-length:/i.test(line);
}

/** Whether the proxy itself asks, for a list of models. */
export function isOfProxy({ headers }: Message): boolean {
  return headers.some(([name, value]) => name.toLowerCase() === "user-agent" && value === "llm-proxy");
}

/**
 * The lines of a head that are missing on the other side, with `-`, and those that are new there, with `+`.
 * Fails if the other lines have another order. The length of the body is left out: HTTP lets a proxy write it
 * anywhere.
 */
export function changesOf(
  { lines: linesBefore }: Pick<Message, "lines">,
  { lines: linesAfter }: Pick<Message, "lines">,
): string[] {
  const [before, after] = [linesBefore, linesAfter].map((lines) => lines.filter((line) => !isLength(line)));
  if (before === undefined || after === undefined) throw new TypeError("two messages have two heads");
  const added = [...after];
  const kept: string[] = [];
  const removed = before.filter((line) => {
    const index = added.indexOf(line);
    if (index === -1) return true;
    kept.push(line);
    added.splice(index, 1);
    return false;
  });
  const left = [...added];
  const keptAfter = after.filter((line) => {
    const index = left.indexOf(line);
    if (index === -1) return true;
    left.splice(index, 1);
    return false;
  });
  assertEquals(keptAfter, kept, "the order of the other lines");
  return [...removed.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)];
}

/**
 * A request as text for comparisons between two runs of a program: without what is random in each run, and
 * with the members of JSON objects in one order.
 */
export function comparable(
  { method, target, request }: TappedExchange,
  { targetOf, secrets }: { targetOf: (target: string) => string; secrets: readonly string[] },
): string {
  const body = new TextDecoder().decode(request.body);
  const lines = request.lines.filter((line) => !isLength(line));
  const text = [`${method} ${targetOf(target)}`, ...lines, "", sorted(body)].join("\n");
  return secrets.reduce((so, secret) => so.replaceAll(secret, "<key>"), text)
    // The temporary folder of a run.
    .replace(/(?:\/[\w.-]+)*\/[0-9a-f]{8,}\b/g, "<folder>")
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, "<uuid>")
    .replace(/\bses_\w+/g, "<session>")
    .replace(/[0-9a-f]{12,}/gi, "<hex>")
    // Times in milliseconds.
    .replace(/(?<!\d)1[789]\d{11}(?!\d)/g, "<ms>")
    .replace(/\b127\.0\.0\.1:\d+/g, "<address>");
}

function sorted(body: string): string {
  const inOrder = (_: string, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => left < right ? -1 : 1))
      : value;
  return body === "" ? "" : JSON.stringify(JSON.parse(body), inOrder, 1);
}

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
