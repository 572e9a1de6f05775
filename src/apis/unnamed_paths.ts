/** Which API a path without the name of an endpoint belongs to. */

import type { ErrorDialect } from "./dialects.ts";
import { operationOf } from "./operation_of.ts";
import { factsOf } from "./operations.ts";

/**
 * An API that clients address without the name of an endpoint. `ollama` is Ollama's own, without versions.
 */
export type UnnamedApi = "openai" | "anthropic" | "gemini" | "ollama";

/** The dialect of the errors of each API. */
export const DIALECT_OF_API: Readonly<Record<UnnamedApi, ErrorDialect | undefined>> = {
  // Clients without a version of Anthropic's API also ask at `/v1/models`.
  openai: undefined,
  anthropic: "anthropic",
  gemini: "gemini",
  ollama: "ollama",
};

/** The folders of each API. The first that contains a path counts. OpenAI's are those of many providers. */
const FOLDERS: readonly (readonly [UnnamedApi, string])[] = [
  ["anthropic", "/v1/messages"],
  ["openai", "/v1"],
  ["gemini", "/v1beta"],
  ["ollama", "/api"],
];
/** Google's methods also exist under `/v1`. */
const GOOGLE_METHOD = /^\/v1\/(?:models|tunedModels)\/.+:[a-z]+$/i;

/** The head of a request, as far as it shows which API a client uses. */
export interface ClientHead {
  readonly method: string;
  readonly fields: readonly { readonly lower: string }[];
}

/**
 * The API of a path. `undefined` if the path belongs to no API that has unnamed paths. Several APIs have
 * paths such as `/v1/models` and `/v1/files`, where the headers of the client decide.
 */
export function unnamedApiOf(path: string, client?: ClientHead): UnnamedApi | undefined {
  if (path === "/chat/completions") return "openai";
  if (GOOGLE_METHOD.test(path)) return "gemini";
  const api = FOLDERS.find(([, folder]) => path === folder || path.startsWith(`${folder}/`))?.[0];
  if (api !== "openai" || client === undefined) return api;
  if (factsOf(operationOf(client.method, path)).modelIn !== undefined) return api;
  const has = (name: string) => client.fields.some(({ lower }) => lower === name);
  return has("anthropic-version") ? "anthropic" : has("x-goog-api-key") ? "gemini" : api;
}
