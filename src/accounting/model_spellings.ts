/** Prefixes of a model's name: `models/`, `publishers/google/models/`, `openai/`. */
const FOLDERS = /^.*\//;
/** OpenRouter's suffixes of a model's name: `:nitro`, `:free`, `:online`. */
const VARIANT = /:[a-z]+$/;

/**
 * The spellings under which a list of prices may have a model, the given spelling first. Providers accept a
 * name with a prefix, a suffix, white space and capitals as the same model.
 */
export function modelSpellings(model: string): readonly string[] {
  const plain = model.trim().toLowerCase();
  const name = plain.replace(FOLDERS, "");
  return [...new Set([model, plain, plain.replace(VARIANT, ""), name, name.replace(VARIANT, "")])];
}
