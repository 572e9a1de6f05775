/** The names under which servers accept the same model. Prices and limits for models compare all of them. */

/** White space and control characters, which some servers skip. */
// deno-lint-ignore no-control-regex -- these are the characters in question
const SKIPPED = /[\s\x00-\x1f\x7f\ufeff]+/g;
/**
 * Prefixes of a model's name: `models/`, `publishers/google/models/`, `openai/`, and of an ARN of Bedrock.
 */
const FOLDERS = /^.*\//;
/** The regions of Bedrock's inference profiles, such as `us.anthropic.claude-sonnet-4`. */
const REGION = /^(?:us|us-gov|eu|apac|ap|jp|au|ca|sa|me|af|global|regional)\.(?=[a-z\d-]+\.)/;
/** The vendors in Bedrock's names. */
const VENDOR =
  /^(?:ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|stability|twelvelabs|writer|zai)\./;
/** OpenRouter's suffixes of a model's name: `:nitro`, `:free`, `:online`. */
const VARIANT = /:[a-z]+$/;
/** Vertex AI's versions: `@20250514`, `@default`. */
const VERSION = /@[\w.-]+$/;

/**
 * The spellings of a model, the given spelling first. Providers accept a name with a prefix, a suffix, white
 * space, capitals and a region as the same model.
 */
export function modelSpellings(model: string): readonly string[] {
  const plain = model.toLowerCase().replaceAll(SKIPPED, "");
  const name = plain.replace(FOLDERS, "");
  const here = name.replace(REGION, "");
  const all = [plain, name, here, here.replace(VENDOR, "")];
  return [...new Set([model, ...all.flatMap(withoutSuffixes)])];
}

function withoutSuffixes(name: string): readonly string[] {
  const plain = name.replace(VARIANT, "");
  return [name, plain, plain.replace(VERSION, "")];
}

/**
 * ARNs whose name does not say which model they are: of application inference profiles, provisioned, custom
 * and imported models, prompts and routers.
 */
const OPAQUE = /^arn:[\w-]+:bedrock:[^/]*:(?!(?:foundation-model|inference-profile)\/)[\w-]+\//;

/** Whether a name is that of a resource of Bedrock, which does not say which model it is. */
export function isOpaqueModel(model: string): boolean {
  return OPAQUE.test(model.toLowerCase().replaceAll(SKIPPED, ""));
}
