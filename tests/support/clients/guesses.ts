/**
 * A guess against tokens of which it has more and more right. The tokens differ and not the guess, because
 * the hash of one text takes a little longer than that of another text, whatever it has in common with a
 * token.
 */

import { ManagedTokens } from "../../../src/auth/managed_tokens.ts";
import { sharedTokenCheck } from "../../../src/auth/shared_token.ts";
import { createTokenValue, tokenValueOf } from "../../../src/auth/token_value.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { SecretBox } from "../../../src/storage/secret_box.ts";
import { projectRow, tokenRow } from "../data/rows.ts";
import type { Check, Guess } from "../time/timing.ts";

const PREFIX = "llmp_";
const CHECKSUM_DIGITS = 6;

/** How much of the token the guess has right, from its beginning. */
const SHARES: readonly (readonly [name: string, count: (length: number) => number])[] = [
  ["nothing is right", () => 0],
  ["the first quarter", (length) => Math.floor(length / 4)],
  ["the first half", (length) => Math.floor(length / 2)],
  ["all but the last", (length) => length - 1],
];

/** Tokens as long as the guess. */
export function guessesOf(text: string, checkOf: (token: string) => Check): Guess[] {
  return SHARES.map(([name, count]) => {
    const token = sharing(text, count(text.length));
    return { name, text, open: () => checkOf(token) };
  });
}

/** Tokens of other lengths, which share all that they can. */
export function guessesOfOtherLengths(text: string): Guess[] {
  const tokens: readonly (readonly [name: string, token: string])[] = [
    ["as long, nothing is right", sharing(text, 0)],
    ["the token is its first half", text.slice(0, text.length / 2)],
    ["one is too many", text.slice(0, -1)],
    ["one is missing", `${text}x`],
    ["the token is twice as long", text + text],
    ["the token is a hundred times", text.repeat(100)],
  ];
  return tokens.map(([name, token]) => ({ name, text, open: () => sharedCheck(token) }));
}

/** Managed tokens; the guess has the checksum without which it would not be looked up at all. */
export function managedGuesses(): Guess[] {
  const text = createTokenValue();
  return againstManaged(text, text);
}

/** Managed tokens; the guess has all but its checksum's last digit from where it has all but the last. */
export function misspeltGuesses(): Guess[] {
  const value = createTokenValue();
  return againstManaged(value, sharing(value, value.length - 1));
}

function againstManaged(value: string, text: string): Guess[] {
  const secret = value.slice(PREFIX.length, -CHECKSUM_DIGITS);
  return SHARES.map(([name, count]) => {
    const isNearest = count(secret.length) === secret.length - 1 && text !== value;
    const token = isNearest ? value : tokenValueOf(sharing(secret, count(secret.length)));
    return { name, text, open: () => managedCheck(token) };
  });
}

/** The check of the one token of the configuration. */
export function sharedCheck(token: string): Check {
  return sharedTokenCheck([{ name: "shared", token }]);
}

/** The check of managed tokens, where a value is one of a hundred. */
async function managedCheck(value: string): Promise<Check> {
  const others = Array.from({ length: 99 }, createTokenValue);
  const tokens = [value, ...others].map((value, index) => tokenRow(`t${index}`, "p1", { value }));
  const managed = new ManagedTokens(
    {
      readAccess: () => Promise.resolve({ projects: [projectRow("p1")], tokens, position: 0 }),
      readAccessChanges: () => Promise.resolve(undefined),
      hasAccessChanged: () => false,
    },
    { box: await SecretBox.of(new Uint8Array(32)), clock: systemClock, onUnreadable() {} },
  );
  await managed.refresh();
  return (candidate) => managed.check(candidate);
}

/** On purpose what the program must not do: it ends at the first character that is wrong. */
export function isSameText(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one.charCodeAt(at) !== other.charCodeAt(at)) return false;
  return true;
}

/** The first characters of a text, and another one in the place of each that follows. */
function sharing(text: string, count: number): string {
  return text.slice(0, count) +
    text.slice(count).replace(/[^]/g, (character) => character === "x" ? "y" : "x");
}
