import type { ExchangeRow } from "../store.ts";

/** What some exchanges add to the counts of a token. */
export interface TokenCount {
  /** The number of requests that passed the limits. */
  count: number;
  /** When the last request began, in milliseconds since 1970. */
  lastUsedAt: number;
}

/** Adds an exchange to the count of its token. */
export function countToken(
  { tokenId, admitted, startedAt, settlement }: ExchangeRow,
  tokens: Map<string, TokenCount>,
): void {
  if (tokenId === undefined || settlement === "settled") return;
  let token = tokens.get(tokenId);
  if (token === undefined) tokens.set(tokenId, token = { count: 0, lastUsedAt: 0 });
  if (admitted) token.count++;
  token.lastUsedAt = Math.max(token.lastUsedAt, startedAt);
}
