/** What clients' settings depend on of an endpoint: by the configuration, or by its name where there is none. */

import { PRESET_NAMES, type PresetName, presetNameOf, PRESETS } from "../config/values/presets.ts";
import type { Endpoint, Provider } from "../config/config.ts";

/** An endpoint, as far as settings depend on it. */
export interface ConnectEndpoint {
  readonly name: string;
  readonly provider: Provider;
  /** The model that the endpoint asks for in place of any other; undefined: the client's. */
  readonly model: string | undefined;
  /** The provider that the endpoint means; `generic` where it is none that is known. */
  readonly preset: PresetName;
  /** Every upstream is OpenAI's own, or Azure's, and has `/responses`. */
  readonly hasResponses: boolean;
  /** The client's own key goes on, and the token stands in `Proxy-Authorization`. */
  readonly passesKeyOn: boolean;
}

/** To begin with. */
const MODELS: Readonly<Record<Provider, string | undefined>> = {
  openai: "gpt-5.4-mini",
  anthropic: "claude-sonnet-5",
  gemini: "gemini-3.8-flash",
  generic: undefined,
};

/** Of providers that have other models than the dialect they speak. */
const MODELS_OF: Readonly<Partial<Record<PresetName, string>>> = {
  mistral: "mistral-medium-latest",
  deepseek: "deepseek-v4-flash",
  groq: "openai/gpt-oss-120b",
  xai: "grok-4.6",
};
/** Where the dialect's own models are. */
const OF_THE_DIALECT: readonly PresetName[] = ["openai", "azure", "anthropic", "gemini", "generic"];

const OPENAI_HOST =
  /^https:\/\/(?:api\.openai\.com|[\w-]+\.openai\.azure\.com|[\w-]+\.services\.ai\.azure\.com)$/;
const OPENAI_NAMES: readonly string[] = ["openai", "azure"];

/** A configured endpoint. */
export function configuredEndpoint({ name, provider, backends }: Endpoint): ConnectEndpoint {
  return {
    name,
    provider,
    model: backends[0]?.model?.otherwise,
    preset: presetNameOf(name, backends[0]?.baseUrl.origin),
    hasResponses: backends.every(({ baseUrl }) => OPENAI_HOST.test(baseUrl.origin)),
    passesKeyOn: backends.some(({ key }) => key.mode === "passthrough"),
  };
}

/** An endpoint of a proxy elsewhere: what its name says. Undefined where the name says nothing. */
export function namedEndpoint(
  name: string,
  { passesKeyOn }: { passesKeyOn: boolean },
): ConnectEndpoint | undefined {
  const preset = PRESET_NAMES.find((one) => one === name);
  if (preset === undefined) return undefined;
  const { dialect: provider } = PRESETS[preset];
  return { name, provider, model: undefined, preset, hasResponses: OPENAI_NAMES.includes(name), passesKeyOn };
}

/** The model to begin with at an endpoint, in its own dialect or another. Undefined: nobody can know one. */
export function modelToBeginWith(
  { model, preset, provider }: ConnectEndpoint,
  dialect: Provider = provider,
): string | undefined {
  return model ?? MODELS_OF[preset] ?? (OF_THE_DIALECT.includes(preset) ? MODELS[dialect] : undefined);
}
