import { assertEquals } from "@std/assert";
import { missingAnswer } from "../../src/objects/missing_object.ts";

const FILE = { id: "file-abc123", reference: "file-abc123" };

Deno.test("missingAnswer: has the message of the provider for an id in the address or the body", () => {
  for (const place of ["address", "body"] as const) {
    assertEquals(missingAnswer("openai", { ...FILE, place }), {
      status: 404,
      body: {
        error: {
          message: "No such File object: file-abc123",
          type: "invalid_request_error",
          param: "id",
          code: null,
        },
      },
    });
  }
});

Deno.test("missingAnswer: says that the uploaded file names the id", () => {
  const messages = [
    missingAnswer("openai", { ...FILE, place: "file" }),
    missingAnswer("openai", { id: "vs_abc123", reference: "vs_abc123", place: "file" }),
    missingAnswer("anthropic", { id: "file_abc123", reference: "file_abc123", place: "file" }),
    missingAnswer("gemini", { id: "files/a", reference: "files/a", place: "file" }),
  ].map(({ status, body }) => `${status} ${JSON.stringify(body).match(/"message":"(.*?)"/)?.[1]}`);
  assertEquals(messages, [
    "404 No such File object: file-abc123. The uploaded file names file-abc123.",
    "404 Vector store with id 'vs_abc123' not found. The uploaded file names vs_abc123.",
    "404 File not found: file_abc123. The uploaded file names file_abc123.",
    "403 You do not have permission to access the File files/a or it may not exist. The uploaded file names files/a.",
  ]);
});
