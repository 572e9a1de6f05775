/** The defaults of known providers. An endpoint of a known provider needs only a key. */

import type { Provider } from "../config.ts";

/** The defaults of one provider. */
export interface Preset {
  /** The base URL. Undefined if each customer has a different URL. */
  readonly baseUrl?: string;
  /**
   * The API dialect of the provider. It decides the shape of the proxy's own errors, and which endpoint
   * serves `/v1/messages`.
   */
  readonly dialect: Provider;
  /** The header that carries the key, in lower case. */
  readonly keyField: string;
  /** Whether the provider is a program on your own machine. Most of those need no key. */
  readonly local?: true;
}

/** A provider with OpenAI's API, which takes the key as `Authorization: Bearer`. */
const OPENAI_LIKE = { dialect: "openai", keyField: "authorization" } as const;

/** The known providers. The base URLs are from the documentation of the providers. */
export const PRESETS = {
  openai: { ...OPENAI_LIKE, baseUrl: "https://api.openai.com/v1" },
  anthropic: { dialect: "anthropic", keyField: "x-api-key", baseUrl: "https://api.anthropic.com" },
  gemini: {
    dialect: "gemini",
    keyField: "x-goog-api-key",
    baseUrl: "https://generativelanguage.googleapis.com",
  },
  openrouter: { ...OPENAI_LIKE, baseUrl: "https://openrouter.ai/api/v1" },
  groq: { ...OPENAI_LIKE, baseUrl: "https://api.groq.com/openai/v1" },
  mistral: { ...OPENAI_LIKE, baseUrl: "https://api.mistral.ai/v1" },
  deepseek: { ...OPENAI_LIKE, baseUrl: "https://api.deepseek.com/v1" },
  xai: { ...OPENAI_LIKE, baseUrl: "https://api.x.ai/v1" },
  azure: { dialect: "openai", keyField: "api-key" },
  // Without a version, because these programs serve other APIs beside OpenAI's.
  ollama: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:11434", local: true },
  llamacpp: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:8080", local: true },
  vllm: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:8000", local: true },
  lmstudio: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:1234", local: true },
  generic: { dialect: "generic", keyField: "authorization" },
} as const satisfies Record<string, Preset>;

/** The name of a known provider, or `generic`. */
export type PresetName = keyof typeof PRESETS;

/** The names of all known providers. */
// Object.keys returns strings; PRESETS has no other keys than those of its type.
export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

/**
 * The provider of an endpoint without `provider`: by the name of the endpoint, else by the origin of its base
 * URL.
 */
export function presetNameOf(endpoint: string, origin: string | undefined): PresetName {
  const named = PRESET_NAMES.find((name) => name === endpoint);
  if (named !== undefined) return named;
  const hosted = PRESET_NAMES.find((name) => {
    const preset: Preset = PRESETS[name];
    return preset.local !== true && preset.baseUrl !== undefined && new URL(preset.baseUrl).origin === origin;
  });
  return hosted ?? "generic";
}
