/** What the verified claims of a token say: who the client is, and which project the client belongs to. */

import { sha256 } from "@noble/hashes/sha2.js";
import type { JwtIssuer } from "../../config/config.ts";
import { claimAt } from "../../text/claim_at.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { JwtAccount } from "./client_jwt.ts";

/** The longest claim that identifies a person, and the longest name, in characters. */
const MAX_SUBJECT = 512;
const MAX_NAME = 100;
/** The bytes of a hash that an id has. */
const ID_BYTES = 16;

/** The claims of a token, by their names. */
export type Claims = Readonly<Record<string, unknown>>;

/** A person at a provider, by a token. */
export interface Account extends JwtAccount {
  /** The name of the project; `undefined` if no rule matches. */
  readonly project: string | undefined;
}

/** Returns the account of verified claims, or the claim that is missing or not a text. */
export function accountOf(claims: Claims, issuer: JwtIssuer): Account | { readonly missing: string } {
  const { subjectClaim, nameClaim } = issuer;
  const identity = textOf(claimAt(claims, subjectClaim));
  if (identity === undefined) return { missing: subjectClaim };
  const subject = textOf(claims["sub"]) ?? "";
  const name = textOf(claimAt(claims, nameClaim)) ?? identity;
  return {
    issuer: issuer.issuer,
    subject,
    tokenId: accountId(issuer, identity),
    name: harmlessText(name, MAX_NAME),
    project: projectOf(claims, issuer),
  };
}

/** The id of an account. The database keeps it with usage and spending, so it never changes. */
function accountId({ issuer, subjectClaim }: JwtIssuer, identity: string): string {
  // Two tables can name different claims. The text of one claim must not be the account of another.
  const claim = subjectClaim === "sub" ? [] : [subjectClaim];
  // JSON keeps the texts apart.
  const bytes = new TextEncoder().encode(JSON.stringify([issuer, identity, ...claim]));
  return `jwt_${sha256(bytes).subarray(0, ID_BYTES).toHex()}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= MAX_SUBJECT ? value : undefined;
}

/** The project of the first rule that matches, or else the default project. */
function projectOf(claims: Claims, { projects, defaultProject }: JwtIssuer): string | undefined {
  return projects.find(({ claim, value }) => hasValue(claimAt(claims, claim), value))?.project ??
    defaultProject;
}

function hasValue(claim: unknown, value: string): boolean {
  if (Array.isArray(claim)) return claim.some((item) => isValue(item, value));
  return isValue(claim, value);
}

/** Whether a claim has a value. A number or `true` counts as its text. */
function isValue(claim: unknown, value: string): boolean {
  return typeof claim === "string" ? claim === value : isPlain(claim) && String(claim) === value;
}

function isPlain(claim: unknown): claim is number | boolean {
  return typeof claim === "number" || typeof claim === "boolean";
}
