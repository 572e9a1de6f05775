import type { Provider } from "../config/schema.ts";
import { type Field, field } from "../http1/fields.ts";
import { hopByHopTest } from "./hop_by_hop.ts";

/** What the proxy does to the header of a request besides dropping hop-by-hop fields. */
export interface RequestHeaderPolicy {
  /** Places whose credential stays behind; header names among them are dropped. */
  readonly withheld: ReadonlySet<string>;
  /** WebSocket subprotocols beginning so are credentials. */
  readonly keySubprotocolPrefix: string;
  readonly provider: Provider;
  /** The key to put in; absent: passthrough. */
  readonly apiKey?: string | undefined;
  /** Sent where the client sent none. */
  readonly anthropicVersion?: string | undefined;
}

/** Where each provider expects its key. */
const KEY_FIELD: Record<Provider, (key: string) => Field> = {
  openai: (key) => field("authorization", `Bearer ${key}`),
  anthropic: (key) => field("x-api-key", key),
  gemini: (key) => field("x-goog-api-key", key),
  generic: (key) => field("authorization", `Bearer ${key}`),
};

/** Fields that the transport writes itself (`host`) or that the server has answered (`expect`). */
const NOT_FORWARDED: ReadonlySet<string> = new Set(["host", "expect"]);

/** The fields an upstream gets: the client's in their order, unknown ones included, with the credential exchanged. */
export function upstreamFields(incoming: readonly Field[], policy: RequestHeaderPolicy): Field[] {
  const { withheld, provider, apiKey, anthropicVersion } = policy;
  const isHopByHop = hopByHopTest(incoming);
  const fields: Field[] = [];
  let hasVersion = false;
  for (const one of incoming) {
    const { lower } = one;
    if (NOT_FORWARDED.has(lower) || withheld.has(lower) || isHopByHop(lower)) continue;
    if (lower === "sec-websocket-protocol" && withheld.has("subprotocol")) {
      const kept = withoutKeys(one.value, policy.keySubprotocolPrefix);
      if (kept !== "") fields.push({ ...one, value: kept });
      continue;
    }
    hasVersion ||= lower === "anthropic-version";
    fields.push(one);
  }
  if (apiKey !== undefined) fields.push(KEY_FIELD[provider](apiKey));
  if (anthropicVersion !== undefined && !hasVersion) {
    fields.push(field("anthropic-version", anthropicVersion));
  }
  return fields;
}

function withoutKeys(subprotocols: string, prefix: string): string {
  return subprotocols.split(",").map((item) => item.trim()).filter((item) => !item.startsWith(prefix)).join(
    ", ",
  );
}
