import type { ExchangeRecord } from "../../exchange_record.ts";
import type { RequestFacts } from "../../payload/request_facts.ts";
import type { SpeedSample } from "./recent_speeds.ts";
import type { ResponseSummary } from "../taps/response_summary.ts";

/** The facts of an exchange that decide whether its response shows the speed of the model. */
export interface SampledExchange {
  /** The name of the client. */
  readonly principal: string;
  readonly facts: Pick<RequestFacts, "choices" | "background">;
  /** Whether the exchange created an object that is settled later. */
  readonly hasCreated: boolean;
}

/**
 * Returns the speed that a response shows. `undefined` if the model did not generate the text during the
 * exchange.
 */
export function speedSample(
  { method, ending, durationMs, attempts }: Pick<
    ExchangeRecord,
    "method" | "ending" | "durationMs" | "attempts"
  >,
  { usage, unfinished }: Pick<ResponseSummary, "usage" | "unfinished">,
  { principal, facts, hasCreated }: SampledExchange,
): SpeedSample | undefined {
  const { outputTokens } = usage;
  // A fetched response was generated earlier, and several choices were generated at the same time.
  const isOneResponse = method === "POST" && ending === "complete" && (facts.choices ?? 1) === 1 &&
    facts.background !== true && !hasCreated && unfinished === undefined &&
    (usage.outputImageTokens ?? 0) + (usage.outputAudioTokens ?? 0) === 0;
  if (!isOneResponse || outputTokens === undefined) return undefined;
  const { afterMs = 0 } = attempts.at(-1) ?? {};
  return { principal, tokens: outputTokens, durationMs: durationMs - afterMs };
}
