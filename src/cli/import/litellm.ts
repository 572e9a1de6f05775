/** Reads the `config.yaml` of LiteLLM. */

import { type Preset, PRESETS } from "../../config/values/presets.ts";
import { ADDRESS, compact,
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

const REFERENCE = /^os\.environ\/(\w+)$/;
/** Headers whose value is a secret. */
const SECRET_HEADER = /auth|cookie|key|secret|token/i;
const TOKENS_PER_PRICE = 1_000_000;

/** One deployment of `model_list`. */
interface Deployment {
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
  readonly price: DraftPrice | undefined;
}

/** Settings of the router for all endpoints. */
interface Routing {
  readonly strategy: string;
  readonly retries: number | undefined;
  readonly fallbacks: ReadonlyMap<string, readonly { readonly model: string; readonly item: Item }[]>;
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

/** Reads the file into a draft. */
export function importLitellm(root: Item, draft: Draft): void {
  const credentials = readCredentials(root.key("credential_list"));
  const timeouts = readTimeouts(root);
  for (const item of root.key("model_list").items()) reserveVariable(item.key("litellm_params"), draft);
  const deployments = root.key("model_list").items().flatMap((item) =>
    readDeployment(item, { draft, credentials, timeouts }) ?? []
  );
  const routing = readRouting(root);
  addEndpoints(deployments, routing, draft);
  readAccess(root, draft);
  root.key("environment_variables").lose("is not copied: set these variables yourself where you need them");
  root.key("include").lose("is not read: import these files too");
  root.key("general_settings").key("pass_through_endpoints").lose(
    'is not carried over: add an endpoint with provider = "generic" for each target',
  );
  root.key("general_settings").firstOf("database_url", "store_model_in_db").lose(
    "is not read: create keys, teams and budgets of the database again, with llm-proxy token and llm-proxy project",
  );
  for (const name of ["set_verbose", "telemetry", "drop_params", "modify_params", "json_logs"]) {
    root.key("litellm_settings").key(name).lose("is not needed: llm-proxy does not change requests");
  }
}

/** A deployment without a key uses the variable of its provider. */
function reserveVariable(parameters: Item, draft: Draft): void {
  if (!parameters.key("api_key").isEmpty) return;
  const found = providerOf(parameters.key("model").text() ?? "", {
    custom: parameters.key("custom_llm_provider").text(),
    hasBase: true,
  });
  if (typeof found === "object" && found.provider.variable !== undefined) draft.reserve(found.provider.variable);
}

function readDeployment(
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
  const found = providerOf(full, { custom: parameters.key("custom_llm_provider").text(), hasBase: !base.isEmpty });
  if (typeof found === "string") {
    item.lose(`is not carried over: ${found}`);
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
    item.lose(`is not carried over: it has no api_base, which ${prefix} needs`);
    return undefined;
  }
  const ownKey = parameters.key("api_key");
  const key = readKey(ownKey.isEmpty && values ? values.key("api_key") : ownKey, {
    provider,
    draft,
    // The usual variable is for the usual address.
    name: base.isEmpty ? name : endpointName(model),
    variable: base.isEmpty ? provider.variable : undefined,
  });
  const weight = parameters.key("weight").number();
  for (const limit of [parameters.key("rpm"), parameters.key("tpm"), item.key("rpm"), item.key("tpm")]) {
    limit.lose("is not carried over: llm-proxy limits the tokens of clients, not single upstreams");
  }
  parameters.key("api_version").lose("is not needed: the address ends in /openai/v1, Azure's API without versions");
  return {
    item,
    model,
    upstreamModel,
    prefix,
    provider,
    weight,
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

/** The provider of a model, or why there is no endpoint for it. */
function providerOf(
  full: string,
  { custom, hasBase }: { custom: string | undefined; hasBase: boolean },
): { prefix: string; provider: LitellmProvider; upstreamModel: string } | string {
  const [first = "", ...rest] = full.split("/");
  const isPrefixed = rest.length > 0 && (Object.hasOwn(LITELLM_PROVIDERS, first) || TRANSLATED_PROVIDERS.includes(first));
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
  if (hadLogin) item.say("has a user and a password, which are not copied: put them into headers or proxy_url");
  const base = reference === undefined ? literal(url) : draft.variable(reference, ADDRESS);
  if (isAzure && !/\/openai(?:\/|$)/.test(base)) return `${base}/openai/v1`;
  return base.replace(/\/v1\/messages$/, "");
}

function readKey(
  item: Item,
  { provider, draft, name, variable = `${name}_API_KEY` }: {
    provider: LitellmProvider;
    draft: Draft;
    name: string;
    variable: string | undefined;
  },
): string {
  const text = item.text();
  const what = `the key of ${name}`;
  if (text === undefined) return provider.variable === undefined ? "none" : draft.variable(provider.variable, what);
  const reference = REFERENCE.exec(text)?.[1];
  if (reference !== undefined) return draft.variable(reference, what);
  const key = draft.secret(text, { variable, what });
  item.say(`is a key in clear: it was not copied. Set ${key.slice(2, -1)} to it`);
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
    if (reference !== undefined) headers[header] = draft.variable(reference, `the header ${header} of ${name}`);
    else if (!SECRET_HEADER.test(header)) headers[header] = literal(text);
    else {
      headers[header] = draft.secret(text, { variable: `${name}_${header}`, what: `the header ${header} of ${name}` });
      value.say(`is a secret in clear: it was not copied. Set ${headers[header].slice(2, -1)} to it`);
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
  const perMillion = (price: Item): number => Number(((price.number() ?? 0) * TOKENS_PER_PRICE).toPrecision(12));
  return { input: perMillion(input), output: perMillion(output) };
}

function readSeconds(item: Item): string | undefined {
  const seconds = item.number();
  return timeoutText(seconds && Math.round(seconds * 1000));
}

function readTimeouts(root: Item): Partial<DraftBackend> {
  const timeout = readSeconds(root.key("router_settings").key("timeout")) ??
    readSeconds(root.key("litellm_settings").key("request_timeout"));
  return timeout === undefined ? {} : { first_byte_timeout: timeout };
}

function readCredentials(list: Item): ReadonlyMap<string, Item> {
  return new Map(list.items().flatMap((item) => {
    const name = item.key("credential_name").text();
    return name === undefined ? [] : [[name, item] as const];
  }));
}

function readRouting(root: Item): Routing {
  const router = root.key("router_settings");
  const strategyItem = router.key("routing_strategy");
  const wanted = strategyItem.text() ?? "simple-shuffle";
  if (!["simple-shuffle", "least-busy"].includes(wanted)) {
    strategyItem.lose("is not known to llm-proxy: the backends take turns (round_robin)");
  }
  const fallbacks = new Map<string, { model: string; item: Item }[]>();
  for (const list of [router.key("fallbacks"), root.key("litellm_settings").key("fallbacks")]) {
    for (const [model, targets] of list.items().flatMap((item) => item.entries())) {
      const known = targets.items().flatMap((item) => {
        const target = item.text();
        return target === undefined ? [] : [{ model: target, item }];
      });
      fallbacks.set(model, [...fallbacks.get(model) ?? [], ...known]);
    }
  }
  const aliases = new Map<string, string[]>();
  for (const [alias, item] of router.key("model_group_alias").entries()) {
    const target = item.text() ?? item.key("model").text();
    item.key("hidden").ignore();
    if (target !== undefined) aliases.set(target, [...aliases.get(target) ?? [], alias]);
  }
  return {
    strategy: wanted === "least-busy" ? "least_busy" : "round_robin",
    retries: router.key("num_retries").number() ?? root.key("litellm_settings").key("num_retries").number(),
    fallbacks,
    aliases,
  };
}

/**
 * Models at one upstream share an endpoint. A model with several deployments or fallbacks gets an endpoint of
 * its own, with a backend for each.
 */
function addEndpoints(deployments: readonly Deployment[], routing: Routing, draft: Draft): void {
  const byModel = Map.groupBy(deployments, ({ model }) => model);
  const alone: Deployment[] = [];
  for (const [model, group] of byModel) {
    const spare = (routing.fallbacks.get(model) ?? []).flatMap(({ model: target, item }) => {
      const found = byModel.get(target) ?? [];
      if (found.length === 0) item.lose("is not carried over: the file has no such model, or it was left out");
      return found.map((deployment) => ({ deployment, item }));
    });
    const [first] = group;
    if (group.length === 1 && spare.length === 0 && first !== undefined) alone.push(first);
    else addGroup(model, { group, spare, routing, draft });
  }
  const shared = Map.groupBy(alone, ({ prefix, provider, backend }) =>
    JSON.stringify([provider.preset, provider.preset === "openai" ? prefix : "", backend])
  );
  for (const group of shared.values()) addShared(group, routing, draft);
}

function addShared(group: readonly Deployment[], { aliases, retries }: Routing, draft: Draft): void {
  const [first] = group;
  if (first === undefined) return;
  const { prefix, provider, backend } = first;
  const preset: Preset = PRESETS[provider.preset];
  const isUsual = backend.base_url === preset.baseUrl && backend.api_key === `\${${provider.variable}}`;
  const host = URL.canParse(backend.base_url ?? "") ? new URL(backend.base_url ?? "").host : prefix;
  const wanted = provider.preset !== "openai" || isUsual ? provider.preset : prefix === "openai" ? host : prefix;
  const served = group.flatMap(({ model }) => [model, ...aliases.get(model) ?? []]);
  draft.endpoints.push(compact({
    name: draft.freeName(wanted, { isUsual }),
    provider: provider.preset,
    retries,
    prices: pricesOf(group),
    backends: [{ ...backend, ...modelsMember(group, aliases) }],
    served,
  }));
  for (const { item, model } of group) {
    if (model.includes("*")) {
      item.key("model_name").say(
        "has a *: clients use the names of the provider, without a prefix, at its endpoint",
      );
    }
  }
}

function addGroup(
  model: string,
  { group, spare, routing, draft }: {
    group: readonly Deployment[];
    spare: readonly { readonly deployment: Deployment; readonly item: Item }[];
    routing: Routing;
    draft: Draft;
  },
): void {
  const [first] = group;
  if (first === undefined) return;
  const dialect = dialectOf(first);
  const same = group.filter((one) => dialectOf(one) === dialect);
  for (const other of group) {
    if (dialectOf(other) === dialect) continue;
    other.item.say(`is not a backend of ${model}: it speaks ${dialectOf(other)}, and the others speak ${dialect}`);
  }
  const fitting = spare.filter(({ deployment, item }) => {
    if (dialectOf(deployment) === dialect) return true;
    item.lose(`is not carried over: ${model} speaks ${dialect}, and this model speaks ${dialectOf(deployment)}`);
    return false;
  });
  const isWeighted = same.some(({ weight }) => weight !== undefined);
  const strategy = fitting.length > 0 ? "failover" : isWeighted ? "weighted" : routing.strategy;
  if (fitting.length > 0 && same.length > 1) {
    first.item.say(`${model} has several deployments and fallbacks: the deployments are used in their order`);
  }
  const aliases = routing.aliases.get(model) ?? [];
  const names = [model, ...aliases];
  const all = [...same, ...fitting.map(({ deployment }) => deployment)];
  draft.endpoints.push(compact({
    name: draft.freeName(model),
    provider: dialect === "openai" ? "openai" : first.provider.preset,
    strategy: all.length > 1 ? strategy : undefined,
    retries: routing.retries,
    prices: pricesOf(all),
    served: names,
    backends: all.map(({ backend, prefix, upstreamModel, weight }, index) => ({
      name: `${endpointName(prefix)}-${index + 1}`,
      ...backend,
      ...(strategy === "weighted" && { weight: Math.max(1, Math.round(weight ?? 1)) }),
      models: Object.fromEntries(names.map((name) => [name, literal(upstreamModel)])),
    })),
  }));
}

function modelsMember(
  group: readonly Deployment[],
  aliases: ReadonlyMap<string, readonly string[]>,
): Pick<DraftBackend, "models"> {
  const models = Object.fromEntries(group.flatMap(({ model, upstreamModel }) =>
    [model, ...aliases.get(model) ?? []]
      .filter((name) => name !== upstreamModel && !`${name}${upstreamModel}`.includes("*"))
      .map((name) => [name, literal(upstreamModel)])
  ));
  return Object.keys(models).length === 0 ? {} : { models };
}

function pricesOf(group: readonly Deployment[]): Record<string, DraftPrice> {
  return Object.fromEntries(
    group.flatMap(({ upstreamModel, price }) => price === undefined ? [] : [[upstreamModel, price]]),
  );
}

function dialectOf({ provider }: Deployment): string {
  return PRESETS[provider.preset].dialect;
}

/** The budgets of LiteLLM's durations. */
const BUDGETS: Readonly<Record<string, string>> = {
  "1d": "budget_day_usd",
  "24h": "budget_day_usd",
  "7d": "budget_week_usd",
  "1w": "budget_week_usd",
  "30d": "budget_month_usd",
  "1mo": "budget_month_usd",
};

function readAccess(root: Item, draft: Draft): void {
  const master = root.key("general_settings").key("master_key");
  const text = master.text();
  const reference = text === undefined ? undefined : REFERENCE.exec(text)?.[1];
  if (reference !== undefined) draft.tokens.push(draft.variable(reference, "the token of your clients"));
  else if (text !== undefined) {
    const token = draft.secret(text, { variable: "PROXY_TOKEN", what: "the token of your clients" });
    draft.tokens.push(token);
    master.say(`is a key in clear: it was not copied. Set ${token.slice(2, -1)} to it, or to a new token`);
  }
  const settings = root.key("litellm_settings");
  const budget = settings.key("max_budget");
  const amount = budget.number();
  if (amount === undefined || amount <= 0) return;
  const duration = settings.key("budget_duration");
  const period = duration.text();
  const key = period === undefined ? "budget_total_usd" : BUDGETS[period];
  if (key !== undefined) draft.limits[key] = amount;
  else budget.lose("is not carried over: llm-proxy has budgets for a day, a week, a month and in total");
}
