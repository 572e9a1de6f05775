/** Reads the list for `llm-proxy prices update` from a file or from the network. */

import { isLoopback } from "../../config/read/outbound_proxy.ts";
import {
  checkPriceData,
  MAX_PRICE_BYTES,
  type PriceData,
  PriceDataError,
} from "../../accounting/prices/price_data.ts";
import { parseJson } from "../../accounting/prices/price_list.ts";
import { PRICES_URL } from "../../accounting/prices/published_prices.ts";
import { systemClock } from "../../time/clock.ts";
import { processSources } from "../../config/sources/env.ts";
import { loadOutboundProxy } from "../../config/load.ts";
import { durationText } from "../../config/values/durations.ts";
import { counted } from "../../text/counted.ts";
import { CommandError } from "../command_error.ts";
import { withProgress } from "../progress.ts";
import { request } from "../request.ts";
import { messageOf } from "../../text/error_text.ts";

const TIMEOUT_MS = 60_000;
/** The most problems that an error lists. */
const MOST_SHOWN = 50;

/** A new list of prices with its date. */
export interface OfferedPrices extends PriceData {
  /** The latest day on which the list can have been published, such as `2026-11-29`. */
  readonly date: string;
}

/**
 * Reads a file. The date of the list is the date of the last change of the file. Throws a
 * {@link CommandError} if the file is not a valid list.
 */
export async function pricesOfFile(path: string): Promise<OfferedPrices> {
  let text: string;
  let changedAt: Date | null;
  try {
    const { size, mtime } = await Deno.stat(path);
    if (size > MAX_PRICE_BYTES) throw new RangeError(`it is longer than ${MAX_PRICE_BYTES} bytes`);
    changedAt = mtime;
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new CommandError(`Cannot read ${path}: ${messageOf(error)}.`);
  }
  const now = systemClock.epochMs();
  return checked(text, { name: path, atMs: Math.min(changedAt?.getTime() ?? now, now) });
}

/**
 * Downloads the list, through the outbound proxy of the environment. Throws a {@link CommandError} if the
 * download fails.
 */
export async function pricesOnline(url: string = PRICES_URL): Promise<OfferedPrices> {
  if (!URL.canParse(url) || !isSafe(new URL(url))) {
    throw new CommandError(
      `--url ${JSON.stringify(url)} is neither an https URL nor an http URL of this machine`,
      2,
    );
  }
  const proxy = await loadOutboundProxy(processSources, new URL(url).origin);
  const { status, text } = await withProgress(`Downloading ${url}`, async () => {
    try {
      return await request(url, { proxy, timeoutMs: TIMEOUT_MS, maxBytes: MAX_PRICE_BYTES });
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === "TimeoutError";
      const reason = isLate ? `it took more than ${durationText(TIMEOUT_MS)}` : messageOf(error);
      throw new CommandError(`Cannot download ${url}: ${reason}.`);
    }
  });
  if (status !== 200) throw new CommandError(`Cannot download ${url}: it answered ${status}.`);
  return checked(text, { name: url, atMs: systemClock.epochMs() });
}

/** Whether no other machine on the network can change the response. Budgets depend on the prices in it. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" ||
    protocol === "http:" && isLoopback(hostname);
}

function checked(text: string, { name, atMs }: { name: string; atMs: number }): OfferedPrices {
  try {
    return { ...checkPriceData(parseJson(text)), date: new Date(atMs).toISOString().slice(0, 10) };
  } catch (error) {
    if (!(error instanceof PriceDataError)) throw error;
    const { problems } = error;
    const shown = problems.slice(0, MOST_SHOWN).map((problem) => `  ${problem}`);
    const more = problems.length > MOST_SHOWN ? [`  and ${problems.length - MOST_SHOWN} more`] : [];
    const count = counted(problems.length, "problem");
    throw new CommandError([`Cannot use ${name}: ${count}.`, ...shown, ...more].join("\n"));
  }
}
