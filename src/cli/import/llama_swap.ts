/** Reads the configuration of llama-swap. */

import {
  ADDRESS,
  ADDRESS_PART,
  compact,
  type Draft,
  type DraftBackend,
  endpointName,
  literal,
  timeoutText,
  withoutLogin,
} from "./draft.ts";
import { MacroSpace } from "./macro_space.ts";
import type { Item } from "./source.ts";

const DEFAULT_START_PORT = 5_800;
const VARIABLE = /^\$\{env\.(\w+)\}$/;
/** The log levels of llama-swap that llm-proxy also has. */
const LEVELS: readonly string[] = ["debug", "info", "warn", "error"];
/** The deepest nesting of macros in macros. */
const MACRO_DEPTH = 10;

/** Reads the file, and adds its content to a draft. */
export function importLlamaSwap(root: Item, draft: Draft): void {
  const macros = readMacros(root.key("macros"), new MacroSpace());
  addModels(root, { draft, macros });
  for (const [name, peer] of root.key("peers").entries()) addPeer(name, peer, draft);
  readApiKeys(root.key("apiKeys").items(), draft);
  const level = root.key("logLevel").text();
  if (level !== undefined && LEVELS.includes(level)) draft.log["level"] = level;
  root.key("healthCheckTimeout").ignore();
  root.key("hooks").leaveOut("is not carried over: llm-proxy starts no programs");
  root.firstOf("groups").leaveOut("is not carried over: llm-proxy starts and stops no programs");
  root.key("routing").leaveOut("is not carried over: llm-proxy starts and stops no programs");
  root.key("globalTTL").leaveOut("is not carried over: llm-proxy stops no programs");
  draft.hints.push(
    "llm-proxy starts and stops no programs. Start the servers yourself at the addresses below, or keep llama-swap " +
      "and write one endpoint with its address as base_url.",
  );
}

interface Macros {
  readonly space: MacroSpace;
  readonly expand: (text: string) => string;
}

function readMacros(item: Item, space: MacroSpace): Macros {
  const values = new Map(
    item.entries().flatMap(([name, value]) => {
      const text = value.text();
      return text === undefined ? [] : [[name, text] as const];
    }),
  );
  return {
    space,
    expand(text) {
      let expanded = text;
      for (let depth = 0; depth < MACRO_DEPTH && /\$\{[\w-]+\}/.test(expanded); depth++) {
        expanded = space.replace(expanded, (whole, name) => values.get(name) ?? whole);
      }
      return expanded;
    },
  };
}

/** Adds the local models. Models with the same address share an endpoint. */
function addModels(root: Item, { draft, macros }: { draft: Draft; macros: Macros }): void {
  let port = root.key("startPort").number() ?? DEFAULT_START_PORT;
  const models = root.key("models").entries().toSorted(([a], [b]) => a < b ? -1 : 1).map(([id, item]) => {
    const [command, proxy] = [item.key("cmd"), item.key("proxy")];
    const ownMacros = readMacros(item.key("macros"), macros.space);
    const expand = (text: string): string =>
      macros.space.replace(
        macros.expand(ownMacros.expand(text)),
        (whole, name) => name === "MODEL_ID" ? id : whole,
      );
    const address = proxy.text() ?? "http://localhost:${PORT}";
    const usesPort = `${expand(command.text() ?? "")}${address}`.includes("${PORT}");
    const expanded = expand(address).replaceAll("${PORT}", String(port));
    command.leaveOut(
      usesPort
        ? `is not carried over: start the server yourself, at port ${port}`
        : "is not carried over: start the server yourself",
    );
    if (usesPort) port++;
    item.key("ttl").leaveOut("is not carried over: llm-proxy stops no programs");
    item.firstOf("cmdStop").ignore();
    item.key("unloadTimeout").ignore();
    item.key("checkEndpoint").ignore();
    item.key("concurrencyLimit").leaveOut(
      "is not carried over: concurrent_requests limits the requests of a token",
    );
    item.key("filters").leaveOut("is not carried over: llm-proxy does not change parameters of requests");
    item.key("unlisted").leaveOut("is not carried over: the server lists its models itself");
    const upstreamModel = item.key("useModelName").text() ?? id;
    return {
      id,
      upstreamModel,
      aliases: item.key("aliases").texts(),
      backend: compact<DraftBackend>({
        base_url: addressOf(proxy, expanded, draft),
        api_key: "none",
        ...readTimeouts(item.key("timeouts")),
      }),
    };
  });
  const ids = new Set(models.map(({ id }) => id));
  for (const group of Map.groupBy(models, ({ backend }) => JSON.stringify(backend)).values()) {
    const [first] = group;
    if (first === undefined) continue;
    const name = draft.freeName(group.length > 1 ? "llama-swap" : first.id);
    draft.endpoints.push({
      name,
      provider: "llamacpp",
      backends: [first.backend],
      served: group.map(({ id }) => id),
    });
    for (const { id, aliases, upstreamModel } of group) {
      draft.addRoute({ model: id, endpoint: name, ...(upstreamModel !== id && { to: upstreamModel }) });
      // If a model has the name of an alias, llama-swap uses the model.
      for (const alias of aliases) if (!ids.has(alias)) draft.addAlias(alias, id);
    }
  }
}

