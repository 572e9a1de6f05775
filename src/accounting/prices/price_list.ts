/** The file of newer prices, which `llm-proxy prices update` writes and the proxy reads. */

import type { Provider } from "@pydantic/genai-prices";
import * as v from "valibot";
import { checkPriceData, MAX_PRICE_BYTES, PriceDataError } from "./price_data.ts";
import { messageOf } from "../../text/error_text.ts";

/** When the library's built-in list was published. Change it together with the version in deno.json. */
export const BUILT_IN_PRICES = { libraryVersion: "0.1.8", date: "2026-09-23" } as const;

const FORMAT = "llm-proxy prices 1";

/** A list of prices in a file. */
export interface PriceList {
  /** The day of publication, such as `2026-11-29`. */
  readonly date: string;
  /** The version of the list, which is stored with every cost. */
  readonly version: string;
  readonly providers: Provider[];
}

const fileSchema = v.object({
  format: v.literal(FORMAT, "is not a file that llm-proxy prices update wrote"),
  date: v.pipe(v.string(), v.isoDate("has no date")),
  providers: v.unknown(),
}, "is not a file that llm-proxy prices update wrote");

/** Formats a list of prices as a file. */
export function priceFileText({ date, providers }: { date: string; providers: readonly Provider[] }): string {
  return `${JSON.stringify({ format: FORMAT, date, providers })}\n`;
}

/**
 * Parses a file of prices. Throws a {@link PriceDataError} if the file is invalid, or if the built-in list is
 * newer.
 */
export async function parsePriceFile(text: string): Promise<PriceList> {
  const result = v.safeParse(fileSchema, parseJson(text));
  if (!result.success) throw new PriceDataError([result.issues[0].message]);
  const { date, providers } = result.output;
  if (date < BUILT_IN_PRICES.date) throw new PriceDataError([olderText(date)]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return {
    date,
    version: `genai-prices ${date} ${new Uint8Array(digest).toHex().slice(0, 8)}`,
    providers: checkPriceData(providers).providers,
  };
}

/**
 * Reads a file of prices. Resolves to `undefined` if the file does not exist. Throws a {@link PriceDataError}
 * if the file is unusable.
 */
export async function readPriceFile(path: string): Promise<PriceList | undefined> {
  let text: string;
  try {
    if ((await Deno.stat(path)).size > MAX_PRICE_BYTES) {
      throw new PriceDataError([`is longer than ${MAX_PRICE_BYTES} bytes`]);
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof PriceDataError) throw error;
    throw new PriceDataError([`cannot be read: ${messageOf(error)}`]);
  }
  return await parsePriceFile(text);
}

/** Returns the text of the problem that a list is older than the built-in list. */
export function olderText(date: string): string {
  return `is dated ${date}, and the built-in prices are dated ${BUILT_IN_PRICES.date}`;
}

/**
 * Parses JSON, with or without a byte order mark. Throws a {@link PriceDataError} if the text is not JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new PriceDataError(["is not JSON"]);
  }
}
