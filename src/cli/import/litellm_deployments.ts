/** The deployments in `model_list` of LiteLLM. */

import { type Preset, PRESETS } from "../../config/values/presets.ts";
import {
  ADDRESS,
  compact,
  type Draft,
  type DraftBackend,
  type DraftPrice,
  endpointName,
  literal,
  timeoutText,
  withoutLogin,
} from "./draft.ts";
import {
  KNOWN_MODELS,
  LITELLM_PROVIDERS,
  type LitellmProvider,
  TRANSLATED_PROVIDERS,
} from "./litellm_providers.ts";
import type { Item } from "./source.ts";

/** Matches a reference to an environment variable. */
export const REFERENCE = /^os\.environ\/(\w+)$/;
/** Texts that people write instead of a key, for servers that need no key. */
const NO_KEY = /^(?:none|empty|null|n\/?a|dummy|fake(?:-key)?|no-key|not-needed|sk-no-key-required)$/i;
/** Matches the names of headers whose values are secrets. */
const SECRET_HEADER = /auth|cookie|key|secret|token/i;
const TOKENS_PER_PRICE = 1_000_000;

/** One deployment of `model_list`. */
export interface Deployment {
  readonly item: Item;
  /** The name that clients use. */
  readonly model: string;
  /** The name at the provider. */
  readonly upstreamModel: string;
  /** The prefix of the provider, like `groq`. */
  readonly prefix: string;
  readonly provider: LitellmProvider;
  /** The backend without its models. */
  readonly backend: DraftBackend;
  readonly weight: number | undefined;
  /**
   * The position among the deployments of a model. The lowest number comes first. Deployments with
   * `undefined` come last.
   */
  readonly order: number | undefined;
  readonly price: DraftPrice | undefined;
}

/** Reserves the variable of the provider, which a deployment without a key uses. */
export function reserveVariable(parameters: Item, draft: Draft): void {
  if (!parameters.key("api_key").isEmpty) return;
  const found = providerOf(parameters.key("model").text() ?? "", {
    custom: parameters.key("custom_llm_provider").text(),
    hasBase: !parameters.firstOf("api_base", "base_url").isEmpty,
  });
  if (typeof found === "object" && found.provider.variable !== undefined) {
    draft.reserve(found.provider.variable);
  }
}

/**
 * Reads a deployment. Returns `undefined` if the proxy cannot use the deployment, and adds a note with the
 * reason.
 */
export function readDeployment(
  item: Item,
  { draft, credentials, timeouts }: {
    draft: Draft;
    credentials: ReadonlyMap<string, Item>;
    timeouts: Partial<DraftBackend>;
  },
): Deployment | undefined {
  const parameters = item.key("litellm_params");
  const full = parameters.key("model").text() ?? "";
  const model = item.key("model_name").text() ?? full;
  const base = parameters.firstOf("api_base", "base_url");
  const found = providerOf(full, {
    custom: parameters.key("custom_llm_provider").text(),
    hasBase: !base.isEmpty,
  });
  if (typeof found === "string") {
    item.leaveOut(`is not carried over: ${found}`);
    return undefined;
  }
  const { prefix, provider, upstreamModel } = found;
  const credential = credentials.get(parameters.key("litellm_credential_name").text() ?? "");
  const values = credential?.key("credential_values");
  const name = endpointName(provider.preset === "openai" ? prefix : provider.preset);
  const baseUrl = readBaseUrl(base.isEmpty && values ? values.firstOf("api_base", "base_url") : base, {
    prefix,
    provider,
    draft,
  });
  if (baseUrl === undefined) {
    item.leaveOut(`is not carried over: it has no api_base, which ${prefix} needs`);
    return undefined;
  }
  const ownKey = parameters.key("api_key");
  const key = readKey(ownKey.isEmpty && values ? values.key("api_key") : ownKey, {
    provider,
    draft,
    // The environment variable of the provider is for the usual address of the provider.
    name: base.isEmpty ? name : endpointName(model),
    variable: base.isEmpty ? provider.variable : undefined,
    hasOwnAddress: !base.isEmpty,
  });
  const weight = parameters.key("weight").number();
  // These members describe a model for LiteLLM, and change nothing for clients.
  for (const name of ["id", "mode"]) item.key("model_info").key(name).ignore();
  for (const limit of [parameters.key("rpm"), parameters.key("tpm"), item.key("rpm"), item.key("tpm")]) {
    limit.leaveOut("is not carried over: llm-proxy limits the tokens of clients, not single upstreams");
  }
  parameters.key("api_version").leaveOut(
    "is not needed: the address ends in /openai/v1, Azure's API without versions",
  );
  return {
    item,
    model,
    upstreamModel,
    prefix,
    provider,
    weight,
    order: parameters.key("order").number(),
    price: readPrice(parameters) ?? readPrice(item.key("model_info")),
    backend: compact<DraftBackend>({
      base_url: baseUrl,
      api_key: key,
      key_header: provider.preset === "azure" ? "api-key" : undefined,
      ...timeouts,
      first_byte_timeout: readSeconds(parameters.firstOf("timeout", "stream_timeout", "request_timeout")) ??
        timeouts.first_byte_timeout,
      headers: readHeaders(parameters.firstOf("extra_headers", "headers"), { draft, name, parameters }),
    }),
  };
}

