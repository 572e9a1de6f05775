import { operationOf } from "../../src/apis/operation_of.ts";
import { assertThrows } from "@std/assert";
import type { Dialect } from "../../src/apis/dialects.ts";
import { ProxyFault } from "../../src/faults.ts";
import { checkCostIsKnown, checkModelIsNamed } from "../../src/admission/budgeted.ts";
import { costOfRequest } from "../../src/admission/known_cost.ts";
import type { Endpoint } from "../../src/config/config.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import type { Principal, Rules } from "../../src/principal.ts";

function principal(...rules: Rules[]): Principal {
  const subjects = rules.map((own, index) => ({ key: String(index), what: "token", rules: own }) as const);
  return { kind: "token", key: "token:1", name: "anna", subjects, keys: new Map() };
}

const OPENAI = testEndpoint("openai", [testBackend("https://api.openai.com")]);
const BUDGET = principal({}, { monthBudgetMicros: 1 });
const UNLIMITED = principal({ models: ["*"] }, { tokensPerMinute: 5 });

/** Checks a request by its line, and the dialect of the endpoint if it requests a WebSocket. */
function checkCost(
  who: Principal,
  { webSocketDialect, method, path, endpoint }: {
    method: string;
    path: string;
    endpoint: Endpoint;
    webSocketDialect: Dialect | false;
  },
): void {
  const cost = costOfRequest({
    method,
    operation: operationOf(method, path),
    endpoint,
    isWebSocket: webSocketDialect !== false,
    query: "",
  });
  checkCostIsKnown(who, { cost, webSocketDialect });
}

/** What clients of the providers send, and what answers tell or costs nothing. */
const KNOWN = [
  "POST /v1/chat/completions",
  "POST /chat/completions",
  "POST /v1/Chat/Completions/",
  "POST /v1/completions",
  "POST /v1/fim/completions",
  "POST /v1/responses",
  "POST /v1/responses/compact",
  "POST /v1/responses/input_tokens",
  "POST /v1/responses/resp_1/cancel",
  "GET /v1/responses/resp_1",
  "DELETE /v1/responses/resp_1",
  "POST /v1/embeddings",
  "POST /v1/moderations",
  "POST /v1/images/generations",
  "POST /v1/images/edits",
  "POST /v1/audio/speech",
  "POST /v1/audio/transcriptions",
  "POST /v1/audio/translations",
  "GET /v1/models",
  "HEAD /v1/models",
  "GET /v1/models/gpt-4.1",
  "POST /v1/files",
  "GET /v1/files/file-1/content",
  "DELETE /v1/files/file-1",
  "POST /v1/uploads",
  "POST /v1/uploads/upload_1/parts",
  "POST /v1/uploads/upload_1/complete",
  "POST /v1/uploads/upload_1/cancel",
  "POST /v1/conversations",
  "POST /v1/conversations/conv_1/items",
  "GET /v1/batches",
  "POST /v1/batches/batch_1/cancel",
  "POST /v1/fine_tuning/jobs/ftjob-1/cancel",
  "POST /v1/messages",
  "POST /v1/messages/count_tokens",
  "POST /v1/messages/batches/batch_1/cancel",
  "POST /v1/rerank",
  "POST /v2/chat",
  "POST /openai/deployments/mine/chat/completions",
  "POST /openai/v1/files",
  "POST /v1beta/models/gemini-2.5-pro:generateContent",
  "POST /v1beta/models/gemini-2.5-pro:streamGenerateContent",
  "POST /v1beta/models/gemini-embedding-001:embedContent",
  "POST /v1beta/models/gemini-embedding-001:batchEmbedContents",
  "POST /v1beta/models/gemini-2.5-pro:countTokens",
  "POST /upload/v1beta/files",
  "POST /v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict",
  "POST /model/anthropic.claude-sonnet-4-5/converse-stream",
  "POST /model/anthropic.claude-sonnet-4-5/invoke",
];
/** What goes on costing after its answer, costs by other measures, or is not known here. */
const UNKNOWN = [
  "POST /v1/batches",
  "POST /v1/Batches/",
  "POST /v1/messages/batches",
  "POST /v1beta/models/gemini-2.5-pro:batchGenerateContent",
  "POST /v1beta/models/gemini-embedding-001:asyncBatchEmbedContent",
  "POST /v1beta/models/imagen-4:predict",
  "POST /v1beta/models/veo-3:predictLongRunning",
  "POST /v1beta/cachedContents",
  "POST /v1/threads/runs",
  "POST /v1/threads/thread_1/runs",
  "POST /v1/threads/thread_1/runs/run_1/submit_tool_outputs",
  "POST /v1/evals/eval_1/runs",
  "POST /v1/fine_tuning/jobs",
  "POST /v1/fine_tuning/jobs/ftjob-1/resume",
  "POST /v1/videos",
  "POST /v1/videos/video_1/remix",
  "POST /v1/vector_stores",
  "POST /v1/vector_stores/vs_1/files",
  "POST /v1/containers",
  "POST /v1/realtime/client_secrets",
  "POST /v1/realtime/sessions",
  "POST /v1/realtime/calls",
  "POST /v1/c%68at/completions/x",
  "PUT /v1/batches",
  "PATCH /v1/anything",
  "INVENT /v1/batches",
];

