/** Reads the prices that the configuration file has for the models of an endpoint. */

import { matchesAny } from "../../text/glob.ts";
import type { Price, PricedModel } from "../config.ts";
import type { KeyPath } from "../problem.ts";
import type { EndpointSettings } from "../sources/file_schema.ts";
import type { Resolver } from "./resolver.ts";

/** Reads the prices by pattern of model names, in the order of the file. Problems go to the resolver. */
export function readPrices(
  prices: NonNullable<EndpointSettings["prices"]>,
  { path, resolver }: { path: KeyPath; resolver: Resolver },
): PricedModel[] {
  resolver.resolve(path, [Object.keys(prices).length > 0 ? { value: prices, at: path } : undefined], {
    fallback: {},
  });
  return Object.entries(prices).flatMap(([pattern, { input, output, ...others }]) => {
    if (input === undefined) resolver.reportMissing([...path, pattern, "input"], "is missing");
    if (output === undefined) resolver.reportMissing([...path, pattern, "output"], "is missing");
    if (input === undefined || output === undefined) return [];
    return [{
      matches: (model: string) => matchesAny([pattern], model),
      input,
      output,
      ...otherPrices(others),
    }];
  });
}

/** The optional prices, by their keys in the file. */
const OTHER_PRICES = {
  cached: "cached",
  cache_write: "cacheWrite",
  cache_write_1h: "cacheWriteHour",
  input_audio: "inputAudio",
  cached_audio: "cachedAudio",
  output_audio: "outputAudio",
  input_image: "inputImage",
  cached_image: "cachedImage",
  output_image: "outputImage",
  input_video: "inputVideo",
  reasoning: "reasoning",
  citation: "citation",
  audio_hour: "audioHour",
  web_searches: "webSearches",
  file_searches: "fileSearches",
} as const satisfies Readonly<Record<string, keyof Price>>;

function otherPrices(
  given: { readonly [Key in keyof typeof OTHER_PRICES]?: number | undefined },
): Partial<Price> {
  const prices: { -readonly [Kind in keyof Price]?: number } = {};
  let key: keyof typeof OTHER_PRICES;
  for (key in OTHER_PRICES) {
    const price = given[key];
    if (price !== undefined) prices[OTHER_PRICES[key]] = price;
  }
  return prices;
}
