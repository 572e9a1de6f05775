/** Lists the models that may serve a request: each model, its backend, and its highest output. */

import type { Operation } from "../apis/operations.ts";
import type { CandidateModel } from "../accounting/charge.ts";
import { overridingModel } from "../config/model_override.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Payload } from "../payload/read_payload.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { possibleOutputTokens } from "./reservation.ts";

/** The most models of a request. The proxy looks up the price of each, and real requests have far fewer. */
const MAX_MODELS = 20;

/**
 * Every model that may respond to a request, at every backend that may get the request. Throws `forbidden` if
 * the request names more than {@link MAX_MODELS} models.
 */
export function candidateModels(
  { endpoint, operation, named, inPath, possiblyNamed, payload, facts, isWebSocket }: {
    endpoint: Endpoint;
    operation: Operation;
    /**
     * The models that the head names. A model override replaces {@link inPath}, and all of them for a
     * WebSocket.
     */
    named: readonly string[];
    /**
     * The model in the path that a model override replaces. `undefined` if the path names none, or several.
     */
    inPath: string | undefined;
    /** The models that are named in places that only some servers read. */
    possiblyNamed: readonly string[];
    payload: Pick<Payload, "models" | "places"> | undefined;
    facts: RequestFacts;
    isWebSocket: boolean;
  },
): CandidateModel[] {
  const { models: inBody = [], places = [] } = payload ?? {};
  const [only] = places;
  const { backends } = endpoint;
  // Most requests name one model once, in the place that a model override replaces.
  if (
    !isWebSocket && only !== undefined && places.length === 1 && inBody.length === 1 &&
    inBody[0] === only.name &&
    possiblyNamed.length === 0 && named.length === 0
  ) {
    return backends.map((backend) =>
      candidate(overridingModel(backend.model, only.name) ?? only.name, {
        backend,
        endpoint,
        operation,
        facts,
      })
    );
  }
  const overridable = new Set(isWebSocket ? named : places.map(({ name }) => name));
  if (!isWebSocket && inPath !== undefined) overridable.add(inPath);
  const others = new Set([
    ...possiblyNamed,
    ...(isWebSocket ? [] : named.filter((name) => name !== inPath)),
    ...repeatedOrOther(inBody, overridable),
  ]);
  others.delete("");
  if (overridable.size + others.size > MAX_MODELS) {
    throw new ProxyFault(
      "forbidden",
      `A budget depends on this request, and it names more than ${MAX_MODELS} models.`,
    );
  }
  return backends.flatMap((backend) => {
    const sent = [...overridable].map((name) => overridingModel(backend.model, name) ?? name);
    return [...new Set([...sent, ...others])].map((model) =>
      candidate(model, { backend, endpoint, operation, facts })
    );
  });
}

function candidate(
  model: string,
  { backend, endpoint, operation, facts }: {
    backend: Backend;
    endpoint: Endpoint;
    operation: Operation;
    facts: RequestFacts;
  },
): CandidateModel {
  const of = model === facts.model ? facts : { ...facts, model };
  return { backend, model, outputTokens: possibleOutputTokens(of, { endpoint, operation, hasBody: true }) };
}

/** Returns the names in a body that a model override does not replace. */
function repeatedOrOther(names: readonly string[], overridable: ReadonlySet<string>): string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    const isOverridable = overridable.has(name) && !seen.has(name);
    seen.add(name);
    return !isOverridable;
  });
}
