/** Records exchanges that have ended: in the database, the metrics, the live feed and the traces. */

import { exchangeRow } from "../accounting/exchange_row.ts";
import type { UnpricedModels } from "../accounting/prices/unpriced_models.ts";
import type { Pricer } from "../accounting/prices/cost.ts";
import type { Endpoint } from "../config/config.ts";
import type { ExchangeRecord } from "../exchange_record.ts";
import { fieldValue } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { exchangeTracer } from "../observability/tracing.ts";
import type { ExchangeWriter } from "../storage/exchange_writer.ts";
import type { ExchangeRow } from "../storage/store.ts";
import type { LiveFeed } from "./live_feed.ts";

/** The destinations of an {@link ExchangeRecorder}. */
export interface RecorderParts {
  readonly log: Log;
  readonly writer: Pick<ExchangeWriter, "add">;
  readonly metrics: Pick<Metrics, "ended" | "refused" | "dropped">;
  readonly feed: Pick<LiveFeed, "hasListeners" | "send">;
  /** Exports the spans of an exchange. `undefined` if tracing is off. */
  readonly trace: ReturnType<typeof exchangeTracer>;
  readonly unpriced: Pick<UnpricedModels, "ended">;
  readonly pricer: Pick<Pricer, "library">;
  /** Returns the endpoint of the current configuration with a name. */
  readonly endpointNamed: (name: string | undefined) => Endpoint | undefined;
}

/** Records exchanges that have ended, in this thread and in serving threads. */
export class ExchangeRecorder {
  readonly #parts: RecorderParts;
  #dropped = 0;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** The number of exchanges that could not be recorded since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Records an exchange from its complete record. If the client was not identified, only the metrics count
   * the exchange, as refused. If accounting failed, the metrics count the exchange as dropped.
   */
  record(record: ExchangeRecord, { fields }: Pick<IncomingRequest, "fields">): void {
    const { usage } = record;
    if (usage === undefined) {
      if (record.principal === undefined) this.#parts.metrics.refused(record.ending);
      else this.drop(`the usage of ${record.id} could not be worked out`);
      return;
    }
    const row = exchangeRow(record, usage);
    this.#parts.writer.add(row);
    this.#parts.trace?.({ row, record, traceparent: fieldValue(fields, "traceparent") });
    this.publish(row);
  }

  /** Records the row of an exchange that a serving thread has ended and traced. */
  add(row: ExchangeRow): void {
    this.#parts.writer.add(row);
    this.publish(row);
  }

  /** Counts a row that is in the database or in the queue for it, and sends the row to live listeners. */
  publish(row: ExchangeRow): void {
    const { metrics, unpriced, pricer, feed, endpointNamed } = this.#parts;
    metrics.ended(row);
    unpriced.ended(row, endpointNamed(row.endpoint), pricer.library);
    if (feed.hasListeners) feed.send({ kind: "ended", exchange: row });
  }

  /** Counts an exchange that cannot be recorded. `reason` is a text for the log. */
  drop(reason: string): void {
    // Only the first exchange is logged. The metric counts all of them.
    if (this.#dropped++ === 0) this.#parts.log("error", "usage_dropped", { detail: reason });
    this.#parts.metrics.dropped();
  }
}
