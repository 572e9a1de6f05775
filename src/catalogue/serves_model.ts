/** Whether an endpoint serves a model, as far as the proxy knows. */

import type { Backend } from "../config/config.ts";

/**
 * Whether one of the lists has a model, or `models` of a backend names it. A model of Ollama without a tag
 * has the tag `latest`.
 */
export function servesModel(
  { listed, backends }: {
    readonly listed: readonly { readonly has: (model: string) => boolean }[];
    readonly backends: readonly Pick<Backend, "model">[];
  },
  model: string,
): boolean {
  return listed.some((list) => list.has(model) || list.has(`${model}:latest`)) ||
    backends.some((backend) => backend.model?.byName.has(model) === true);
}
