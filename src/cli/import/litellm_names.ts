/** How the names of models of LiteLLM become the names at their providers, with `*` for any characters. */

/** What has to happen to a name on its way to the provider. */
export type NameChange =
  /** Nothing: the provider has the same names. */
  | { readonly kind: "same" }
  /** All names become this one. */
  | { readonly kind: "fixed"; readonly to: string }
  /** The `*` in this name is what the `*` of the model matched. */
  | { readonly kind: "pattern"; readonly to: string }
  /** The names lose `prefix/`. */
  | { readonly kind: "prefix"; readonly prefix: string }
  /** A route cannot express the change. */
  | { readonly kind: "other" };

/** Matches a prefix that can be the name of an endpoint. */
const ENDPOINT_PREFIX = /^([A-Za-z0-9][\w.-]*)\/(.*)$/s;

/** The change from the name that clients use to the name at the provider. */
export function nameChange(
  { model, upstreamModel }: { readonly model: string; readonly upstreamModel: string },
): NameChange {
  if (model === upstreamModel) return { kind: "same" };
  if (!upstreamModel.includes("*")) return { kind: "fixed", to: upstreamModel };
  // LiteLLM has no use for a * that only the provider's name has.
  if (!model.includes("*")) return { kind: "same" };
  const [, prefix = "", rest] = ENDPOINT_PREFIX.exec(model) ?? [];
  if (rest === upstreamModel) return { kind: "prefix", prefix };
  const haveOne = [model, upstreamModel].every((name) => name.split("*").length === 2);
  return haveOne ? { kind: "pattern", to: upstreamModel } : { kind: "other" };
}

/** The change that several deployments of a model share. */
export function sharedChange(
  deployments: readonly { readonly model: string; readonly upstreamModel: string }[],
): NameChange {
  const [first, ...others] = deployments.map(nameChange);
  const isShared = first !== undefined &&
    others.every((other) => JSON.stringify(other) === JSON.stringify(first));
  return isShared ? first : { kind: "other" };
}
