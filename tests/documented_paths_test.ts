/** The rule for paths that the docs give closes what tokens under one key share, at every provider. */

import { assert, assertEquals } from "@std/assert";
import { allowsPaths, patternProblem } from "../src/text/path_patterns.ts";

const PAGE = await Deno.readTextFile(new URL("../docs/limits-and-budgets.md", import.meta.url));

/** At the provider, behind the endpoint's name. */
const SHARED: readonly string[] = [
  "/v1/files",
  "/v1/files/file-1/content",
  "/files/abc",
  "/v1/uploads/upload_1/parts",
  "/v1/batches/batch_1",
  "/v1/responses/resp_1",
  "/v1/responses/resp_1/input_items",
  "/v1/chat/completions/chatcmpl_1/messages",
  "/v1/conversations/conv_1/items",
  "/v1/vector_stores/vs_1/search",
  "/v1/assistants",
  "/v1/threads/thread_1/messages",
  "/v1/containers/cntr_1/files/cfile_1/content",
  "/v1/messages/batches/msgbatch_1/results",
  "/v1beta/files/abc",
  "/upload/v1beta/files",
  "/download/v1beta/files/abc:download",
  "/v1beta/openai/files/abc",
  "/v1beta/openai/batches",
  "/v1beta/batches/123",
  "/v1beta/cachedContents/abc",
  "/v1beta/fileSearchStores/abc",
  "/openai/files/abc",
  "/openai/batches",
  "/openai/v1/files/abc",
  "/openai/v1/responses/resp_1",
  "/openai/v1/vector_stores",
];

const USUAL: readonly string[] = [
  "/v1/chat/completions",
  "/v1/models",
  "/v1/responses",
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1/embeddings",
  "/v1/audio/transcriptions",
  "/v1/images/edits",
  "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
  "/v1beta/openai/chat/completions",
  "/openai/deployments/gpt/chat/completions",
  "/openai/v1/responses",
  "/openai/v1/chat/completions",
];

Deno.test("docs/limits-and-budgets.md: its rule for paths closes shared objects at every provider, and nothing usual", () => {
  const [, rule = ""] = /--paths '(![^']+)'/.exec(PAGE) ?? [];
  const patterns = rule.split(",");
  assert(patterns.length > 1, rule);
  assertEquals(patterns.map(patternProblem).filter((problem) => problem !== undefined), []);
  assertEquals(SHARED.filter((path) => allowsPaths(patterns, [path])), []);
  assertEquals(USUAL.filter((path) => !allowsPaths(patterns, [path])), []);
});
