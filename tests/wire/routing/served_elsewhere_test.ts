import { assertEquals } from "@std/assert";
import { OneDoor, type OneDoorOptions, type Room } from "../../support/proxies/one_door.ts";
import { until } from "../../support/time/deadline.ts";

const ROOMS: Readonly<Record<string, Room>> = {
  openai: { preset: "openai", models: ["gpt-5.1", "shared"] },
  anthropic: { preset: "anthropic", dialect: "anthropic", models: ["demo-claude", "shared"] },
  gemini: { preset: "gemini", dialect: "gemini", models: ["gemini-3.8-flash"] },
};
const OPTIONS: OneDoorOptions = {
  aliases: { fast: "gpt-5.1", smart: "anthropic/demo-claude" },
  refreshMs: 3_600_000,
};

/** Opens the proxy, and waits until it has the lists of models. */
async function opened(rooms: Readonly<Record<string, Room>>, options = OPTIONS): Promise<OneDoor> {
  const door = new OneDoor(rooms, options);
  const count = Object.values(rooms).filter(({ models }) => models !== undefined).length;
  await until(
    () => door.proxy.log.filter(({ event }) => event === "models_listed").length === count,
    "the lists are read",
  );
  return door;
}

const message = (text: string): string => JSON.parse(text).error.message;

for (
  const [what, path, body, expected] of [
    [
      "a model of Anthropic's API at a path of OpenAI's",
      "/v1/chat/completions",
      '{"model":"demo-claude"}',
      'The endpoint anthropic serves the model "demo-claude" at /v1/messages, and not at this path.',
    ],
    [
      "the name of the endpoint before the model",
      "/v1/responses",
      '{"model":"anthropic/demo-claude"}',
      'The endpoint anthropic serves the model "anthropic/demo-claude" at /v1/messages, and not at this path.',
    ],
    [
      "an alias",
      "/v1/chat/completions",
      '{"model":"smart"}',
      'The endpoint anthropic serves the model "smart" at /v1/messages, and not at this path.',
    ],
    [
      "a model of Google's API",
      "/v1/messages",
      '{"model":"gemini-3.8-flash"}',
      'The endpoint gemini serves the model "gemini-3.8-flash" at /v1beta/models/NAME:generateContent, and not at ' +
      "this path.",
    ],
    [
      "a model of OpenAI's API",
      "/v1/messages",
      '{"model":"gpt-5.1"}',
      'The endpoint openai serves the model "gpt-5.1" at /v1/chat/completions, and not at this path.',
    ],
  ] as const
) {
  Deno.test(`by model: an error names the path that works for ${what}`, async () => {
    await using door = await opened(ROOMS);
    const { response, text } = await door.send(path, body);
    assertEquals(
      [response.status, response.headers.get("x-llm-proxy-error")],
      [404, "model_not_found"],
      text,
    );
    assertEquals(message(text), expected);
    assertEquals(door.arrived, []);
  });
}

Deno.test("by model: a model that several APIs have, and one that no endpoint lists, go to the endpoint of the path", async () => {
  await using door = await opened(ROOMS);
  for (const model of ["shared", "unheard", "gpt-6"]) {
    const { arrived, text } = await door.send("/v1/chat/completions", JSON.stringify({ model }));
    assertEquals(arrived?.endpoint, "openai", text);
  }
});

Deno.test("by model: an endpoint that has sent no list may have any model", async () => {
  const { openai: _, ...others } = ROOMS;
  await using door = await opened({ openai: { preset: "openai" }, ...others });
  const { arrived, text } = await door.send("/v1/chat/completions", '{"model":"demo-claude"}');
  assertEquals(arrived?.endpoint, "openai", text);
});
