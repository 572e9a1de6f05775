/**
 * Exports spans of exchanges and their attempts through the runtime's OpenTelemetry (`OTEL_DENO=true` and the
 * usual `OTEL_…` variables). Names follow the GenAI semantic conventions
 * (https://opentelemetry.io/docs/specs/semconv/gen-ai/). Spans never hold prompts or responses.
 */

import {
  type Attributes,
  type Context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { DIALECT_NAMES, DIALECTS } from "../apis/dialects.ts";
import { recognisedPath } from "../apis/operation_of.ts";
import { factsOf } from "../apis/operations.ts";
import type { ExchangeRecord } from "../exchange_record.ts";
import type { ExchangeRow } from "../storage/store.ts";
import { VERSION } from "../release.ts";

/** The facts of an ended exchange that its spans need. */
export interface TracedExchange {
  readonly row: ExchangeRow;
  readonly record: ExchangeRecord;
  /** The client's `traceparent`. The span joins its trace. `undefined` if the client sent none. */
  readonly traceparent: string | undefined;
}

/** The names of providers in the conventions, by the dialect of the endpoint. */
const PROVIDERS: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  DIALECT_NAMES.map((name) => [name, DIALECTS[name].telemetryName]),
);

/** Makes the function that exports the spans of an exchange. `undefined` if tracing is off. */
export function exchangeTracer(): ((exchange: TracedExchange) => void) | undefined {
  const provider = trace.getTracerProvider();
  const none = new ProxyTracerProvider().getDelegate();
  if (provider instanceof ProxyTracerProvider && provider.getDelegate() === none) return undefined;
  const tracer = trace.getTracer("llm-proxy", VERSION);
  return ({ row, record, traceparent }) => {
    const { startedAt } = row;
    const endedAt = startedAt + row.durationMs;
    const operation = factsOf(recognisedPath(row.path).operation).telemetryName;
    const model = row.modelAsked ?? row.modelAnswered;
    const name = [operation ?? row.method, model ?? row.endpoint].filter((part) => part !== undefined).join(
      " ",
    );
    const span = tracer.startSpan(
      name,
      { kind: SpanKind.SERVER, startTime: startedAt, attributes: attributesOf(row, operation) },
      parentOf(traceparent),
    );
    if (isFailure(row)) span.setStatus({ code: SpanStatusCode.ERROR });
    const within = trace.setSpan(ROOT_CONTEXT, span);
    for (const [index, attempt] of record.attempts.entries()) {
      const next = record.attempts[index + 1]?.afterMs;
      const child = tracer.startSpan(`attempt ${attempt.backend}`, {
        kind: SpanKind.CLIENT,
        startTime: startedAt + attempt.afterMs,
        attributes: { "llm_proxy.backend": attempt.backend, ...genAi(row, operation) },
      }, within);
      if (attempt.detail !== undefined || next === undefined && isFailure(row)) {
        child.setStatus({ code: SpanStatusCode.ERROR });
      }
      child.end(next === undefined ? endedAt : startedAt + next);
    }
    span.end(endedAt);
  };
}

function attributesOf(row: ExchangeRow, operation: string | undefined): Attributes {
  return defined({
    ...genAi(row, operation),
    "gen_ai.response.model": row.modelAnswered,
    "gen_ai.response.finish_reasons": row.stopReason === undefined ? undefined : [row.stopReason],
    "gen_ai.usage.input_tokens": row.inputTokens,
    "gen_ai.usage.output_tokens": row.outputTokens,
    "http.request.method": row.method,
    "http.response.status_code": row.status,
    "error.type": isFailure(row) ? (row.ending === "complete" ? String(row.status) : row.ending) : undefined,
    "llm_proxy.endpoint": row.endpoint,
    "llm_proxy.ending": row.ending,
    "llm_proxy.token_id": row.tokenId,
    "llm_proxy.project_id": row.projectId,
    "llm_proxy.cost_micros": row.costMicros,
    "llm_proxy.usage_source": row.usageSource,
  });
}

function genAi(row: ExchangeRow, operation: string | undefined): Attributes {
  return defined({
    "gen_ai.operation.name": operation,
    "gen_ai.provider.name": PROVIDERS[row.provider ?? ""],
    "gen_ai.request.model": row.modelAsked,
  });
}

function defined(attributes: { [name: string]: Attributes[string] | undefined }): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

function isFailure({ status, ending }: ExchangeRow): boolean {
  return ending !== "client_gone" && (status >= 400 || ending !== "complete");
}

/**
 * Returns the parent of a span from W3C Trace Context, version 00. Other versions and invalid values are
 * ignored.
 */
function parentOf(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: parseInt(flags, 16),
    isRemote: true,
  });
}
