/** A token of the proxy's, spelled in every way that is promised to be seen, within anything. */

import { findHiddenToken, type OutgoingHead } from "../../../src/auth/hidden_token.ts";
import { concat } from "../../../src/streams/bytes.ts";
import { type FuzzTarget, holds, latin1Text, type Random, utf8 } from "../target.ts";

const TOKENS = ["sk-proxy-Ab3_dE9.xYz~w", "llmp_0123456789abcdefghijklmnopqrstuv", "a?>?>~~o?>b"];

const SPELLINGS: Readonly<Record<string, (token: string, chance: Random, input: Uint8Array) => string>> = {
  plain: (token) => token,
  percent: (token, chance) => percent(token, chance),
  "percent twice": (token, chance) => percent(percent(token, chance), chance),
  backslashes: (token, chance) =>
    [...token].map((sign) => chance.below(2) === 0 ? `\\${sign}` : sign).join(""),
  base64: base64Of("base64"),
  base64url: base64Of("base64url"),
  "base64 in percent": (token, chance, input) => percent(base64Of("base64")(token, chance, input), chance),
  "base64 of both alphabets": (token, chance, input) =>
    [...base64Of("base64")(token, chance, input)].map((sign) =>
      chance.below(2) === 0 ? sign : sign === "+" ? "-" : sign === "/" ? "_" : sign
    ).join(""),
  hexadecimal: (token, { below }) =>
    [...utf8(token).toHex()].map((digit) => below(2) === 0 ? digit : digit.toUpperCase()).join(""),
};

function percent(text: string, { below }: Random): string {
  return [...text].map((sign) =>
    below(2) === 0
      ? sign
      : `%${sign.charCodeAt(0).toString(16)[below(2) === 0 ? "toUpperCase" : "toLowerCase"]()}`
  ).join("");
}

function base64Of(
  alphabet: "base64" | "base64url",
): (token: string, chance: Random, input: Uint8Array) => string {
  return (token, { below }, input) => {
    const before = input.subarray(0, below(5));
    return concat([before, utf8(token), input.subarray(0, below(4))]).toBase64({ alphabet });
  };
}

function headWith(text: string, place: number): OutgoingHead {
  const field = { name: "x-a", lower: "x-a", value: place === 1 ? text : "b" };
  const named = { name: place === 2 ? text : "x-b", lower: "x-b", value: "c" };
  return {
    method: place === 3 ? text : "POST",
    target: place === 0 ? `/v1/${text}` : "/v1",
    fields: [field, named],
  };
}

function check(input: Uint8Array, chance: Random): string {
  const context = latin1Text(input);
  const at = chance.below(context.length + 1);
  const token = chance.pick(TOKENS);
  const spelling = chance.pick(Object.keys(SPELLINGS));
  const spelled = SPELLINGS[spelling]?.(token, chance, input) ?? "";
  const place = chance.below(4);
  // A dot, so that what stands before it is no part of the spelling.
  const head = headWith(`${context.slice(0, at)}.${spelled}${context.slice(at)}`, place);
  holds(findHiddenToken(head, TOKENS) !== undefined, `not seen, ${spelling}: ${JSON.stringify(head)}`);
  holds(findHiddenToken(headWith("plain", place), TOKENS) === undefined, "seen where it is not");
  const alone = findHiddenToken(headWith(context, place), TOKENS);
  return `${spelling} ${alone}`;
}

/** Tokens that are hidden in what goes upstream. */
export const target: FuzzTarget = {
  name: "hidden_token",
  seeds: ["a/b?c=d", "%25%32%35", "\\\\", "dXNlcjpwYXNz", "user:"].map(utf8),
  words: ["%", "%2", "%25", "%5c", "\\", "=", "+", "/", "AA", "00", "%41", "%2525"],
  check,
  read: (input) => findHiddenToken(headWith(latin1Text(input), 0), TOKENS),
};