function addPeer(name: string, peer: Item, draft: Draft): void {
  const proxy = peer.key("proxy");
  const address = proxy.text();
  if (address === undefined) return peer.leaveOut("is not carried over: it has no proxy");
  const apiKey = peer.key("apiKey");
  peer.key("filters").leaveOut("is not carried over: llm-proxy does not change parameters of requests");
  const endpoint = draft.freeName(name);
  const models = peer.key("models").texts();
  // As in llama-swap, local models and their aliases take precedence over the models of peers.
  for (const model of models) draft.addRoute({ model, endpoint });
  draft.endpoints.push({
    name: endpoint,
    provider: "openai",
    backends: [compact<DraftBackend>({
      base_url: addressOf(proxy, address, draft),
      api_key: apiKey.isEmpty
        ? "none"
        : readKey(apiKey, { draft, variable: `${name}_API_KEY`, what: `the key of ${name}` }),
      ...readTimeouts(peer.key("timeouts")),
    })],
    served: models,
  });
}

/**
 * Reads the keys of clients. If there are several keys, no variable gets the name PROXY_TOKEN, because the
 * proxy would use that variable as another token.
 */
function readApiKeys(items: readonly Item[], draft: Draft): void {
  for (const [index, item] of items.entries()) {
    const variable = items.length === 1 ? "PROXY_TOKEN" : `CLIENT_TOKEN_${index + 1}`;
    draft.tokens.push(readKey(item, { draft, variable, what: "a token of your clients" }));
  }
}

function readKey(
  item: Item,
  { draft, variable, what }: { draft: Draft; variable: string; what: string },
): string {
  const text = item.text() ?? "";
  const known = VARIABLE.exec(text)?.[1];
  if (known !== undefined) return draft.variable(known, what);
  const key = draft.secret(text, { variable: endpointName(variable), what });
  item.addNote(`is a key in clear: it was not copied. Set ${key.slice(2, -1)} to it`);
  return key;
}

function addressOf(item: Item, text: string, draft: Draft): string {
  const known = VARIABLE.exec(text)?.[1];
  if (known !== undefined) return draft.variable(known, ADDRESS);
  const { url, hadLogin } = withoutLogin(text.replace(/\/+$/, ""));
  if (hadLogin) item.addNote("has a user and a password, which are not copied: put them into headers");
  const parts = url.split(/\$\{env\.(\w+)\}/);
  return parts.map((part, index) => index % 2 === 0 ? literal(part) : draft.variable(part, ADDRESS_PART))
    .join("");
}

/** Reads the timeouts, which are in seconds. Zero means no limit. */
function readTimeouts(item: Item): Partial<DraftBackend> {
  const seconds = (name: string): string | undefined => {
    const value = item.key(name).number();
    return timeoutText(value && Math.round(value * 1000));
  };
  return compact<Partial<DraftBackend>>({
    connect_timeout: seconds("connect"),
    first_byte_timeout: seconds("responseHeader"),
  });
}
