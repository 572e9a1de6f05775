/** Reads the configuration of Olla. */

import {
  ADDRESS,
  compact,
  type Draft,
  type DraftBackend,
  endpointName,
  literal,
  timeoutText,
  withoutLogin,
} from "./draft.ts";
import type { Item } from "./source.ts";

/** The providers of llm-proxy, by the types of Olla's endpoints. */
const TYPES: Readonly<Record<string, string>> = {
  "ollama": "ollama",
  "lm-studio": "lmstudio",
  "lmstudio": "lmstudio",
  "vllm": "vllm",
  "llamacpp": "llamacpp",
  "openai": "openai",
};
/** The provider for endpoints of other types. They have OpenAI's API. */
const OTHER_TYPE = "openai";
const STRATEGIES: Readonly<Record<string, string>> = {
  "priority": "failover",
  "round-robin": "round_robin",
  "least-connections": "least_busy",
};
/** The default statuses, and 404. With a 404, servers reject a model that they do not have. */
const RETRY_STATUSES: readonly number[] = [404, 429, 500, 502, 503, 529];
const REFERENCE = /^\$\{(\w+)(?::-.*)?\}$/s;
const SECRET_HEADER = /auth|cookie|key|secret|token/i;
const DEFAULT_PRIORITY = 100;

/** Reads the file, and adds its content to a draft. */
export function importOlla(root: Item, draft: Draft): void {
  readServer(root.key("server"), draft);
  const proxy = root.key("proxy");
  const timeouts = readTimeouts(proxy);
  const strategyItem = proxy.key("load_balancer");
  const wanted = strategyItem.text() ?? "priority";
  const strategy = STRATEGIES[wanted];
  if (strategy === undefined) strategyItem.leaveOut("is not known to llm-proxy: the endpoint uses failover");
  const retry = proxy.key("retry");
  const attempts = retry.key("max_attempts").number() ?? 0;
  const retries = retry.key("enabled").flag() === false ? 0 : attempts > 0 ? attempts - 1 : undefined;
  retry.ignore();
  addEndpoints(root, { draft, timeouts, strategy: strategy ?? "failover", retries });
  addAliases(root.key("model_aliases"), draft);

  for (const name of ["engine", "profile"]) proxy.key(name).ignore();
  proxy.key("sticky_sessions").leaveOut("is not carried over");
  root.key("discovery").key("health_check").ignore();
  root.key("discovery").firstOf("type", "refresh_interval").ignore();
  root.key("discovery").key("refresh_interval").ignore();
  root.key("discovery").key("model_discovery").leaveOut(
    "is not needed: llm-proxy reads the lists of models itself; models_refresh says how often",
  );
  root.key("model_registry").leaveOut(
    "is not carried over: the first endpoint whose list has the model gets a request",
  );
  const translator = root.key("translators").key("anthropic");
  if (translator.key("enabled").flag() === true) {
    translator.leaveOut(
      "is not carried over: llm-proxy translates no API. Ollama and others serve /v1/messages themselves",
    );
  }
  const log = root.key("logging");
  const level = log.key("level").text();
  if (level !== undefined && ["debug", "info", "warn", "error"].includes(level)) draft.log["level"] = level;
  if (log.key("format").text() === "json") draft.log["format"] = "json";
  draft.hints.push(
    "Olla requires no token from clients. llm-proxy requires PROXY_TOKEN, which clients send as their API key.",
  );
}

function readServer(server: Item, draft: Draft): void {
  const host = server.key("host").text();
  if (host !== undefined) draft.server["host"] = host === "localhost" ? "127.0.0.1" : host;
  const port = server.key("port").number();
  if (port !== undefined) draft.server["port"] = port;
  const cors = server.key("cors");
  if (cors.key("enabled").flag() === true) {
    const origins = cors.key("allowed_origins").texts();
    if (origins.length > 0) draft.server["cors_origins"] = origins;
  } else cors.ignore();
  const limits = server.key("request_limits");
  const [body, head] = [limits.key("max_body_size").number(), limits.key("max_header_size").number()];
  if (body !== undefined && body > 0) draft.server["max_body_bytes"] = body;
  if (head !== undefined && head > 0) draft.server["max_header_bytes"] = head;
  const rates = server.key("rate_limits");
  if (rates.key("trust_proxy_headers").flag() === true) {
    const ranges = rates.key("trusted_proxy_cidrs").texts();
    if (ranges.length > 0) draft.server["trusted_proxies"] = ranges;
  }
  rates.leaveOut("is not carried over: llm-proxy limits tokens, with requests_per_minute");
  const drain = milliseconds(server.key("shutdown_timeout").text());
  if (drain !== undefined && drain > 0) draft.server["drain_seconds"] = Math.ceil(drain / 1000);
  const headerTimeout = duration(server.key("read_header_timeout"));
  if (headerTimeout !== undefined) draft.server["header_timeout"] = headerTimeout;
}

function readTimeouts(proxy: Item): Partial<DraftBackend> {
  return compact<Partial<DraftBackend>>({
    connect_timeout: duration(proxy.key("connection_timeout")),
    first_byte_timeout: duration(proxy.key("response_header_timeout")),
    idle_timeout: duration(proxy.key("read_timeout")),
    total_timeout: duration(proxy.key("response_timeout")),
  });
}

/**
 * Adds the endpoints. Servers of the same type become the backends of one endpoint. The highest priority is
 * first.
 */
