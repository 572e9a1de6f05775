/**
 * The lists of a proxy that `llm-proxy run` reads, and the names in them that may reach the terminal and the
 * client.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../src/cli/command_error.ts";
import { servedEndpoints, servedModels } from "../../src/cli/run_client/endpoint_list.ts";
import { checkModel } from "../../src/cli/run_client/run_client.ts";
import { FakeUpstream, plainAnswer } from "../support/upstreams/fake_upstream.ts";

/** A server that answers every request with this JSON, in ASCII. */
function answering(value: unknown): FakeUpstream {
  const text = JSON.stringify(value).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer(text)) });
}

const listOf = (name: string) => ({
  endpoints: [{ name, dialect: "openai", forwards_client_key: false }],
  default_endpoint: null,
});

Deno.test("lists of the proxy: a name that no endpoint can have makes the list invalid", async () => {
  for (
    const name of ["a\x1b]0;title\x07", "a\nb", "", "../manage", "a/b", "a\u202eb", "x".repeat(65), "a\0"]
  ) {
    await using server = answering(listOf(name));
    const error = await assertRejects(
      () => servedEndpoints({ url: server.origin, token: undefined, ca: undefined }),
      CommandError,
      "is not llm-proxy",
    );
    assertEquals(/[^ -~]/.exec(error.message), null);
  }
  await using server = answering(listOf("My_endpoint-1.b"));
  const { endpoints } = await servedEndpoints({ url: server.origin, token: undefined, ca: undefined });
  assertEquals(endpoints.map(({ name }) => name), ["My_endpoint-1.b"]);
});

Deno.test("lists of the proxy: only plain names of models count, because clients replace parts of other ones", async () => {
  const plain = ["org/good:7b", "A.b_c-1@2+3", "0", "x".repeat(200)];
  const others = [
    ...["a\x1b[2J", "a\0", "a\nb", "a\u202eb", "a\u009bb", "", "größer", "a\n"],
    // opencode and Continue replace these by files, variables and secrets of the user.
    ...["{file:/etc/passwd}", "a{env:HOME}", "${{ secrets.X }}", "a${HOME}", "$HOME", "a`id`", "%PATH%"],
    ...["-x", "--model", "../x", "/x", "a b", " a", "~/x", "a'b", 'a"b', "a\\b", "a;b", "a|b", "a=b"],
    "x".repeat(201),
  ];
  await using server = answering({ data: [...others, ...plain].map((id) => ({ id })) });
  const place = { url: server.origin, token: undefined, ca: undefined };
  assertEquals(await servedModels(place, "openai"), plain);
});

Deno.test("a model with control characters is an error that shows them as escapes", async () => {
  const error = await assertRejects(
    () => Promise.resolve().then(() => checkModel("a\0\x1bb")),
    CommandError,
    String.raw`The name of the model has invisible characters: a\x00\x1bb`,
  );
  assertEquals(error.exitCode, 2);
  checkModel("org/größer:7b");
});
