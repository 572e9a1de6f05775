import { assert, assertEquals } from "@std/assert";
import { readForModel } from "../../src/admission/read_for_model.ts";
import { Cancellation } from "../../src/cancellation.ts";
import { ProxyFault } from "../../src/faults.ts";
import { HeldBytes } from "../../src/capacity/held_bytes.ts";
import { shortName } from "../../src/payload/model_name.ts";
import { ANONYMOUS } from "../../src/principal.ts";
import { random } from "../support/data/random.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { textSource } from "../support/proxies/handler.ts";

async function modelOf(
  body: string,
  path = "/v1/chat/completions",
): Promise<Awaited<ReturnType<typeof readForModel>>> {
  const [apiPath = "", query = ""] = path.split("?");
  return await readForModel(
    {
      request: {
        method: "POST",
        target: path,
        fields: fieldsOf("content-type: application/json"),
        body: textSource(body),
        peer: "192.0.2.1",
        entry: "all",
        cancellation: new Cancellation(),
      },
      principal: ANONYMOUS,
      apiPath,
      query,
      holder: "anna",
    },
    { maxBodyBytes: undefined, receivingSlots: { acquire: () => () => {} } },
    {
      isWebSocket: path.includes("/realtime"),
      bodyMemory: new HeldBytes(1e9).share("anna"),
      maxBytes: 1e6,
      limiter: undefined,
    },
  );
}

const KEYS = [
  '"model"',
  '"mod\\u0065l"',
  '"Model"',
  '"messages"',
  '"x"',
  '"models"',
  '"metadata"',
  '"m\\odel"',
];
const VALUES = [
  '"gpt-5"',
  '"groq/llama"',
  '"a\\u002fb"',
  '" a"',
  '"\\ud83d\\ude00"',
  '"\ud83d\ude00"',
  '""',
  "null",
  "7",
  "[]",
  "true",
  '"a',
  "1e",
];
const SPACES = ["", " ", "\n", "\t ", "\u00a0"];

/** A JSON text that is often valid, often has `model` in odd spellings, and is sometimes broken. */
function randomBody(below: (limit: number) => number, depth = 0): string {
  const space = () => SPACES[below(40) === 0 ? 4 : below(4)] ?? "";
  const members = Array.from({ length: below(4) }, () => {
    const key = KEYS[below(KEYS.length)];
    const value = depth < 2 && below(4) === 0
      ? (below(2) === 0 ? randomBody(below, depth + 1) : `[${randomBody(below, depth + 1)}]`)
      : VALUES[below(below(8) === 0 ? VALUES.length : 10)];
    return `${space()}${key}${space()}:${space()}${value}${space()}`;
  });
  const text = `{${members.join(below(50) === 0 ? ",," : ",")}${space()}}`;
  return below(60) === 0 ? text.slice(0, below(text.length)) : text;
}

Deno.test("readForModel: in 10,000 bodies, the model is what JSON.parse sees, or the body is a 400", async () => {
  const { below } = random(20261129);
  const seen = { named: 0, unnamed: 0, rejected: 0 };
  for (let count = 0; count < 10_000; count++) {
    const body = randomBody(below);
    let model: string | undefined;
    try {
      model = (await modelOf(body)).name;
    } catch (error) {
      assert(error instanceof ProxyFault && error.code === "bad_request", `${body}: ${error}`);
      seen.rejected++;
      continue;
    }
    const parsed = body === "" ? {} : JSON.parse(body);
    const expected = typeof parsed.model === "string" ? shortName(parsed.model) : undefined;
    assertEquals(model, expected, body);
    seen[model === undefined ? "unnamed" : "named"]++;
  }
  assert(Math.min(...Object.values(seen)) > 500, JSON.stringify(seen));
});

Deno.test("readForModel: a replaced model is in the body, the path or the query, and all else stays", async () => {
  const inBody = await modelOf('{"model":"fast","models":["fast"]}');
  const { payload } = inBody.withModel("slow").read ?? {};
  assertEquals(payload?.places.map(({ name, written }) => [name, written]), [["slow", "fast"]]);
  assertEquals([payload?.models, payload?.facts.model], [["slow"], "slow"]);
  const inPath = await modelOf("{}", "/v1beta/models/a%2Fb:generateContent");
  assertEquals(inPath.name, "a/b");
  assertEquals(inPath.withModel("c/d").apiPath, "/v1beta/models/c%2Fd:generateContent");
  const inQuery = await modelOf("", "/v1/realtime?a=1&model=fast&b");
  assertEquals([inQuery.name, inQuery.withModel("gpt realtime").query], [
    "fast",
    "a=1&model=gpt%20realtime&b",
  ]);
});
