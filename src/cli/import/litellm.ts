/** Reads the `config.yaml` of LiteLLM. */

import type { Draft, DraftBackend } from "./draft.ts";
import {
  notePrices,
  readDeployment,
  readSeconds,
  REFERENCE,
  reserveVariable,
} from "./litellm_deployments.ts";
import { addEndpoints, type Routing } from "./litellm_endpoints.ts";
import type { Item } from "./source.ts";

/**
 * Providers that have OpenAI's API at another address than `/v1`. LiteLLM translates requests to the APIs of
 * these providers.
 */
const WITH_OPENAI_ADDRESS: readonly string[] = ["anthropic", "gemini"];

/** Reads the file, and adds its content to a draft. */
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
  notePrices(deployments, draft);
  hintAtOpenAi(draft);
  root.key("environment_variables").leaveOut(
    "is not copied: set these variables yourself where you need them",
  );
  root.key("include").leaveOut("is not read: import these files too");
  root.key("general_settings").key("pass_through_endpoints").leaveOut(
    'is not carried over: add an endpoint with provider = "generic" for each target',
  );
  root.key("general_settings").firstOf("database_url", "store_model_in_db").leaveOut(
    "is not read: create keys, teams and budgets of the database again, with llm-proxy token and llm-proxy project",
  );
  for (const name of ["set_verbose", "telemetry", "drop_params", "modify_params", "json_logs"]) {
    root.key("litellm_settings").key(name).leaveOut("is not needed: llm-proxy does not change requests");
  }
}

/** Adds a hint for clients that use OpenAI's API for each model. LiteLLM allows that. */
function hintAtOpenAi({ endpoints, hints }: Draft): void {
  const names = endpoints.filter(({ provider }) => WITH_OPENAI_ADDRESS.includes(provider)).map(({ name }) =>
    name
  );
  if (names.length === 0) return;
  hints.push(
    `Clients of OpenAI's API do not reach ${names.join(" and ")}: llm-proxy translates no API. ` +
      "docs/install.md shows endpoints for the addresses at which these providers have OpenAI's API.",
  );
}

function readTimeouts(root: Item): Partial<DraftBackend> {
  const timeout = readSeconds(root.key("router_settings").key("timeout")) ??
    readSeconds(root.key("litellm_settings").key("request_timeout"));
  return timeout === undefined ? {} : { first_byte_timeout: timeout };
}

function readCredentials(list: Item): ReadonlyMap<string, Item> {
  return new Map(
    list.items().flatMap((item) => {
      const name = item.key("credential_name").text();
      return name === undefined ? [] : [[name, item] as const];
    }),
  );
}

function readRouting(root: Item): Routing {
  const router = root.key("router_settings");
  const strategyItem = router.key("routing_strategy");
  const wanted = strategyItem.text() ?? "simple-shuffle";
  if (!["simple-shuffle", "least-busy"].includes(wanted)) {
    strategyItem.leaveOut("is not known to llm-proxy: the backends take turns (round_robin)");
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
  const aliases: Routing["aliases"][number][] = [];
  for (const [alias, item] of router.key("model_group_alias").entries()) {
    const target = item.text() ?? item.key("model").text();
    item.key("hidden").ignore();
    if (target !== undefined) aliases.push({ alias, target, item });
  }
  const otherRetries = root.key("litellm_settings").key("num_retries");
  const retries = router.key("num_retries").number();
  if (retries !== undefined) otherRetries.leaveOut("is not carried over: router_settings.num_retries counts");
  return {
    strategy: wanted === "least-busy" ? "least_busy" : "round_robin",
    retries: retries ?? otherRetries.number(),
    fallbacks,
    aliases,
  };
}

/** The budget settings of llm-proxy, by the durations in LiteLLM's files. */
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
    master.addNote(
      `is a key in clear: it was not copied. Set ${token.slice(2, -1)} to it, or to a new token`,
    );
  }
  const settings = root.key("litellm_settings");
  const budget = settings.key("max_budget");
  const amount = budget.number();
  if (amount === undefined || amount <= 0) return;
  const duration = settings.key("budget_duration");
  const period = duration.text();
  const key = period === undefined ? "budget_total_usd" : BUDGETS[period];
  if (key !== undefined) draft.limits[key] = amount;
  else budget.leaveOut("is not carried over: llm-proxy has budgets for a day, a week, a month and in total");
}
