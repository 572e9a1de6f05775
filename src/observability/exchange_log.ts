import type { ExchangeRecord } from "../exchange_record.ts";
import type { Log } from "./log.ts";

const MICROS_PER_DOLLAR = 1_000_000;

/**
 * Returns the logger of ended exchanges. It logs each fault. If the access log is on, it logs each exchange.
 * If the management plane is on, the line of an exchange has its model, tokens and cost.
 */
export function exchangeLogger(log: Log, { access }: { access: boolean }): (record: ExchangeRecord) => void {
  return (record) => {
    const {
      id,
      method,
      path,
      client,
      principal,
      endpoint,
      backend,
      attempts,
      status,
      bytes,
      ending,
      detail,
      usage,
    } = record;
    const isFault = ending !== "complete" && ending !== "client_gone";
    if (isFault) {
      log("warn", "fault", { code: ending, status, method, path, client, endpoint, backend, id, detail });
    }
    if (!access) return;
    log("info", "exchange", {
      status,
      method,
      path,
      client,
      endpoint,
      backend,
      attempts: attempts.length > 1 ? attempts.length : undefined,
      principal,
      token: record.tokenId,
      model: usage?.modelAnswered ?? usage?.modelAsked,
      input_tokens: usage?.inputTokens,
      output_tokens: usage?.outputTokens,
      cached_tokens: usage?.cachedTokens,
      cost_usd: usage?.costMicros === undefined ? undefined : usage.costMicros / MICROS_PER_DOLLAR,
      usage_source: usage?.usageSource,
      settlement: usage?.settlement,
      bytes,
      ttfb_ms: rounded(record.firstByteMs),
      duration_ms: rounded(record.durationMs),
      ending,
      id,
    });
  };
}

function rounded(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds * 10) / 10;
}
