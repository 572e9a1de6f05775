/** What requests of both protocols are made of. */

import type { random } from "../../../support/data/random.ts";
import { TOKEN_A } from "./fuzz_case.ts";
import { markerText } from "./marker.ts";

/** Random choices that repeat with their seed. */
export type Source = ReturnType<typeof random>;

/** Requests that are hidden in bodies are counted from here. */
const FIRST_HIDDEN = 100;
const LARGE_BODY_BYTES = 70_000;

/** Whether something happens that happens once in so many times. */
export function oneIn(source: Source, times: number): boolean {
  return source.below(times) === 0;
}

/** A method; most are common ones. */
export function methodOf(source: Source): string {
  if (oneIn(source, 40)) {
    return source.pick(["BREW", "PROPFIND", "get", "QUERY", "TRACE", "M-SEARCH", "LINK"]);
  }
  return source.pick(["GET", "GET", "HEAD", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
}

const SUFFIXES = [
  "/a%2Fb",
  "?a=1&b=%zz",
  "/caf%C3%A9",
  "/x;y=1",
  "//x",
  "?q=/e/echo",
  "/%2e%2e/x",
  "/...",
  "?a=\xe9",
];

/** The path of a request: what the server is to do, and whose request it is. */
export function pathFor(
  source: Source,
  { behaviours, method, marker }: { behaviours: readonly string[]; method: string; marker: string },
): string {
  const behaviour = oneIn(source, 2) ? "echo" : source.pick(["echo", ...behaviours]);
  if (behaviour === "late") {
    const status = method === "HEAD" ? source.pick(["200", "204", "304"]) : source.pick(["204", "304"]);
    const announced = source.pick(["counted", "chunked", "silent"]);
    return `/e/late/${status}/${announced}/${source.pick([0, 0, 1, 2, 4])}/${marker}`;
  }
  const suffix = behaviour === "echo" && oneIn(source, 8) ? source.pick(SUFFIXES) : "";
  return `/e/${behaviour}/${marker}${suffix}`;
}

/** A request in HTTP/1.1 as text, which nobody may take for one where it stands in a body. */
export function hiddenRequest(number: number, index: number): string {
  const marker = markerText("A", number, FIRST_HIDDEN + index);
  return `GET /e/echo/${marker} HTTP/1.1\r\nHost: p\r\nX-Marker: ${marker}\r\n` +
    `Authorization: Bearer ${TOKEN_A}\r\n\r\n`;
}

/** A body: harmless, or made to be taken for something else. */
export function bodyOf(source: Source, { number, index }: { number: number; index: number }): string {
  const marker = markerText("A", number, index);
  const hidden = hiddenRequest(number, index);
  if (oneIn(source, 200)) return `${marker}${"x".repeat(LARGE_BODY_BYTES)}`;
  return source.pick([
    marker,
    `{"marker":"${marker}"}`,
    `body of ${marker}\r\n`,
    `${marker}\r\n\r\n`,
    hidden,
    `\r\n${hidden}`,
    `0\r\n\r\n${hidden}`,
    `${hidden}0\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${marker}`,
    "x",
    "\r\n",
    "0\r\n\r\n",
  ]);
}

/** Cuts a text into pieces anywhere; often not at all. */
export function cut(source: Source, text: string): string[] {
  if (oneIn(source, 2) || text.length < 2) return [text];
  if (oneIn(source, 10)) {
    const single = Math.min(text.length, 150);
    return [...text.slice(0, single), text.slice(single)].filter((piece) => piece !== "");
  }
  const places = Array.from({ length: 1 + source.below(5) }, () => 1 + source.below(text.length - 1));
  const ends = [...new Set([...places, text.length])].sort((one, other) => one - other);
  return ends.map((end, at) => text.slice(ends[at - 1] ?? 0, end));
}
