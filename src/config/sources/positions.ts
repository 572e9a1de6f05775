/** Finds the lines of keys in a configuration file. Loaded only if there is a problem to report. */

import { findNodeAtLocation, parseTree } from "jsonc-parser";
import { type AST, parseTOML } from "toml-eslint-parser";
import type { KeyPath } from "../problem.ts";

/**
 * Finds the line of a key, counted from 1. A key that is not in the file gives the line of the closest table
 * around it. Returns undefined if the file has no such table.
 */
export type LineOf = (path: KeyPath) => number | undefined;

/** Reads the positions of all keys of a valid file. */
export function linesOf(text: string, format: "toml" | "json"): LineOf {
  const find = format === "toml" ? tomlLinesOrNone(text) : jsonLines(text);
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const line = find(path.slice(0, length));
      if (line !== undefined) return line;
    }
    return undefined;
  };
}

/**
 * A file that smol-toml accepts and this parser rejects gives no lines. Smol-toml reads the values because it
 * loads and parses in a third of the time, rejects integers that lose digits, and accepts a byte order mark.
 */
function tomlLinesOrNone(text: string): LineOf {
  try {
    return tomlLines(text);
  } catch {
    return () => undefined;
  }
}

function jsonLines(text: string): LineOf {
  const tree = parseTree(text);
  return (path) => {
    const node = tree && findNodeAtLocation(tree, [...path]);
    return node && text.slice(0, node.offset).split("\n").length;
  };
}

function tomlLines(text: string): LineOf {
  const lines = new Map<string, number>();
  const note = (path: KeyPath, node: AST.TOMLNode) => {
    const key = JSON.stringify(path);
    if (!lines.has(key)) lines.set(key, node.loc.start.line);
  };
  const visitPairs = (pairs: readonly AST.TOMLKeyValue[], base: KeyPath) => {
    for (const pair of pairs) {
      const path = [...base, ...pair.key.keys.map((key) => key.type === "TOMLBare" ? key.name : key.value)];
      note(path, pair);
      visitValue(pair.value, path);
    }
  };
  const visitValue = (node: AST.TOMLContentNode, path: KeyPath) => {
    if (node.type === "TOMLInlineTable") visitPairs(node.body, path);
    if (node.type === "TOMLArray") {
      for (const [index, element] of node.elements.entries()) {
        note([...path, index], element);
        visitValue(element, [...path, index]);
      }
    }
  };
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === "TOMLKeyValue") visitPairs([node], []);
    else {
      for (let length = 1; length <= node.resolvedKey.length; length++) {
        note(node.resolvedKey.slice(0, length), node);
      }
      visitPairs(node.body, node.resolvedKey);
    }
  }
  return (path) => lines.get(JSON.stringify(path));
}
