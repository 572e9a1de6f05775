/** The rule for paths that the docs give closes what tokens under one key share, at every provider. */

import { assertEquals } from "@std/assert";
import { pathRuleProblem } from "../src/config/values/path_rules.ts";
import { pathRejection, pathRulesOf } from "../src/limits/path_rules.ts";

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

Deno.test("docs/limits-and-budgets.md: its rules for paths close shared objects at every provider, and nothing usual", () => {
  const rules = [...PAGE.matchAll(/--paths '(![^']+)'/g)].map(([, rule = ""]) => rule.split(","));
  assertEquals(rules.length, 2, "with groups, and with paths");
  for (const entries of rules) {
    assertEquals(entries.map(pathRuleProblem).filter((problem) => problem !== undefined), []);
    const isAllowed = (method: string, path: string) =>
      pathRejection(pathRulesOf(entries), { methods: [method], paths: [path], isWebSocket: false }) ===
        undefined;
    assertEquals(SHARED.filter((path) => isAllowed("GET", path)), [], entries.join());
    assertEquals(USUAL.filter((path) => !isAllowed("POST", path)), [], entries.join());
    assertEquals(["/v1/models", "/api/tags"].filter((path) => !isAllowed("GET", path)), [], entries.join());
  }
});
