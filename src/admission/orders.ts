/** What a request may order: which model at which backend, and how much output of it. */

import { overridingModel } from "../config/model_override.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Payload } from "../payload/read_payload.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { possibleOutputTokens } from "./reservation.ts";

/** More names than a request has fallbacks; the price of each is looked up. */
const MAX_MODELS = 20;

/**
 * All that a request may order, at every backend that may be asked. Throws `forbidden` where it names more models than
 * are looked up.
 */
export function ordersOf(
  { endpoint, path, named, besides, payload, facts, upgrade }: {
    endpoint: Endpoint;
    /** What is left for the backend. */
    path: string;
    /** The models of the head: no override writes these, but for a WebSocket's. */
    named: readonly string[];
    /** Where only some servers look. */
    besides: readonly string[];
    payload: Pick<Payload, "models" | "places"> | undefined;
    facts: RequestFacts;
    upgrade: boolean;
  },
): { backend: Backend; model: string; outputTokens: number }[] {
  const { models: inBody = [], places = [] } = payload ?? {};
  const written = new Set(upgrade ? named : places.map(({ name }) => name));
  const others = new Set([...besides, ...(upgrade ? [] : named), ...repeatedOrOther(inBody, written)]);
  others.delete("");
  if (written.size + others.size > MAX_MODELS) {
    throw new ProxyFault(
      "forbidden",
      `A budget depends on this request, and it names more than ${MAX_MODELS} models.`,
    );
  }
  return endpoint.backends.flatMap((backend) => {
    const sent = [...written].map((name) => overridingModel(backend.model, name) ?? name);
    return [...new Set([...sent, ...others])].map((model) => ({
      backend,
      model,
      outputTokens: possibleOutputTokens({ ...facts, model }, {
        endpoint,
        path,
        hasBody: true,
      }),
    }));
  });
}

/** The names in a body that stand elsewhere than where an override writes. */
function repeatedOrOther(names: readonly string[], written: ReadonlySet<string>): string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    const isWritten = written.has(name) && !seen.has(name);
    seen.add(name);
    return !isWritten;
  });
}
