/** Made-up exchanges of the last 30 days, and the queries of the admin page over them. */

import type { ExchangeRow, Store } from "../../../src/storage/store.ts";
import { exchangeRow } from "../../support/data/rows.ts";

const DAY_MS = 86_400_000;
const PERIOD_MS = 30 * DAY_MS;
const BATCH = 5_000;

/** Adds exchanges by ten tokens of three projects with five models: those with the numbers `from` to `to`. */
export async function addHistory(
  store: Store,
  { from, to, now }: { readonly from: number; readonly to: number; readonly now: number },
): Promise<void> {
  for (let at = from; at < to; at += BATCH) {
    const length = Math.min(BATCH, to - at);
    await store.addExchanges(Array.from({ length }, (_, index) => madeUp(at + index, now)));
  }
}

/** The queries of the dashboard over these 30 days, for `/manage/usage?`. */
export function usageQueries(now: number): string[] {
  const period = `from=${new Date(now - PERIOD_MS).toISOString()}&time_zone=Europe/Berlin`;
  const groups = ["model", "token", "project", "endpoint", "client"];
  return [
    period,
    ...groups.map((group) => `group=${group}&${period}`),
    ...groups.map((group) => `group=day&split=${group}&${period}`),
    `group=day&${period}`,
  ];
}

function madeUp(number: number, now: number): ExchangeRow {
  const token = number * 7 % 10;
  return exchangeRow({
    requestId: `req_${number}`,
    // Any number of exchanges is spread evenly over the period.
    startedAt: now - Math.floor((number * 0.6180339887498949 % 1) * PERIOD_MS),
    firstByteMs: 100 + number * 7919 % 3_000,
    tokenId: `token ${token}`,
    projectId: `project ${token % 3}`,
    modelAnswered: `model ${number * 31 % 5}`,
    status: number % 50 === 0 ? 500 : 200,
  });
}
