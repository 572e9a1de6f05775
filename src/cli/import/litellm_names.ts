/**
 * How the names of LiteLLM's models change to the names at their providers. In both, `*` means any
 * characters.
 */

/** How the name of a model changes on its way to the provider. */
export type NameChange =
  /** The provider has the same names. */
  | { readonly kind: "same" }
  /** All names change to the name `to`. */
  | { readonly kind: "fixed"; readonly to: string }
  /** The `*` in the name `to` means the characters that the `*` of the model matched. */
  | { readonly kind: "pattern"; readonly to: string }
  /** The proxy removes `prefix/` from the names. */
  | { readonly kind: "prefix"; readonly prefix: string }
  /** A route cannot express the change. */
  | { readonly kind: "other" };

/** Matches the name of a model whose prefix can be the name of an endpoint. */
const ENDPOINT_PREFIX = /^([A-Za-z0-9][\w.-]*)\/(.*)$/s;

/** Returns the change from the name that clients use to the name at the provider. */
export function nameChange(
  { model, upstreamModel }: { readonly model: string; readonly upstreamModel: string },
): NameChange {
  if (model === upstreamModel) return { kind: "same" };
  if (!upstreamModel.includes("*")) return { kind: "fixed", to: upstreamModel };
  // If only the provider's name has a *, LiteLLM does not use it.
  if (!model.includes("*")) return { kind: "same" };
  const [, prefix = "", rest] = ENDPOINT_PREFIX.exec(model) ?? [];
  if (rest === upstreamModel) return { kind: "prefix", prefix };
  const haveOne = [model, upstreamModel].every((name) => name.split("*").length === 2);
  return haveOne ? { kind: "pattern", to: upstreamModel } : { kind: "other" };
}

/** Returns the change that all deployments of a model share. */
export function sharedChange(
  deployments: readonly { readonly model: string; readonly upstreamModel: string }[],
): NameChange {
  const [first, ...others] = deployments.map(nameChange);
  const isShared = first !== undefined &&
    others.every((other) => JSON.stringify(other) === JSON.stringify(first));
  return isShared ? first : { kind: "other" };
}