Deno.test("checkCostIsKnown: a budget allows what tells its cost or has none", () => {
  for (const line of KNOWN) {
    const [method = "", path = ""] = line.split(" ");
    checkCost(BUDGET, { method, path, endpoint: OPENAI, webSocketDialect: false });
  }
});

Deno.test("checkCostIsKnown: a budget refuses all else, and says why; without a budget nothing is refused", () => {
  for (const line of UNKNOWN) {
    const [method = "", path = ""] = line.split(" ");
    const check = (who: Principal) =>
      checkCost(who, { method, path, endpoint: OPENAI, webSocketDialect: false });
    assertThrows(() => check(BUDGET), ProxyFault, "the cost of this path is unknown");
    check(UNLIMITED);
  }
});

Deno.test("checkCostIsKnown: of WebSockets a budget allows OpenAI's realtime sessions alone", () => {
  const check = (path: string, webSocketDialect: Dialect) =>
    checkCost(BUDGET, { method: "GET", path, endpoint: OPENAI, webSocketDialect });
  check("/v1/realtime", "openai");
  assertThrows(
    () => check("/v1/responses", "openai"),
    ProxyFault,
    "the only WebSocket with a known cost is a new session of /realtime",
  );
  assertThrows(
    () => check("/v1/realtime", "gemini"),
    ProxyFault,
    "the only WebSocket with a known cost is a new session of /realtime",
  );
  checkCost(UNLIMITED, {
    method: "GET",
    path: "/live",
    endpoint: OPENAI,
    webSocketDialect: "gemini",
  });
});

Deno.test("checkModelIsNamed: only a budget asks for a model", () => {
  assertThrows(() => checkModelIsNamed(BUDGET), ProxyFault, "names no model");
  checkModelIsNamed(UNLIMITED);
});

Deno.test("checkCostIsKnown: conversations keep items at OpenAI, and run a model at other providers", () => {
  const request = { method: "POST", path: "/v1/conversations", webSocketDialect: false } as const;
  const mistral = testEndpoint("mistral", [testBackend("https://api.mistral.ai")], {
    priceProvider: "mistral",
  });
  const azure = testEndpoint("azure", [testBackend("https://a.openai.azure.com")]);
  checkCost(BUDGET, { ...request, endpoint: OPENAI });
  checkCost(BUDGET, { ...request, endpoint: azure });
  assertThrows(() => checkCost(BUDGET, { ...request, endpoint: mistral }), ProxyFault, "has a budget");
});
