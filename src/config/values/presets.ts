/**
 * The known providers, and what the proxy knows of each. An endpoint of a known provider needs only a key.
 */

import { type Dialect, DIALECTS } from "../../apis/dialects.ts";
import type { Endpoint } from "../config.ts";
import type { ProviderKeyHeader } from "../credential_places.ts";

/** The defaults and the properties of one provider. */
export interface Preset {
  /** The base URL; `undefined` if each customer has a different URL. */
  readonly baseUrl?: string;
  /** The API dialects of the provider. The first is the dialect of an endpoint. */
  readonly dialects: readonly [Dialect, ...Dialect[]];
  /**
   * The header that carries the key, in lower case; `undefined` for the header of the dialect. A new header
   * needs a line in `src/config/credential_places.ts` first: the proxy strips only the headers of that table.
   */
  readonly keyField?: ProviderKeyHeader;
  /** Whether the provider is a program on your own machine. Most of those need no key, and cost nothing. */
  readonly local?: true;
  /** The command that starts the program. `undefined` if installations have different commands. */
  readonly startCommand?: string;
  /** The name under which prices of the provider are published, if it is not the name of the preset. */
  readonly priceProvider?: string;
  /** The prefix of the variables that configure an endpoint without a file, and the name for people. */
  readonly environment?: { readonly prefix: "OPENAI" | "ANTHROPIC"; readonly title: string };
  /**
   * The model in the settings that `connect` prints. The text `dialect` means the usual model of the client's
   * dialect. It is `undefined` if no model is usual.
   */
  readonly model?: string;
  /** Origins of the provider besides that of {@link baseUrl}. */
  readonly origins?: RegExp;
  /** Whether the provider has all of OpenAI's own API, such as its conversations and `/responses`. */
  readonly isOpenAi?: true;
  /**
   * A pattern for the names of the models that the provider makes. `undefined` if it makes no models, or also
   * serves models of other makers.
   */
  readonly makes?: RegExp;
  /** Whether the provider has Ollama's own API, with paths such as `/api/chat`. */
  readonly hasOllamaApi?: true;
  /** Whether its chat completions obey `max_completion_tokens`, by its API reference. */
  readonly obeysCompletionLimit?: true;
}

/** The value of `model` for a provider that has the usual models of its dialect. */
const OF_DIALECT = "dialect";
/** A provider with OpenAI's API. */
const OPENAI_LIKE = { dialects: ["openai"] } as const;
/** A program on your own machine, whose newer versions also speak Anthropic's API. */
const LOCAL = { dialects: ["openai", "anthropic"], local: true } as const;

/** The known providers. The base URLs are from the documentation of the providers. */
export const PRESETS = {
  openai: {
    ...OPENAI_LIKE,
    baseUrl: "https://api.openai.com/v1",
    environment: { prefix: "OPENAI", title: "OpenAI" },
    model: OF_DIALECT,
    isOpenAi: true,
    obeysCompletionLimit: true,
    makes:
      /^(?:gpt-|chatgpt-|codex-|o\d|ft:gpt-|text-embedding-(?:3|ada)|text-(?:davinci|curie|babbage|ada)-|davinci|babbage|ada$|curie|tts-|whisper-|dall-e-|sora-|omni-moderation|text-moderation|computer-use-)/,
  },
  anthropic: {
    dialects: ["anthropic"],
    baseUrl: "https://api.anthropic.com",
    environment: { prefix: "ANTHROPIC", title: "Anthropic" },
    model: OF_DIALECT,
    makes: /^claude-/,
  },
  gemini: {
    dialects: ["gemini"],
    baseUrl: "https://generativelanguage.googleapis.com",
    priceProvider: "google",
    model: OF_DIALECT,
    makes: /^(?:gemini-|imagen-|veo-|learnlm-|gemini-embedding-|text-embedding-00|embedding-001)/,
  },
  openrouter: { ...OPENAI_LIKE, baseUrl: "https://openrouter.ai/api/v1", obeysCompletionLimit: true },
  groq: {
    ...OPENAI_LIKE,
    baseUrl: "https://api.groq.com/openai/v1",
    model: "openai/gpt-oss-120b",
    obeysCompletionLimit: true,
  },
  mistral: {
    ...OPENAI_LIKE,
    baseUrl: "https://api.mistral.ai/v1",
    model: "mistral-medium-latest",
    makes: /^(?:open-)?(?:mistral|ministral|mixtral|magistral|codestral|devstral|pixtral|voxtral)(?:-|$)/,
  },
  deepseek: {
    ...OPENAI_LIKE,
    baseUrl: "https://api.deepseek.com/v1",
    model: "deepseek-v4-flash",
    makes: /^deepseek-/,
  },
  xai: {
    ...OPENAI_LIKE,
    baseUrl: "https://api.x.ai/v1",
    priceProvider: "x-ai",
    model: "grok-4.6",
    obeysCompletionLimit: true,
    makes: /^grok-/,
  },
  azure: {
    ...OPENAI_LIKE,
    keyField: "api-key",
    origins: /^https:\/\/[\w.-]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.com$/,
    model: OF_DIALECT,
    isOpenAi: true,
    obeysCompletionLimit: true,
  },
  // Without a version, because these programs serve other APIs beside OpenAI's.
  ollama: {
    ...LOCAL,
    baseUrl: "http://127.0.0.1:11434",
    startCommand: "ollama serve",
    hasOllamaApi: true,
  },
  llamacpp: { ...LOCAL, baseUrl: "http://127.0.0.1:8080" },
  vllm: { ...LOCAL, baseUrl: "http://127.0.0.1:8000" },
  lmstudio: { ...LOCAL, baseUrl: "http://127.0.0.1:1234" },
  generic: { dialects: ["generic"], model: OF_DIALECT },
} as const satisfies Record<string, Preset>;