/** Adds a note to each deployment that the budget would reject because its model has no known price. */
export function notePrices(deployments: readonly Deployment[], draft: Draft): void {
  if (Object.keys(draft.limits).length === 0) return;
  for (const { item, price, provider, backend, upstreamModel } of deployments) {
    const preset: Preset = PRESETS[provider.preset];
    const isOwn = provider.preset === "azure" ||
      provider.preset === "openai" && backend.base_url !== (provider.baseUrl ?? preset.baseUrl);
    if (price !== undefined || !isOwn || upstreamModel.includes("*")) continue;
    item.addNote(
      `the budget rejects the model ${JSON.stringify(upstreamModel)}, which has no published price: ` +
        "set its price in the endpoint (prices)",
    );
  }
}

/** Returns the provider of a model, or the reason why there is no endpoint for it. */
function providerOf(
  full: string,
  { custom, hasBase }: { custom: string | undefined; hasBase: boolean },
): { prefix: string; provider: LitellmProvider; upstreamModel: string } | string {
  const [first = "", ...rest] = full.split("/");
  const isPrefixed = rest.length > 0 &&
    (Object.hasOwn(LITELLM_PROVIDERS, first) || TRANSLATED_PROVIDERS.includes(first));
  const guessed = KNOWN_MODELS.find(([pattern]) => pattern.test(full))?.[1];
  const prefix = custom ?? (isPrefixed ? first : guessed ?? (hasBase ? "openai" : undefined));
  if (prefix === undefined) return "its provider is unknown";
  const provider = Object.hasOwn(LITELLM_PROVIDERS, prefix) ? LITELLM_PROVIDERS[prefix] : undefined;
  if (provider === undefined) {
    return `LiteLLM translates the API of ${prefix}, and llm-proxy translates no API`;
  }
  return { prefix, provider, upstreamModel: isPrefixed ? rest.join("/") : full };
}

function readBaseUrl(
  item: Item,
  { prefix, provider, draft }: { prefix: string; provider: LitellmProvider; draft: Draft },
): string | undefined {
  const text = item.text();
  const preset: Preset = PRESETS[provider.preset];
  const isAzure = provider.preset === "azure";
  if (text === undefined) {
    return isAzure || ["custom_openai", "openai_like", "litellm_proxy"].includes(prefix)
      ? undefined
      : provider.baseUrl ?? preset.baseUrl;
  }
  const reference = REFERENCE.exec(text)?.[1];
  const { url, hadLogin } = withoutLogin(text.replace(/\/+$/, ""));
  if (hadLogin) {
    item.addNote("has a user and a password, which are not copied: put them into headers or proxy_url");
  }
  const base = reference === undefined ? literal(url) : draft.variable(reference, ADDRESS);
  if (isAzure && !/\/openai(?:\/|$)/.test(base)) return `${base}/openai/v1`;
  return base.replace(/\/v1\/messages$/, "");
}

function readKey(
  item: Item,
  { provider, draft, name, variable = `${name}_API_KEY`, hasOwnAddress }: {
    provider: LitellmProvider;
    draft: Draft;
    name: string;
    variable: string | undefined;
    hasOwnAddress: boolean;
  },
): string {
  const text = item.text();
  const what = `the key of ${name}`;
  if (text === undefined) {
    return provider.variable === undefined ? "none" : draft.variable(provider.variable, what);
  }
  const reference = REFERENCE.exec(text)?.[1];
  if (reference !== undefined) return draft.variable(reference, what);
  if (hasOwnAddress && NO_KEY.test(text)) return "none";
  const key = draft.secret(text, { variable, what });
  item.addNote(`is a key in clear: it was not copied. Set ${key.slice(2, -1)} to it`);
  return key;
}

function readHeaders(
  item: Item,
  { draft, name, parameters }: { draft: Draft; name: string; parameters: Item },
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [header, value] of item.entries()) {
    const text = value.text();
    if (text === undefined) continue;
    const reference = REFERENCE.exec(text)?.[1];
    if (reference !== undefined) {
      headers[header] = draft.variable(reference, `the header ${header} of ${name}`);
    } else if (!SECRET_HEADER.test(header)) headers[header] = literal(text);
    else {
      headers[header] = draft.secret(text, {
        variable: `${name}_${header}`,
        what: `the header ${header} of ${name}`,
      });
      value.addNote(`is a secret in clear: it was not copied. Set ${headers[header].slice(2, -1)} to it`);
    }
  }
  const organization = parameters.key("organization").text();
  if (organization !== undefined) {
    const reference = REFERENCE.exec(organization)?.[1];
    headers["OpenAI-Organization"] = reference === undefined
      ? literal(organization)
      : draft.variable(reference, "the organization at OpenAI");
  }
  return headers;
}

function readPrice(item: Item): DraftPrice | undefined {
  const [input, output] = [item.key("input_cost_per_token"), item.key("output_cost_per_token")];
  if (input.isEmpty || output.isEmpty) return undefined;
  const perMillion = (price: Item): number =>
    Number(((price.number() ?? 0) * TOKENS_PER_PRICE).toPrecision(12));
  return { input: perMillion(input), output: perMillion(output) };
}

/** Reads a timeout in seconds, and returns it in the format of the configuration. */
export function readSeconds(item: Item): string | undefined {
  const seconds = item.number();
  return timeoutText(seconds && Math.round(seconds * 1000));
}
