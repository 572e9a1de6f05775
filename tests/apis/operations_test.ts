/** The operation of every path that the providers publish. */

import { assertEquals } from "@std/assert";
import { operationOf, recognisedPath } from "../../src/apis/operation_of.ts";
import { factsOf, type Operation, OPERATIONS } from "../../src/apis/operations.ts";
import {
  ANTHROPIC,
  ANTHROPIC_FOLDERS,
  OPENAI,
  OPENAI_FOLDERS,
  OTHERS,
  type Published,
} from "./published_paths.ts";
import { requestsIn } from "./sdk_paths.ts";

/** The operation of each request of a table. */
function byRequest(published: Published): Map<string, Operation> {
  // Object.keys returns strings; the table has no other keys than operations.
  const operations = Object.keys(published) as Operation[];
  return new Map(
    operations.flatMap((operation) =>
      (published[operation] ?? []).map((request): [string, Operation] => [request, operation])
    ),
  );
}

function recognised(request: string, prefix = ""): Operation {
  const [method = "", path = ""] = request.split(" ");
  return operationOf(method, prefix + path.replaceAll("{id}", "id_1"));
}

for (
  const [sdk, published, folders, prefix] of [
    ["openai", OPENAI, OPENAI_FOLDERS, "/v1"],
    ["@anthropic-ai/sdk", ANTHROPIC, ANTHROPIC_FOLDERS, ""],
  ] as const
) {
  Deno.test(`operationOf: every request of the package ${sdk} has the operation that its documentation gives`, async () => {
    const requests = await requestsIn(new URL("./", import.meta.resolve(sdk)));
    const named = byRequest(published);
    const expected = requests.map((request) => {
      const [, path = ""] = request.split(" ");
      const folder = Object.keys(folders).find((one) => path.startsWith(one));
      return [request, named.get(request) ?? (folder && folders[folder])];
    });
    assertEquals(requests.map((request) => [request, recognised(request, prefix)]), expected);
    assertEquals(
      [...named.keys()].filter((request) => !requests.includes(request)),
      [],
      "paths of older versions",
    );
  });
}

for (const [provider, published] of Object.entries(OTHERS)) {
  Deno.test(`operationOf: the requests of ${provider}`, () => {
    const expected = [...byRequest(published)];
    assertEquals(expected.map(([request]) => [request, recognised(request)]), expected);
  });
}

Deno.test("operationOf: every operation is that of a published path, except those for unpublished ones", () => {
  const published = new Set([
    ...[OPENAI, ANTHROPIC, ...Object.values(OTHERS)].flatMap((one) => [...byRequest(one).values()]),
    ...Object.values(OPENAI_FOLDERS),
    ...Object.values(ANTHROPIC_FOLDERS),
  ]);
  assertEquals(
    Object.keys(OPERATIONS).filter((operation) => ![...published].some((one) => one === operation)),
    ["other_stream", "other_upload", "batch_results"],
  );
  assertEquals(recognised("GET /v1/messages/batches/{id}/results"), "batch_results");
  assertEquals(recognised("POST /v1/projects/p/reasoningEngines/{id}:streamQuery"), "other_stream");
  assertEquals(recognised("POST /team/uploads/{id}/parts"), "other_upload");
});

Deno.test("operationOf: capitals, slashes at the end and prefixes do not matter; other spellings do", () => {
  for (
    const path of [
      "/chat/completions",
      "/v1/Chat/Completions/",
      "/v1/chat/completions//",
      "/a/b/v1/chat/completions",
    ]
  ) {
    assertEquals(operationOf("POST", path), "chat_completions", path);
  }
  for (
    const path of [
      "/v1/c%68at/completion%73",
      "/v1/chat/completions;x",
      "/v1/completionsx",
      "/chatcompletions",
    ]
  ) {
    assertEquals(operationOf("POST", path), "unknown", path);
  }
});

Deno.test("operationOf: the root of a server is its status", () => {
  for (const path of ["", "/", "//"]) assertEquals(operationOf("GET", path), "server_status", path);
});

Deno.test("operationOf: an id that looks like the end of another path changes nothing that costs money", () => {
  assertEquals(operationOf("POST", "/v1/conversations/messages"), "conversations");
  assertEquals(operationOf("POST", "/v1/uploads/embeddings"), "upload");
  assertEquals(operationOf("POST", "/v1/organization/usage/completions"), "organization");
  assertEquals(operationOf("POST", "/slots/embeddings"), "server_management");
  assertEquals(operationOf("POST", "/v1/keys/embeddings"), "organization");
});

Deno.test("recognisedPath: the id is that of the object, in its own capitals", () => {
  assertEquals(recognisedPath("/v1/Responses/resp_Ab/cancel"), {
    operation: "response_cancel",
    id: "resp_Ab",
  });
  assertEquals(recognisedPath("/v1/files/file-A/content").id, "file-A");
  assertEquals(recognisedPath("/v1/responses").id, undefined);
});

Deno.test("recognisedPath: the operation does not depend on the id", () => {
  for (
    const folder of [
      "/v1/responses",
      "/v1/batches",
      "/v1/files",
      "/v1beta/interactions",
      "/v1/threads/t/runs",
    ]
  ) {
    const [letters, digits] = [recognisedPath(`${folder}/abc`), recognisedPath(`${folder}/4b`)];
    assertEquals(digits.operation, letters.operation, folder);
    assertEquals(digits.id, letters.id && "4b", folder);
  }
  assertEquals(recognisedPath("/v1/batches/1:cancel"), { operation: "batch", id: "1" });
  assertEquals(recognisedPath("/v1/models/o1:generateContent").operation, "generate_content");
});

Deno.test("recognisedPath: stays right for more paths than it remembers", () => {
  for (let round = 0; round < 2; round++) {
    for (let id = 0; id < 1_200; id++) assertEquals(recognisedPath(`/v1/batches/b${id}`).id, `b${id}`);
    assertEquals(recognisedPath("/v1/messages").operation, "messages");
  }
  assertEquals(recognisedPath(`/v1/batches/${"b".repeat(5_000)}`).id?.length, 5_000);
});

Deno.test("OPERATIONS: what costs nothing does not create objects; what creates them has an unknown cost or a usage", () => {
  const operations = Object.keys(OPERATIONS) as Operation[]; // strings in the type, operations in the table
  assertEquals(
    operations.filter((one) => factsOf(one).cost === "free" && factsOf(one).creates !== undefined),
    [],
  );
  assertEquals(
    operations.filter((one) => factsOf(one).outputLimits !== undefined && factsOf(one).hasNoOutput === true),
    [],
    "a limit of the output means that there is output",
  );
});