function addEndpoints(
  root: Item,
  { draft, timeouts, strategy, retries }: {
    draft: Draft;
    timeouts: Partial<DraftBackend>;
    strategy: string;
    retries: number | undefined;
  },
): void {
  const servers = root.key("discovery").key("static").key("endpoints").items().flatMap((item) => {
    const type = item.key("type").text() ?? "openai-compatible";
    const priority = item.key("priority").number() ?? DEFAULT_PRIORITY;
    for (const name of ["model_url", "health_check_url", "check_interval", "check_timeout"]) {
      item.key(name).ignore();
    }
    const backend = readBackend(item, draft);
    return backend === undefined ? [] : [{ item, type, priority, backend }];
  });
  const byPriority = servers.toSorted((a, b) => b.priority - a.priority);
  // If several endpoints list a model, the first of them gets its requests.
  for (const [type, sorted] of Map.groupBy(byPriority, ({ type }) => type)) {
    const several = sorted.length > 1;
    draft.endpoints.push(compact({
      name: draft.freeName(type),
      provider: TYPES[type] ?? OTHER_TYPE,
      strategy: several ? strategy : undefined,
      retries: several ? retries : undefined,
      retry_statuses: several && retries !== 0 ? RETRY_STATUSES : undefined,
      backends: sorted.map(({ backend }) => compact<DraftBackend>({ ...backend, ...timeouts })),
      served: [],
    }));
  }
  // The default endpoint gets requests for models that are in no list, such as models of servers that have
  // not responded yet.
  const [first, second] = draft.endpoints;
  if (first !== undefined && second !== undefined) draft.server["default_endpoint"] = first.name;
}

function readBackend(item: Item, draft: Draft): DraftBackend | undefined {
  const address = item.key("url");
  const text = address.text();
  if (text === undefined) {
    item.leaveOut("is not carried over: it has no url");
    return undefined;
  }
  const name = endpointName(item.key("name").text() ?? "server");
  const { url, hadLogin } = withoutLogin(text);
  if (hadLogin) address.addNote("has a user and a password, which are not copied: put them into headers");
  return compact<DraftBackend>({
    name,
    base_url: reference(url, draft, ADDRESS) ?? literal(url),
    ...readAuth(item.key("auth"), { draft, name }),
    headers: readHeaders(item.key("headers"), { draft, name }),
  });
}

function readAuth(
  auth: Item,
  { draft, name }: { draft: Draft; name: string },
): Pick<DraftBackend, "api_key" | "key_header"> {
  const type = auth.key("type").text();
  if (type === undefined) return { api_key: "none" };
  const value = type === "bearer" ? auth.key("token") : type === "api_key" ? auth.key("key") : undefined;
  if (value === undefined) {
    auth.leaveOut(`is not carried over: set the header authorization in headers of the backend ${name}`);
    return { api_key: "none" };
  }
  const variable = `${name}_API_KEY`;
  const what = `the key of ${name}`;
  const text = value.text();
  const header = auth.key("header").text();
  const key_header = type === "api_key" ? (header ?? "x-api-key").toLowerCase() : "authorization";
  if (text === undefined) {
    auth.firstOf("token_file", "key_file").leaveOut(
      `is not carried over: set ${variableOf(variable)} to its content`,
    );
    return { api_key: draft.variable(variableOf(variable), what), key_header };
  }
  const known = reference(text, draft, what);
  if (known !== undefined) return { api_key: known, key_header };
  const api_key = draft.secret(text, { variable, what });
  value.addNote(`is a key in clear: it was not copied. Set ${api_key.slice(2, -1)} to it`);
  return { api_key, key_header };
}

function readHeaders(item: Item, { draft, name }: { draft: Draft; name: string }): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [header, value] of item.entries()) {
    const text = value.text();
    if (text === undefined) continue;
    const what = `the header ${header} of ${name}`;
    const known = reference(text, draft, what);
    if (known !== undefined) headers[header] = known;
    else if (!SECRET_HEADER.test(header)) headers[header] = literal(text);
    else {
      headers[header] = draft.secret(text, { variable: `${name}_${header}`, what });
      value.addNote(`is a secret in clear: it was not copied. Set ${headers[header].slice(2, -1)} to it`);
    }
  }
  return headers;
}

/**
 * Adds the aliases. An alias stands for one real name. The lists of the servers decide which endpoint has the
 * model.
 */
function addAliases(item: Item, draft: Draft): void {
  for (const [alias, names] of item.entries()) {
    const [first, ...others] = names.texts();
    if (first === undefined) continue;
    if (others.length > 0) names.addNote("has several names: the alias stands for the first");
    draft.addAlias(alias, first);
  }
}

/**
 * Returns the reference to a variable, if the text is one. A default value of the variable is not carried
 * over.
 */
function reference(text: string, draft: Draft, what: string): string | undefined {
  const name = REFERENCE.exec(text)?.[1];
  return name === undefined ? undefined : draft.variable(name, what);
}

function variableOf(text: string): string {
  return text.replace(/\W+/g, "_").toUpperCase();
}

/** Reads a duration in the format of Go, such as `1m30s`. Zero means no limit. */
function duration(item: Item): string | undefined {
  return timeoutText(milliseconds(item.text()));
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function milliseconds(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) {
    return text === "0" ? 0 : undefined;
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return Math.round(
    parts.reduce((sum, [, count, unit = "s"]) => sum + Number(count) * (UNITS[unit] ?? 0), 0),
  );
}
