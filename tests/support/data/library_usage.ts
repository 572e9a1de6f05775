/** What `@pydantic/genai-prices` reads in an answer of the catalogue, in this project's words. */

import { extractUsage, findProvider } from "@pydantic/genai-prices";
import type { ExpectedUsage, GoldenFile } from "./catalogue.ts";

type Member = keyof ExpectedUsage;

/** The library's members that have a counterpart here. */
const COUNTERPARTS: readonly (readonly [string, Member])[] = [
  ["input_tokens", "inputTokens"],
  ["output_tokens", "outputTokens"],
  ["cache_read_tokens", "cachedTokens"],
  ["cache_write_tokens", "cacheWriteTokens"],
  ["cache_write_1h_tokens", "cacheWriteHourTokens"],
  ["output_reasoning_tokens", "reasoningTokens"],
  ["input_audio_tokens", "inputAudioTokens"],
  ["output_audio_tokens", "outputAudioTokens"],
  ["input_image_tokens", "inputImageTokens"],
  ["output_image_tokens", "outputImageTokens"],
  ["cache_audio_read_tokens", "cachedAudioTokens"],
  ["cache_image_read_tokens", "cachedImageTokens"],
  ["audio_seconds", "inputAudioSeconds"],
  ["web_searches", "webSearches"],
];

/** The members that the library can state at all. */
export const COMPARED_MEMBERS: readonly Member[] = COUNTERPARTS.map(([, ours]) => ours);

/** Whether the library knows how to read answers of a file's provider. */
export function libraryReads(file: GoldenFile): boolean {
  if (file.price_provider === null) return false;
  const provider = findProvider({ providerId: file.price_provider });
  if (provider === undefined) throw new RangeError(`The library has no provider ${file.price_provider}`);
  return (provider.extractors ?? []).length > 0;
}

/** What the library reads, or the message of the error that it throws. */
export function libraryUsage(file: GoldenFile): ExpectedUsage | string {
  const provider = findProvider({ providerId: file.price_provider ?? "" });
  const extractor = provider?.extractors?.find((one) => one.api_flavor === file.price_flavor);
  if (provider === undefined || extractor === undefined) {
    throw new RangeError(`The library has no extractor ${file.price_provider}/${file.price_flavor}`);
  }
  const root = typeof extractor.root === "string" ? extractor.root : extractor.root[0];
  const answer = answersOf(file).findLast((one) => isObject(one) && isObject(one[String(root)]));
  if (answer === undefined) return `no object with ${String(root)}`;
  try {
    const { usage } = extractUsage(provider, answer, extractor.api_flavor);
    return Object.fromEntries(
      COUNTERPARTS.flatMap(([theirs, ours]) => usage[theirs] === undefined ? [] : [[ours, usage[theirs]]]),
    );
  } catch (error) {
    return String(error);
  }
}

/** The objects that may have usage: the body, or each event with the answer that it may wrap. */
function answersOf(file: GoldenFile): unknown[] {
  if (file.content_type === "application/json") return Array.isArray(file.body) ? file.body : [file.body];
  return file.events.flatMap((event) => {
    const text = file.content_type === "application/x-ndjson" ? event : dataOf(event);
    if (!text.startsWith("{")) return [];
    const whole: unknown = JSON.parse(text);
    return isObject(whole) ? [whole.message, whole.response, whole] : [];
  });
}

function dataOf(event: string): string {
  return event.split("\n").find((line) => line.startsWith("data: "))?.slice("data: ".length) ?? "";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
