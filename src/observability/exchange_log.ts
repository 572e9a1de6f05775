import type { ExchangeRecord } from "../exchange.ts";
import type { Log } from "./log.ts";

/**
 * Returns the logger of ended exchanges. It logs each fault. If the access log is on, it logs each exchange
 * too.
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
