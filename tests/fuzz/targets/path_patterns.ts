/** Patterns of paths, however a path is spelled, and request targets against the URL standard. */

import { matchesAny } from "../../../src/text/glob.ts";
import { pathAmbiguity, patternProblem } from "../../../src/text/path_patterns.ts";
import { withoutParameter } from "../../../src/http/join_url.ts";
import { ambiguityOf, parseRequestTarget } from "../../../src/http/request_target.ts";
import { type FuzzTarget, holds, latin1Text, type Random, same, utf8 } from "../target.ts";
import { allowsPaths } from "../../support/data/allows_paths.ts";

const MAX_STARS = 4;
/** The defaults of endpoints, and a rule of a token. */
const GROUPS = [["inference", "models"], ["!admin", "!model_management"], ["!files", "!stored"]];

/** The first line is the request target, each other one a pattern. */
function partsOf(input: Uint8Array): { target: string; patterns: readonly string[] } {
  const [line = "", ...patterns] = latin1Text(input).split("\n");
  // No request line lets anything else through.
  const target = line.replaceAll(/[^\x21-\x7e\x80-\xff]/g, "");
  return { target, patterns: patterns.slice(0, 4) };
}

function read(input: Uint8Array): boolean {
  const { target, patterns } = partsOf(input);
  const parsed = parseRequestTarget(target);
  if (parsed.rejection !== undefined) return false;
  pathAmbiguity(parsed.path);
  ambiguityOf(parsed.path);
  withoutParameter(parsed.query, "key");
  return allowsPaths(patterns.filter((pattern) => patternProblem(pattern) === undefined), [parsed.path]);
}

function check(input: Uint8Array, chance: Random): string {
  const { target, patterns } = partsOf(input);
  for (const pattern of patterns) checkGlob(pattern, target);
  const parsed = parseRequestTarget(target);
  if (parsed.rejection !== undefined) return parsed.rejection;
  const { path, query } = parsed;
  holds(path.startsWith("/") && !path.includes("?"), "a path begins with a slash");
  checkUrl(path);
  checkQuery(query);
  const unclear = pathAmbiguity(path);
  if (unclear !== undefined || ambiguityOf(path) !== undefined) return `${unclear} ${ambiguityOf(path)}`;
  const proper = patterns.filter((pattern) => patternProblem(pattern) === undefined);
  const isAllowed = allowsPaths(proper, [path]);
  const spelled = respelled(path, chance);
  same(
    allowsPaths(proper, [spelled]),
    isAllowed,
    `spelling matters, ${JSON.stringify([path, spelled, proper])}`,
  );
  for (const groups of GROUPS) {
    const opened = !allowsPaths(groups, [path]) && allowsPaths(groups, [spelled]);
    holds(!opened, `spelling opens ${JSON.stringify([path, spelled, groups])}`);
  }
  return `${proper.length} ${isAllowed}`;
}

function checkGlob(pattern: string, name: string): void {
  if (pattern.split("*").length > MAX_STARS + 1) return;
  const source = pattern.split("*").map((part) =>
    part.replaceAll(/[^A-Za-z0-9]/g, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)
  ).join("[^]*");
  same(
    matchesAny([pattern], name),
    new RegExp(`^${source}$`, "u").test(name),
    `${JSON.stringify(pattern)}: glob`,
  );
}

/** What is forwarded is what a reader of URLs takes it for: no segment goes away. */
function checkUrl(path: string): void {
  const { pathname } = new URL(`http://a.test${path}`);
  same(decodeURIComponent(pathname), decodeURIComponent(path), "another path for URL");
}

function checkQuery(query: string): void {
  // Without a question mark in front the runtime would take one that belongs to the query.
  const pairs = (text: string): [string, string][] => [...new URLSearchParams(`?${text}`)];
  const left = pairs(withoutParameter(query, "key"));
  holds(left.every(([name]) => name !== "key"), "no key is left");
  // A query may begin with another question mark, so that the name behind one is removed too.
  const others = (all: [string, string][]) => all.filter(([name]) => name !== "key" && name !== "?key");
  same(others(left), others(pairs(query)), "a query without its key");
}

/** The same path as servers take it: letters in percent-encoding, more slashes, other capitals. */
function respelled(path: string, { below }: Random): string {
  let spelled = "";
  for (let at = 0; at < path.length; at++) {
    const sign = path[at] ?? "";
    if (path[at] === "%") {
      spelled += path.slice(at, at += 3);
      at--;
    } else if (sign === "/") spelled += "/".repeat(1 + below(2));
    else if (!/[A-Za-z0-9]/.test(sign)) spelled += sign;
    else if (below(3) === 0) spelled += `%${sign.charCodeAt(0).toString(16)}`;
    else spelled += below(2) === 0 ? sign.toUpperCase() : sign.toLowerCase();
  }
  return below(2) === 0 ? spelled : `${spelled}/`;
}

/** Request targets, and the patterns that allow or forbid them. */
export const target: FuzzTarget = {
  name: "path_patterns",
  seeds: [
    "/v1/chat/completions?key=a&b=c\n/v1/chat/*\n!/v1/files*",
    "/v1/v1/models\n/models\n*files*",
    "/v1beta/models/gemini:generate\n!/models/*\n*",
    "http://h/openai/deployments/x;y/..%2f?api-version=1\n!/v2/*",
    "/%66iles/a%20b\n!*files*secret",
  ].map(utf8),
  words: [
    ..."/\n*!?#%;.\\&= ",
    "/v1",
    "/v2beta1",
    "/files",
    "/v1/organization",
    "/api/delete",
    "/slots/1",
    "/api/chat",
    "/v1/embeddings",
    "%3f",
    "%3b",
    "\n!/v1/files*",
    "\n/v1/*",
    "\n*",
    "\n!*a*b",
    "%2f",
    "%2e%2e",
    "%41",
    "%25",
    "%c3%a9",
    "/..",
    "/.",
    "key=",
    "&key=x",
    "k%65y=",
    "\xe9",
    "http://a",
  ],
  check,
  read,
};
