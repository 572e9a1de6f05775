/** The meaning of the keys of a JSON body. Keys are compared in their folded form. */

import { foldKey } from "./fold_key.ts";

/**
 * Keys whose values are conversation, data of the client or JSON schemas, at any depth. A key `model` inside
 * such a value names no model to use.
 */
const FREE_FORM: ReadonlySet<string> = new Set([
  "messages",
  "contents",
  "system",
  "system_instruction",
  "systeminstruction",
  "instructions",
  "metadata",
  "headers",
  "labels",
  "parameters",
  "parametersjsonschema",
  "input_schema",
  "schema",
  "json_schema",
  "responseschema",
  "responsejsonschema",
  "response_schema",
  "response_format",
  "properties",
  "$defs",
  "definitions",
  "guided_json",
  "format",
  "output_schema",
  "arguments",
  "args",
  "variables",
  "logit_bias",
]);
/** The keys of `FREE_FORM` whose values the model reads. */
export const CONVERSATION: ReadonlySet<string> = new Set([
  "messages",
  "contents",
  "system",
  "system_instruction",
  "systeminstruction",
  "instructions",
]);
/** Keys whose values are free-form as in `FREE_FORM`, unless they are objects. */
export const FREE_FORM_UNLESS_OBJECT: ReadonlySet<string> = new Set([
  "input",
  "prompt",
  "documents",
  "query",
]);

/**
 * Keys that refer to content that is not in the body, by the API references of OpenAI, Anthropic, Gemini,
 * Bedrock, Mistral and Cohere. A value that begins with `data:` is the content itself.
 */
export const REFERENCES: ReadonlySet<string> = new Set([
  "url",
  "uri",
  "image_url",
  "file_url",
  "document_url",
  "audio_url",
  "video_url",
  "file_id",
  "fileid",
  "file_uri",
  "fileuri",
  "gcs_uri",
  "previous_response_id",
  "conversation",
  "conversation_id",
  "cached_content",
  "cachedcontent",
  "prompt_id",
  "container",
  "vector_store_ids",
]);
/** Keys inside conversations whose values are arguments of tools. They are not content for the model. */
export const ARGUMENTS: ReadonlySet<string> = new Set(["input", "arguments", "args"]);
/** Whether the value of a key is conversation, data of the client or a JSON schema. */
export function isFreeForm(key: string): boolean {
  return FREE_FORM.has(foldKey(key));
}
