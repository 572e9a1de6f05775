/** Folders in front of a model's name: `models/`, `publishers/google/models/`, `openai/`. */
const FOLDERS = /^.*\//;
/** What OpenRouter puts behind a model's name: `:nitro`, `:free`, `:online`. */
const VARIANT = /:[a-z]+$/;

/**
 * The spellings under which a list of prices may have a model, the one that was used first: clients may write a folder
 * in front of a name, a variant behind it, and blanks and capitals, and providers take it for the same model.
 */
export function modelSpellings(model: string): readonly string[] {
  const plain = model.trim().toLowerCase();
  const name = plain.replace(FOLDERS, "");
  return [...new Set([model, plain, plain.replace(VARIANT, ""), name, name.replace(VARIANT, "")])];
}
