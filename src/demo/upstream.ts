/** A small upstream without a model. It speaks OpenAI at `/openai/v1` and Anthropic at `/anthropic/v1`. */

import { anthropicError, anthropicResponse } from "./anthropic.ts";
import { openaiError, openaiResponse } from "./openai.ts";
import { InvalidDemoRequest } from "./request.ts";

/** Options of the demo upstream. */
export interface DemoUpstreamOptions {
  /** The valid keys. The upstream rejects other keys with the error of the provider. */
  readonly keys: { readonly openai: string; readonly anthropic: string };
  /** The pause between two events of a stream. */
  readonly paceMs: number;
}

/** Creates a request handler that returns the same response to the same request. */
export function createDemoUpstream(
  { keys, paceMs }: DemoUpstreamOptions,
): (request: Request) => Promise<Response> {
  return async function handle(request) {
    const { pathname } = new URL(request.url);
    const [, provider, path] = /^\/(openai|anthropic)\/v1(\/.*)$/.exec(pathname) ?? [];
    if (path === undefined) return openaiError(404, `Unknown path: ${pathname}`);
    const demo = { request, path, paceMs };
    const errorResponse = provider === "openai" ? openaiError : anthropicError;
    try {
      if (provider === "openai") {
        return request.headers.get("authorization") === `Bearer ${keys.openai}`
          ? await openaiResponse(demo)
          : openaiError(401, "Incorrect API key provided.", "invalid_api_key");
      }
      return request.headers.get("x-api-key") === keys.anthropic
        ? await anthropicResponse(demo)
        : anthropicError(401, "invalid x-api-key", "authentication_error");
    } catch (error) {
      if (error instanceof InvalidDemoRequest) return errorResponse(400, error.message);
      throw error;
    }
  };
}
