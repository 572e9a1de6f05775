/** What is known of providers, so that an endpoint needs little more than a key. */

import type { Provider } from "../config.ts";

/** What a provider's name fills in. */
export interface Preset {
  /** Absent where every customer has another one. */
  readonly baseUrl?: string;
  readonly dialect: Provider;
  /** The header that carries the key. */
  readonly keyField: string;
  /** A server of one's own, which mostly asks for no key. */
  readonly local?: true;
}

/** Keys as `Authorization: Bearer`, as all who imitate OpenAI's API take them. */
const OPENAI_LIKE = { dialect: "openai", keyField: "authorization" } as const;

/** Base URLs are those of the providers' own documentation. */
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
  // Without a version: these serve APIs of their own beside OpenAI's.
  ollama: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:11434", local: true },
  llamacpp: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:8080", local: true },
  vllm: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:8000", local: true },
  lmstudio: { ...OPENAI_LIKE, baseUrl: "http://127.0.0.1:1234", local: true },
  generic: { dialect: "generic", keyField: "authorization" },
} as const satisfies Record<string, Preset>;

/** The name of a known provider, or `generic`. */
export type PresetName = keyof typeof PRESETS;

/** Every provider's name. */
// Object.keys gives strings; these are the keys of a constant that is written out above.
export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

/** The provider that an endpoint means without saying so: by its own name, else by its upstream's host. */
export function presetNameOf(endpoint: string, origin: string | undefined): PresetName {
  const named = PRESET_NAMES.find((name) => name === endpoint);
  if (named !== undefined) return named;
  const hosted = PRESET_NAMES.find((name) => {
    const preset: Preset = PRESETS[name];
    return preset.local !== true && preset.baseUrl !== undefined && new URL(preset.baseUrl).origin === origin;
  });
  return hosted ?? "generic";
}
