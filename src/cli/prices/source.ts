/** Where `llm-proxy prices update` takes a list from: a file, or the place where the library publishes it. */

import { isLoopback } from "../../config/read/outbound_proxy.ts";
import {
  checkPriceData,
  MAX_PRICE_BYTES,
  type PriceData,
  PriceDataError,
} from "../../accounting/price_data.ts";
import { parseJson } from "../../accounting/price_list.ts";
import { PRICES_URL } from "../../accounting/published_prices.ts";
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
/** How many problems are listed. */
const MOST_SHOWN = 50;

/** A list, and the day on which it was published at the latest. */
export interface OfferedPrices extends PriceData {
  readonly date: string;
}

/** Reads a file, whose last change is its day. Throws a {@link CommandError}. */
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

/** Fetches the list, through the forward proxy that the environment names. Throws a {@link CommandError}. */
export async function pricesOnline(url: string = PRICES_URL): Promise<OfferedPrices> {
  if (!URL.canParse(url) || !isSafe(new URL(url))) {
    throw new CommandError(`--url ${JSON.stringify(url)} is not an https URL, or one of this machine`, 2);
  }
  const proxy = await loadOutboundProxy(processSources, new URL(url).origin);
  const { status, text } = await withProgress(`Fetching ${url}`, async () => {
    try {
      return await request(url, { proxy, timeoutMs: TIMEOUT_MS, maxBytes: MAX_PRICE_BYTES });
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === "TimeoutError";
      const reason = isLate ? `it took more than ${durationText(TIMEOUT_MS)}` : messageOf(error);
      throw new CommandError(`Cannot fetch ${url}: ${reason}.`);
    }
  });
  if (status !== 200) throw new CommandError(`Cannot fetch ${url}: it answered ${status}.`);
  return checked(text, { name: url, atMs: systemClock.epochMs() });
}

/** Prices decide budgets: nobody on the way may change them. */
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

