/** The properties of an endpoint that settings of clients depend on. */

import { PRESET_NAMES, type PresetName, presetNameOf, PRESETS } from "../config/values/presets.ts";
import type { Endpoint, Provider } from "../config/config.ts";

/** An endpoint, from the configuration or guessed from its name. */
export interface ConnectEndpoint {
  readonly name: string;
  /** The dialect of the endpoint. */
  readonly provider: Provider;
  /** The model that the endpoint uses instead of the client's. Undefined: it does not replace models. */
  readonly model: string | undefined;
  /** The provider behind the endpoint, or `generic` for an unknown one. */
  readonly preset: PresetName;
  /** Whether every upstream is OpenAI or Azure, and so has `/responses`. */
  readonly hasResponses: boolean;
  /** Whether the proxy forwards the client's own key, and reads its token from `Proxy-Authorization`. */
  readonly forwardsClientKey: boolean;
}

/** A model for the settings, by dialect. */
const MODELS: Readonly<Record<Provider, string | undefined>> = {
  openai: "gpt-5.4-mini",
  anthropic: "claude-sonnet-5",
  gemini: "gemini-3.8-flash",
  generic: undefined,
};

/** A model for the settings, for providers that do not have the usual models of their dialect. */
const PROVIDER_MODELS: Readonly<Partial<Record<PresetName, string>>> = {
  mistral: "mistral-medium-latest",
  deepseek: "deepseek-v4-flash",
  groq: "openai/gpt-oss-120b",
  xai: "grok-4.6",
};
/** The providers that have the usual models of their dialect. */
const USES_DIALECT_MODELS: readonly PresetName[] = ["openai", "azure", "anthropic", "gemini", "generic"];

const OPENAI_HOST =
  /^https:\/\/(?:api\.openai\.com|[\w-]+\.openai\.azure\.com|[\w-]+\.services\.ai\.azure\.com)$/;
const OPENAI_NAMES: readonly string[] = ["openai", "azure"];

/** The properties of a configured endpoint. */
export function configuredEndpoint({ name, provider, backends }: Endpoint): ConnectEndpoint {
  return {
    name,
    provider,
    model: backends[0]?.model?.otherwise,
    preset: presetNameOf(name, backends[0]?.baseUrl.origin),
    hasResponses: backends.every(({ baseUrl }) => OPENAI_HOST.test(baseUrl.origin)),
    forwardsClientKey: backends.some(({ key }) => key.mode === "passthrough"),
  };
}

/** The properties of an endpoint that is named after a known provider. Undefined: other names. */
export function namedEndpoint(
  name: string,
  { forwardsClientKey }: { forwardsClientKey: boolean },
): ConnectEndpoint | undefined {
  const preset = PRESET_NAMES.find((one) => one === name);
  if (preset === undefined) return undefined;
  const { dialect: provider } = PRESETS[preset];
  return {
    name,
    provider,
    model: undefined,
    preset,
    hasResponses: OPENAI_NAMES.includes(name),
    forwardsClientKey,
  };
}

/**
 * A model for the settings of a client that speaks a dialect. Undefined: no model of the endpoint is known.
 */
export function suggestedModel(
  { model, preset, provider }: ConnectEndpoint,
  dialect: Provider = provider,
): string | undefined {
  return model ?? PROVIDER_MODELS[preset] ??
    (USES_DIALECT_MODELS.includes(preset) ? MODELS[dialect] : undefined);
}
