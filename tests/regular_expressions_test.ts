/**
 * Regular expressions read input of clients and upstreams, so they must not try the same characters in
 * several ways. This test searches for forms that do. `linear_cost_test.ts` measures the cost.
 */

import { assertEquals } from "@std/assert";

const SOURCE = new URL("../src/", import.meta.url);
/** Folders whose code reads only files of this machine or texts of its owner, or runs in a browser. */
const OF_THE_OWNER = /^(?:admin\/page|cli|config|connect|demo|service|storage|tls)\/|\.json$/;
const LITERAL =
  /(?<=[=(,:[?|&!]\s*|return\s+|^\s*)\/(?![/*])((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+)\/[a-z]*/gm;

interface Atom {
  /** The text in the pattern. `undefined` for a group, whose characters are not known here. */
  readonly text: string | undefined;
  readonly isRepeated: boolean;
  readonly isOptional: boolean;
}

/** The outermost atoms of a pattern, without those that match no character. */
function atomsOf(pattern: string): Atom[] {
  const atoms: Atom[] = [];
  let at = 0;
  while (at < pattern.length) {
    const rest = pattern.slice(at);
    const text = /^(?:\\[pPkux]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|[^()])/su.exec(rest)?.[0];
    const atom = text ?? groupAt(rest);
    at += atom.length;
    const only = /^\((?:\?:)?((?:\\.|\[(?:\\.|[^\]\\])*\]|[^()|\\[])[*+]\??)\)$/.exec(atom)?.[1];
    if (only !== undefined) {
      atoms.push(...atomsOf(only));
      continue;
    }
    const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(pattern.slice(at))?.[0] ?? "";
    at += quantifier.length;
    if (/^(?:[\^$|]|\\b)$/.test(atom) || /^\(\?<?[=!]/.test(atom)) continue;
    atoms.push({
      text,
      isRepeated: /^(?:[*+]|\{\d+,\})/.test(quantifier),
      isOptional: /^(?:[*?]|\{0,)/.test(quantifier),
    });
  }
  return atoms;
}

function groupAt(rest: string): string {
  let depth = 0;
  for (let at = 0; at < rest.length; at++) {
    if (rest[at] === "\\") at++;
    else if (rest[at] === "[") at += (/^\[(?:\\.|[^\]\\])*/.exec(rest.slice(at))?.[0].length ?? 1) - 1;
    else if (rest[at] === "(") depth++;
    else if (rest[at] === ")" && --depth === 0) return rest.slice(0, at + 1);
  }
  return rest;
}

function overlap(one: string, other: string, flags: string): boolean {
  const [first, second] = [new RegExp(`^(?:${one})$`, flags), new RegExp(`^(?:${other})$`, flags)];
  for (let code = 0; code < 256; code++) {
    const letter = String.fromCharCode(code);
    if (first.test(letter) && second.test(letter)) return true;
  }
  return false;
}

/** The problem of a pattern. `undefined` if it has none of the forms. */
function costOf(pattern: string, flags: string): string | undefined {
  const atoms = atomsOf(pattern);
  const [first] = atoms;
  const isAnchored = pattern.startsWith("^");
  if (!isAnchored && !flags.includes("g") && first?.isRepeated && /(?<!\\)\$$/.test(pattern)) {
    return "begins anywhere with a repeat, and has to reach the end";
  }
  for (const [index, atom] of atoms.entries()) {
    if (!atom.isRepeated || atom.text === undefined) continue;
    for (const next of atoms.slice(index + 1)) {
      if (next.text === undefined) break;
      if (next.isRepeated && overlap(atom.text, next.text, flags.replaceAll(/[gmy]/g, ""))) {
        return `repeats ${atom.text} and then ${next.text}`;
      }
      if (!next.isOptional) break;
    }
  }
  return undefined;
}

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (/\.tsx?$/.test(name)) yield new URL(name, folder);
  }
}

Deno.test("regular expressions: finds the forms whose cost is not linear", () => {
  for (
    const pattern of ["[ \\t]+$", "\\/+$", "^[ \\t]*.*?[ \\t]*$", "^[ \\t]*(.*?)[ \\t]*$", "^a*[b]?[a-c]+$"]
  ) {
    assertEquals(costOf(pattern, "") === undefined, false, pattern);
  }
  for (const pattern of ["^[ \\t]+$", "^\\d+(?:\\.\\d+)?$", "^bearer +(\\S+)$", "^a+b+$", ":[a-z]+$"]) {
    assertEquals(costOf(pattern, ""), undefined, pattern);
  }
});

Deno.test("regular expressions: no pattern for requests and responses has such a form", async () => {
  const found: string[] = [];
  let count = 0;
  for await (const source of sources(SOURCE)) {
    const name = source.href.slice(SOURCE.href.length);
    if (OF_THE_OWNER.test(name)) continue;
    const code = (await Deno.readTextFile(source)).replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
    for (const [literal, pattern = ""] of code.matchAll(LITERAL)) {
      count++;
      const cost = costOf(pattern, literal.slice(pattern.length + 2));
      if (cost !== undefined) found.push(`${name}: ${literal} ${cost}`);
    }
  }
  assertEquals(found, []);
  assertEquals(count > 60, true, `${count} found`);
});