/** Known providers without a preset. */
const OTHER_PROVIDERS: readonly Pick<Preset, "priceProvider" | "origins" | ProviderProperty>[] = [
  { priceProvider: "cerebras", origins: /^https:\/\/api\.cerebras\.ai$/, obeysCompletionLimit: true },
];

/** The name of a known provider, or `generic`. */
export type PresetName = keyof typeof PRESETS;
/** A property of {@link Preset} that a provider has or has not. */
export type ProviderProperty = "isOpenAi" | "obeysCompletionLimit";

/** The names of all known providers. */
// Object.keys returns strings; PRESETS has no other keys than those of its type.
export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

const NAMED: readonly (readonly [PresetName, Preset])[] = PRESET_NAMES.map((name) => [name, PRESETS[name]]);

/** The endpoints that variables alone can configure, with the prefix of those variables. */
export const ENVIRONMENT_ENDPOINTS: Readonly<
  Record<string, NonNullable<Preset["environment"]>["prefix"]>
> = Object.fromEntries(
  NAMED.flatMap(([name, { environment }]) => environment === undefined ? [] : [[name, environment.prefix]]),
);

/** The names of providers whose prices have another name, with that name. */
export const PRICE_NAMES: readonly (readonly [name: string, priceProvider: string])[] = NAMED.flatMap(
  ([name, { priceProvider }]) => priceProvider === undefined ? [] : [[name, priceProvider]],
);

/** The header that carries the key of a provider, in lower case. */
export function keyFieldOf({ keyField, dialects: [dialect] }: Preset): string {
  return keyField ?? DIALECTS[dialect].keyField;
}

/** The variable with the key of a provider. */
export function keyVariable(name: PresetName): string {
  return `${name.toUpperCase()}_API_KEY`;
}

/** The variable with the base URL of a provider, where {@link ENVIRONMENT_ENDPOINTS} has the provider. */
export function baseUrlVariable(name: PresetName): string {
  return `${name.toUpperCase()}_BASE_URL`;
}

/** The provider with a name; `undefined` if the name is unknown. */
export function presetNamed(text: string): PresetName | undefined {
  return PRESET_NAMES.find((name) => name === text);
}

/**
 * The provider of an endpoint without `provider`: by the name of the endpoint, else by the origin of its base
 * URL.
 */
export function presetNameOf(endpoint: string, origin: string | undefined): PresetName {
  const hosted = NAMED.find(([, { local, baseUrl }]) =>
    local !== true && baseUrl !== undefined && new URL(baseUrl).origin === origin
  );
  return presetNamed(endpoint) ?? hosted?.[0] ?? "generic";
}

/** The provider of an endpoint: the named one, or that of its name or address. */
export function presetOf(
  { name, preset, backends }: Pick<Endpoint, "name" | "preset" | "backends">,
): Preset {
  return PRESETS[preset ?? presetNameOf(name, backends[0]?.baseUrl.origin)];
}

/** The dialects that an endpoint speaks, its own first. */
export function dialectsOf(endpoint: Endpoint): readonly Dialect[] {
  const { dialects } = presetOf(endpoint);
  return dialects[0] === endpoint.dialect ? dialects : [endpoint.dialect];
}

/** Whether an origin is an address of a provider on the internet. */
export function isOriginOf({ local, baseUrl, origins }: Preset, origin: string): boolean {
  return local !== true &&
    (origins?.test(origin) === true || baseUrl !== undefined && new URL(baseUrl).origin === origin);
}

/** Whether an origin belongs to a known provider with a property. */
export function isOriginWith(property: ProviderProperty, origin: string): boolean {
  return [...Object.values<Preset>(PRESETS), ...OTHER_PROVIDERS].some((preset: Partial<Preset>) =>
    preset[property] === true &&
    (preset.origins?.test(origin) === true ||
      preset.baseUrl !== undefined && new URL(preset.baseUrl).origin === origin)
  );
}

/** Whether the provider with published prices of this name has a property. */
export function isPriceProviderWith(property: ProviderProperty, priceProvider: string): boolean {
  const named = NAMED.some(([name, preset]) =>
    preset[property] === true && (preset.priceProvider ?? name) === priceProvider
  );
  return named ||
    OTHER_PROVIDERS.some((one) => one[property] === true && one.priceProvider === priceProvider);
}
