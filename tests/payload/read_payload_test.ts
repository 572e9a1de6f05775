import { operationOf } from "../../src/apis/operation_of.ts";
import { assertEquals } from "@std/assert";
import zlib from "node:zlib";
import { ProxyFault } from "../../src/faults.ts";
import { fieldValue } from "../../src/http/fields.ts";
import { type Payload, readPayload } from "../../src/payload/read_payload.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { random } from "../support/data/random.ts";

const JSON_TYPE = "Content-Type: application/json";
const FORM_TYPE = "Content-Type: multipart/form-data; boundary=b";
const encode = (text: string) => new TextEncoder().encode(text);

async function read(
  body: string | Uint8Array,
  lines: readonly string[] = [JSON_TYPE],
  { path = "/v1/chat/completions", maxBytes = 100_000, mustBeKnown = true } = {},
): Promise<Payload | string> {
  try {
    return await readPayload(typeof body === "string" ? encode(body) : body, {
      fields: fieldsOf(...lines),
      operation: operationOf("POST", path),
      maxBytes,
      mustBeKnown,
      readsFiles: true,
      hold() {},
    });
  } catch (error) {
    if (error instanceof ProxyFault) return error.code;
    throw error;
  }
}

async function modelsOf(...parts: Parameters<typeof read>): Promise<readonly string[] | string> {
  const payload = await read(...parts);
  return typeof payload === "string" ? payload : payload.models;
}

Deno.test("readPayload: blanks before a name are left out, and a name that is far too long is rejected", async () => {
  assertEquals(await modelsOf(`{"model":"${" ".repeat(300)}gpt-5"}`), ["gpt-5"]);
  assertEquals(await modelsOf(`{"model":"\\u0000\\t\ufeffgpt-5 "}`), ["gpt-5"]);
  assertEquals(await modelsOf(`{"model":"${"a".repeat(300)}"}`), ["a".repeat(200)]);
  assertEquals(await modelsOf(`{"model":"${" ".repeat(3_000)}gpt-5"}`), "bad_request");
});

Deno.test("readPayload: keys that Go reads as watched ones are no other keys", async () => {
  // `encoding/json` takes U+017F for s and U+212A for k.
  assertEquals(await modelsOf('{"model":"a","model\u017f":["b"]}'), ["a", "b"]);
  assertEquals(await modelsOf('{"model":"a","fallbac\u212a\u017f":["b"]}'), ["a", "b"]);
  assertEquals(await modelsOf('{"\uff4dodel":"b"}'), "bad_request");
  for (const key of ["max_token\u017f", "\u017ftream", "\u017fervice_tier", "be\u017ft_of"]) {
    assertEquals(await modelsOf(`{"model":"a","${key}":1}`), "bad_request", key);
  }
});

Deno.test("readPayload: an agent, an assistant and a preset stand for a model", async () => {
  assertEquals(await modelsOf('{"agent_id":"ag_1","model":"a"}'), ["ag_1", "a"]);
  assertEquals(await modelsOf('{"assistant_id":"asst_1"}'), ["asst_1"]);
  assertEquals(await modelsOf('{"preset":"x"}'), ["x"]);
});

/** Bodies whose model reads what is elsewhere, and bodies that hold all that it reads. */
const ELSEWHERE = [
  '{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://a.test/x.png"}}]}]}',
  '{"messages":[{"content":[{"type":"document","source":{"type":"url","url":"https://a.test/x.pdf"}}]}]}',
  '{"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"f_1"}}]}]}',
  '{"input":[{"content":[{"type":"input_file","file_url":"https://a.test/x.pdf"}]}]}',
  '{"input":"x","previous_response_id":"resp_1"}',
  '{"input":"x","conversation":"conv_1"}',
  '{"input":"x","prompt":{"id":"pmpt_1"}}',
  '{"contents":[{"parts":[{"fileData":{"fileUri":"gs://a/x.pdf"}}]}]}',
  '{"contents":[],"cachedContent":"cachedContents/1"}',
  '{"messages":[{"content":[{"image":{"source":{"s3Location":{"uri":"s3://a/x.png"}}}}]}]}',
  '{"input":[{"type":"item_reference","id":"msg_1"}]}',
  '{"input":[{"type":"item_\\u0072eference","id":"msg_1","content":[]}]}',
  '{"input":[{"id":"msg_1"}]}',
  '{"input":[{"id":"rs_1","type":"reasoning","status":"completed"}]}',
  '{"input":"x","conversation":{"id":"conv_1"}}',
  '{"input":"x","conversation":{"a":{"b":["conv_1"]}}}',
  '{"input":"x","previous_interaction_id":"i_1"}',
  '{"input":[{"role":"user","content":"?","attachments":[{"file_ids":["file_1"]}]}]}',
  '{"messages":[{"role":"assistant","audio":{"id":"audio_1","transcript":"x"}}]}',
  '{"messages":[{"content":[{"type":"file","file":{"file_data":"https://a.test/a.pdf"}}]}]}',
  '{"messages":[{"content":[{"type":"file","file":{"file_data":"HTTPS:\\/\\/a.test/a.pdf"}}]}]}',
  '{"messages":[{"content":[{"type":"a_new_part","asset":"gs://a/b"}]}]}',
  '{"messages":[{"content":[{"type":"a_new_part","asset":"\\u0068ttps:\\u002f/a.test"}]}]}',
  '{"messages":[{"content":[{"type":"a_new_part","asset":"file-abcdefgh"}]}]}',
  '{"messages":[{"content":[{"type":"a_new_part","assetId":"x"}]}]}',
  '{"messages":[{"content":[{"type":"a_new_part","asset_urls":["x"]}]}]}',
  '{"messages":[{"content":[{"type":"image_url","image_url":{"url":{"href":"x"}}}]}]}',
  '{"tools":[{"type":"mcp","server_url":"https://a.test"}]}',
  '{"tools":[{"type":"mcp","connector_id":"connector_dropbox"}]}',
];
const WITHIN = [
  '{"messages":[{"content":"https://a.test/x.png"}]}',
  '{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}',
  '{"messages":[{"content":[{"type":"tool_use","input":{"url":"https://a.test"}}]}]}',
  '{"tools":[{"parameters":{"properties":{"url":{"type":"string"}}}}]}',
  '{"metadata":{"url":"https://a.test"}}',
  // Conversations as clients send them again.
  '{"input":[{"type":"message","id":"msg_12345","role":"assistant","status":"completed","content":[{"type":"output_text","text":"https://a.test","annotations":[{"type":"url_citation","url":"https://a.test"}]}]},{"type":"reasoning","id":"rs_12345","summary":[],"encrypted_content":"AAAA"},{"type":"function_call","id":"fc_12345","call_id":"call_12345","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_12345","output":"https://a.test"},{"type":"custom_tool_call","id":"ctc_1","call_id":"call_1","name":"apply_patch","input":"https://a.test"}]}',
  '{"input":["https://a.test","file-abcdefgh"]}',
  '{"messages":["https://a.test",{"id":"msg_12345","role":"user","content":["https://a.test"]}]}',
  '{"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"https://a.test"}]}',
  '{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"https://a.test"}]}]}]}',
  '{"messages":[{"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}',
  '{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}}]}]}',
  '{"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}',
  '{"messages":[{"content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}}]}]}',
  '{"contents":[{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"url":"https://a.test"}},"thoughtSignature":"AAAA"}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"url":"https://a.test"}}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]}',
  '{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"t_1","status":"success","content":[{"json":{"url":"https://a.test"}}]}},{"document":{"format":"pdf","name":"a","source":{"bytes":"AAAA"}}}]}]}',
  '{"documents":[{"id":"doc_12345","data":{"text":"x"}},"https://a.test"],"messages":[]}',
  '{"user_id":"user_1","session_id":"s_1","safety_identifier":"file-abcdefgh","messages":[]}',
];
Deno.test("readPayload: it is known whether the model reads what is elsewhere", async () => {
  for (const [bodies, refersElsewhere] of [[ELSEWHERE, true], [WITHIN, undefined]] as const) {
    for (const body of bodies) {
      const payload = await read(body);
      assertEquals(
        typeof payload === "string" ? payload : payload.facts.refersElsewhere,
        refersElsewhere,
        body,
      );
    }
  }
});

Deno.test("readPayload: a name counts once, and only so many different ones are compared with the rules", async () => {
  const naming = (names: readonly string[]) => JSON.stringify({ model: "a", fallbacks: names });
  assertEquals(await modelsOf(naming(Array(5_000).fill("a"))), ["a"]);
  const many = Array.from({ length: 1_001 }, (_, index) => `a${index}`);
  assertEquals(await modelsOf(naming(many)), "bad_request");
});

Deno.test("readPayload: a head of a part has whole lines, without a bare LF or CR in any", async () => {
  for (const end of ["\n", "\r", "\n\r\n", "\0"]) {
    const head = `content-disposition: form-data; name="model"\r\ncontent-type: a${end}`;
    assertEquals(await modelsOf(`--b\r\n${head}\r\n\r\na\r\n--b--`, [FORM_TYPE]), "bad_request");
  }
});

/** Bodies of JSON, and the models they name; a text is the fault they are rejected with. */
const BODIES: readonly (readonly [body: string, models: readonly string[] | string, path?: string])[] = [
  ['{"model":"a"}', ["a"]],
  ['{"m\\u006fdel":"a"}', ["a"]],
  ['{"model":"a","model":"b"}', "bad_request"],
  ['{"model":"a","m\\u006fdel":"b"}', "bad_request"],
  ['{"model":"a","Model":"b"}', "bad_request"],
  ['{"MODEL":"b"}', "bad_request"],
  ['{"model":"a"} {"model":"b"}', "bad_request"],
  ['{"model":"a"}\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nb\r\n--b--', "bad_request"],
  ['\ufeff{"model":"a"}', "bad_request"],
  ['[{"model":"a"}]', "bad_request"],
  ['"model"', "bad_request"],
  ['{"model":5}', [""]],
  ['{"model":null}', []],
  ['{"model":{"name":"b"}}', ["b"]],
  ['{"models":["a","b"]}', ["a", "b"]],
  ['{"model":"a","fallbacks":["b",{"model":"c","messages":[{"model":"x"}]}]}', ["a", "b", "c"]],
  ['{"model":"a","fallback_models":"b","judgeModel":"c","base-model":"d","modelId":"e"}', [
    "a",
    "b",
    "c",
    "d",
    "e",
  ]],
  ['{"model":"a","model_id":"b","model-name":"c","Engine Id":"d","models[]":["e"]}', [
    "a",
    "b",
    "c",
    "d",
    "e",
  ]],
  // No API has keys of more than a kilobyte: they are not made into text.
  [`{"model":"a","${"x".repeat(1_000)}_model":"b"}`, ["a"]],
  ['{"model":"a","tools":[{"type":"image_generation","model":"b","parameters":{"model":"x"}}]}', ["a", "b"]],
  ['{"tools":[{"function":{"parameters":{"properties":{"model":{"type":"string"}}}}}],"model":"a"}', ["a"]],
  ['{"requests":[{"custom_id":"1","params":{"model":"b"}},{"params":{"model":"c"}}]}', ["b", "c"]],
  ['{"session":{"type":"realtime","model":"b","audio":{"input":{"transcription":{"model":"c"}}}}}', [
    "b",
    "c",
  ]],
  [
    '{"model":"a","messages":[{"content":[{"type":"tool_use","input":{"model":"x"}}]}],"metadata":{"model":"x"}}',
    ["a"],
  ],
  ['{"model":"a","input":[{"model":"x"}]}', ["a"]],
  ['{"model":"a","input":{"model":"b"}}', ["a", "b"]],
  ['{"model":"a","from":"b"}', ["a"]],
  ['{"model":"a","from":"b"}', ["a", "b"], "/api/create"],
  ['{"source":"b","destination":"c"}', ["b", "c"], "/api/copy"],
  ["{}", []],
  ['{"model":"a","guided_json":{"$defs":{"CarModel":{"title":"CarModel"}},"properties":{"model":{}}}}', [
    "a",
  ]],
];
for (const [body, models, path] of BODIES) {
  Deno.test(`readPayload: models of ${body.slice(0, 90)} at ${path ?? "a chat"}`, async () =>
    assertEquals(await modelsOf(body, [JSON_TYPE], path === undefined ? {} : { path }), models));
}

/** Content types, and whether a body is read as JSON by them. */
const TYPES: readonly (readonly [lines: readonly string[], outcome: "json" | string])[] = [
  [[], "json"],
  [["Content-Type: application/json; charset=utf-8"], "json"],
  [["Content-Type: APPLICATION/JSON"], "json"],
  [["Content-Type: application/vnd.api+json"], "json"],
  [["Content-Type: application/json; charset=utf8"], "json"],
  [["Content-Type: application/json; charset=us-ascii"], "json"],
  [["Content-Type: application/json; charset=utf-16"], "bad_request"],
  [["Content-Type: application/json, text/plain"], "bad_request"],
  [["Content-Type: application/json", "Content-Type: text/plain"], "bad_request"],
  [["Content-Type: application/json; a=1; a=2"], "bad_request"],
  [["Content-Type: json"], "bad_request"],
  [["Content-Type: text/plain"], "forbidden"],
  [["Content-Type: application/x-www-form-urlencoded"], "forbidden"],
];
for (const [lines, outcome] of TYPES) {
  Deno.test(`readPayload: ${lines.join(" and ") || "no content type"}`, async () => {
    const payload = await read('{"model":"a"}', lines);
    assertEquals(typeof payload === "string" ? payload : payload.kind, outcome);
    if (typeof payload === "string") return;
    // One type goes on, which says how the body was read.
    const type = fieldValue(payload.fields, "content-type");
    assertEquals(/^application\/(?:vnd\.api\+)?json(?:; charset=utf-8)?$/i.test(type ?? ""), true, type);
  });
}

const part = (head: string, value = "b") => `--b\r\n${head}\r\n\r\n${value}\r\n`;
const MODEL_PART = 'Content-Disposition: form-data; name="model"';
const END = "--b--\r\n";
const named = (filename: string) =>
  part(`Content-Disposition: form-data; name="file"; ${filename}`, "x") + part(MODEL_PART) + END;
/** Forms, and the models they name. */
const FORMS:
  readonly (readonly [name: string, body: string, models: readonly string[] | string, type?: string])[] = [
    ["a field", part(MODEL_PART) + END, ["b"]],
    [
      "a file before",
      part('Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: audio/wav') +
      part(MODEL_PART) + END,
      ["b"],
    ],
    ["the field twice", part(MODEL_PART) + part(MODEL_PART) + END, "bad_request"],
    ["the field in capitals", part('Content-Disposition: form-data; name="Model"') + END, "bad_request"],
    ["the field as a file", part(`${MODEL_PART}; filename="a"`) + END, "bad_request"],
    ["a name without quotes, as .NET writes it", part("Content-Disposition: form-data; name=model") + END, [
      "b",
    ]],
    [
      "a name with spaces around its sign",
      part('Content-Disposition: form-data; name = "model"') + END,
      "bad_request",
    ],
    [
      "a name's parameter in capitals, which not every reader takes",
      part('Content-Disposition: form-data; Name="model"') + END,
      "bad_request",
    ],
    ["a file's parameter in capitals", named('Filename="a"'), "bad_request"],
    ["an encoded file's parameter in capitals", named("fileName*=utf-8''a"), "bad_request"],
    ["an encoded name", part("Content-Disposition: form-data; name*=utf-8''model") + END, "bad_request"],
    ["two names", part('Content-Disposition: form-data; name="x"; name="model"') + END, "bad_request"],
    ["an escaped name", part('Content-Disposition: form-data; name="mo\\del"') + END, "bad_request"],
    ["a folded head", part('Content-Disposition: form-data;\r\n name="model"') + END, "bad_request"],
    [
      "two dispositions",
      part(`${MODEL_PART}\r\nContent-Disposition: form-data; name="x"`) + END,
      "bad_request",
    ],
    ["a transfer encoding", part(`${MODEL_PART}\r\nContent-Transfer-Encoding: base64`) + END, "bad_request"],
    ["bare line feeds", `--b\n${MODEL_PART}\n\nb\n--b--\n`, "bad_request"],
    ["bytes before the first boundary", `x\r\n${part(MODEL_PART)}${END}`, "bad_request"],
    [
      "a first line that is as long as its boundary",
      (part(MODEL_PART) + END).replace("--b", "--c"),
      "bad_request",
    ],
    ["a boundary that its line goes on behind", `--bxx${MODEL_PART}\r\n\r\nb\r\n${END}`, "bad_request"],
    ["a part that ends with its head", `--b\r\n${MODEL_PART}\r\n\r\n${END}`, "bad_request"],
    ["a thousand parts", part('Content-Disposition: form-data; name="x"').repeat(1_000) + END, []],
    ["more parts", part('Content-Disposition: form-data; name="x"').repeat(1_001) + END, "bad_request"],
    ["a head of more than eight kilobytes", named(`filename="${"a".repeat(8 * 1024)}"`), "bad_request"],
    ...["b;", "b ", "b@", "b".repeat(71)].map((boundary) =>
      [
        `the boundary ${JSON.stringify(boundary)}`,
        (part(MODEL_PART) + END).replaceAll("--b", `--${boundary}`),
        "bad_request",
        `multipart/form-data; boundary="${boundary}"`,
      ] as const
    ),
    ["another header of a part", part(`${MODEL_PART}\r\nX-Other: a`) + END, "bad_request"],
    ["bytes behind the last boundary", `${part(MODEL_PART)}${END}{"model":"c"}`, "bad_request"],
    ["no end", part(MODEL_PART), "bad_request"],
    [
      "a boundary within a head",
      `--b\r\nContent-Disposition: form-data; name="x"\r\n--b\r\n${MODEL_PART}\r\n\r\nb\r\n${END}`,
      "bad_request",
    ],
    [
      "a boundary within quotes of another parameter",
      part(MODEL_PART) + END,
      "bad_request",
      'multipart/form-data; x="; boundary=b"',
    ],
    ["two boundaries", part(MODEL_PART) + END, "bad_request", "multipart/form-data; boundary=b; boundary=c"],
    ["no boundary", part(MODEL_PART) + END, "bad_request", "multipart/form-data"],
    [
      "another field that names a model",
      part('Content-Disposition: form-data; name="fallback_model"') + END,
      ["b"],
    ],
    ["a file name beyond ASCII", named('filename="\u00c4rger \u97f3\u58f0 \ud83c\udfb5.mp3"'), ["b"]],
    ["a model of 30 MB", part(MODEL_PART, "m".repeat(1_000)) + END, "bad_request"],
    ["a file name in curl's quotes", named('filename="my \\"song\\".mp3"'), ["b"]],
    ["a file name without quotes", named("filename=a.mp3"), ["b"]],
    ["an encoded file name", named("filename=\"a\"; filename*=utf-8''%C3%A4"), ["b"]],
    [
      "a transfer encoding that encodes nothing",
      part(`${MODEL_PART}\r\nContent-Transfer-Encoding: binary`) + END,
      ["b"],
    ],
    [
      "a name within a file name, for readers that do not know quotes",
      named('filename="; name=model; "'),
      "bad_request",
    ],
    [
      "a name within a name, for readers that do not know quotes",
      part('Content-Disposition: form-data; name="x; name=model; "') + part(MODEL_PART) + END,
      "bad_request",
    ],
    ["a semicolon in a file name", named('filename="a=b;c.mp3"'), ["b"]],
    ["a name behind an escaped quote", named('filename="a\\"; name=\\"model"'), "bad_request"],
    ["a bare line feed in a head", part(`${MODEL_PART}\nContent-Type: a/b`) + END, "bad_request"],
    ["a bare line feed in a type", part(`${MODEL_PART}\r\nContent-Type: a/b\nc: d`) + END, "bad_request"],
    ["a bare carriage return in a type", part(`${MODEL_PART}\r\nContent-Type: a/b\rc`) + END, "bad_request"],
    ["a control character in a file name", named('filename="a\u0001"'), "bad_request"],
    [
      "a hint that names none",
      part('Content-Disposition: form-data; name="model_hint"') + part(MODEL_PART, "c") + END,
      ["c"],
    ],
  ];
for (const [name, body, models, type] of FORMS) {
  Deno.test(`readPayload: a form with ${name}`, async () =>
    assertEquals(await modelsOf(body, [type === undefined ? FORM_TYPE : `Content-Type: ${type}`]), models));
}

Deno.test("readPayload: a form with a name that is not UTF-8", async () => {
  const [before = "", behind = ""] = (part('Content-Disposition: form-data; name="x?"') + END).split("?");
  const body = Uint8Array.from([...encode(before), 0xff, ...encode(behind)]);
  assertEquals(await modelsOf(body, [FORM_TYPE]), "bad_request");
});

Deno.test("readPayload: the requests of a batch file name its models", async () => {
  const lines = '{"custom_id":"1","body":{"model":"a"}}\n\n{"body":{"model":"b"}}\n';
  const file = part('Content-Disposition: form-data; name="file"; filename="x.jsonl"', lines);
  const purpose = (value: string) => part('Content-Disposition: form-data; name="purpose"', value);
  const at = { path: "/v1/files" };
  assertEquals(await modelsOf(file + purpose("batch") + END, [FORM_TYPE], at), ["a", "b"]);
  assertEquals(await modelsOf(purpose("Batch") + file + END, [FORM_TYPE], at), ["a", "b"]);
  assertEquals(await modelsOf(file + END, [FORM_TYPE], at), ["a", "b"]);
  assertEquals(await modelsOf(file + purpose("assistants") + END, [FORM_TYPE], at), []);
  const models = ["a", "b"];
  assertEquals(await modelsOf(file + purpose("batch") + END, [FORM_TYPE], { path: "/v1/Files/" }), models);
  for (const head of ["name=\"file\"; filename*=utf-8''x.jsonl", 'name="file"', 'name="File"']) {
    const other = part(`Content-Disposition: form-data; ${head}`, lines);
    assertEquals(await modelsOf(other + purpose("batch") + END, [FORM_TYPE], at), models, head);
  }
  for (
    const twice of [purpose("assistants") + purpose("batch"), purpose("x").replace('"purpose"', '"Purpose"')]
  ) {
    assertEquals(await modelsOf(file + twice + END, [FORM_TYPE], at), "bad_request");
  }
  const asFile = purpose("assistants").replace('"purpose"', '"purpose"; filename="x"');
  assertEquals(await modelsOf(file + asFile + END, [FORM_TYPE], at), "bad_request");
  assertEquals(await modelsOf(file + END, [FORM_TYPE], { path: "/v1/uploads/u1/parts" }), "bad_request");
  for (const odd of ["no JSON", '{"model":"a"} {"model":"b"}', '{"model":"a"}\n{"model":']) {
    const other = part('Content-Disposition: form-data; name="file"; filename="x"', odd);
    assertEquals(await modelsOf(other + purpose("batch") + END, [FORM_TYPE], at), "bad_request", odd);
  }
});

Deno.test("readPayload: what was decoded is what is sent, whatever stands behind its end", async () => {
  const plain = encode('{"model":"a"}');
  const tail = encode('{"model":"b"}');
  for (
    const [coding, compress] of [["gzip", zlib.gzipSync], ["br", zlib.brotliCompressSync], [
      "zstd",
      zlib.zstdCompressSync,
    ], ["deflate", zlib.deflateSync]] as const
  ) {
    const payload = await read(new Uint8Array([...compress(plain), ...tail]), [
      JSON_TYPE,
      `Content-Encoding: ${coding}`,
    ]);
    if (typeof payload === "string") continue;
    assertEquals(new TextDecoder().decode(payload.bytes), '{"model":"a"}', coding);
    assertEquals(fieldValue(payload.fields, "content-encoding"), undefined);
  }
  assertEquals(await read(plain, [JSON_TYPE, "Content-Encoding: gzip, gzip"]), "bad_request");
  assertEquals(await read(plain, [JSON_TYPE, "Content-Encoding: unknown"]), "bad_request");
});

Deno.test("readPayload: a bomb is rejected by its ratio, before it has been made", async () => {
  // The best quality takes a second.
  const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 };
  const bomb = new Uint8Array(
    zlib.brotliCompressSync(new Uint8Array(32 * 1024 * 1024).fill(0x61), { params }),
  );
  const begun = performance.now();
  const outcome = await read(bomb, [JSON_TYPE, "Content-Encoding: br"], { maxBytes: 64 * 1024 * 1024 });
  assertEquals(outcome, "payload_too_large");
  assertEquals(performance.now() - begun < 2_000, true, "it took no time");
});

Deno.test("readPayload: more than a thousand different models are rejected", async () => {
  const body = (count: number) =>
    `{"models":[${Array.from({ length: count }, (_, index) => `"${index}"`).join()}]}`;
  assertEquals((await modelsOf(body(1_000), [JSON_TYPE], { maxBytes: 1e7 })).length, 1_000);
  assertEquals(await modelsOf(body(1_001), [JSON_TYPE], { maxBytes: 1e7 }), "bad_request");
});

Deno.test("readPayload: what limits an answer is read, or the body is rejected, however long it is made", async () => {
  for (const key of ["generationConfig", "generation_config", "stream_options"]) {
    const body = (bytes: number) => `{"model":"a","${key}":{"maxOutputTokens":9,"x":"${"x".repeat(bytes)}"}}`;
    const payload = await read(body(65_000));
    assertEquals(typeof payload === "string" ? payload : payload.models, ["a"], key);
    assertEquals(await read(body(65_536)), "bad_request", key);
  }
});

Deno.test("readPayload: a limit that is no number is rejected, since some servers take a text for one", async () => {
  for (const key of ["max_tokens", "max_completion_tokens", "n", "best_of"]) {
    for (const value of ['"64"', '"64.0"', "true", "[64]", "{}"]) {
      assertEquals(await read(`{"model":"a","${key}":${value}}`), "bad_request", `${key}: ${value}`);
    }
    assertEquals(typeof await read(`{"model":"a","${key}":null}`), "object", key);
  }
  assertEquals(await read('{"model":"a","generationConfig":{"candidateCount":"8"}}'), "bad_request");
});

Deno.test("readPayload: what grows more than a hundredfold is a bomb, also where it is longer than small bodies may be", async () => {
  const gzip = [JSON_TYPE, "Content-Encoding: gzip"];
  const bomb = new Uint8Array(zlib.gzipSync(new Uint8Array(32 * 1024 * 1024).fill(0x20)));
  assertEquals(bomb.length * 100 > 2 * 1024 * 1024, true, "its hundredfold is beyond a small body");
  assertEquals(await read(bomb, gzip, { maxBytes: 64 * 1024 * 1024 }), "payload_too_large");
  const prompt = encode(`{"model":"a","input":"${"a prompt like others, ".repeat(100_000)}"}`);
  const sent = new Uint8Array(zlib.gzipSync(prompt));
  const payload = await read(sent, gzip, { maxBytes: 64 * 1024 * 1024 });
  assertEquals(typeof payload, sent.length * 100 > prompt.length ? "object" : "string");
});

Deno.test("readPayload: room for what is decoded is asked for piece by piece, and no more than it needs", async () => {
  const { below } = random(3);
  const words = Array.from({ length: 200_000 }, () => `word ${below(9_000)}`);
  const plain = encode(`{"model":"a","input":"${words.join(" ")}"}`);
  const codings = {
    gzip: zlib.gzipSync,
    deflate: zlib.deflateSync,
    br: zlib.brotliCompressSync,
    zstd: zlib.zstdCompressSync,
  };
  for (const [coding, compress] of Object.entries(codings)) {
    const params = coding === "br" ? { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } } : {};
    const body = new Uint8Array(compress(plain, params));
    const options = {
      fields: fieldsOf(JSON_TYPE, `Content-Encoding: ${coding}`),
      operation: "chat_completions" as const,
      maxBytes: 16 * 1024 * 1024,
      mustBeKnown: true,
      readsFiles: false,
    };
    const asked: number[] = [];
    await readPayload(body, { ...options, hold: (bytes) => asked.push(bytes) });
    assertEquals(asked.at(-1), body.length + plain.length, coding);
    for (const [index, bytes] of asked.entries()) {
      const more = bytes - (asked[index - 1] ?? body.length);
      assertEquals(more > 0 && more <= 256 * 1024, true, `${coding}: ${more} bytes at once`);
    }
    const full = new ProxyFault("overloaded", "no room");
    let calls = 0;
    const refused = await readPayload(body, {
      ...options,
      hold(bytes) {
        calls++;
        if (bytes > body.length + 500_000) throw full;
      },
    }).catch((error: unknown) => error);
    assertEquals(refused, full, coding);
    assertEquals(calls < asked.length / 2, true, `${coding}: decoding ends at once`);
  }
});

Deno.test("readPayload: a type that hides JSON or a form is rejected, compressed too", async () => {
  const type = "Content-Type: text/plain";
  for (const body of ['{"model":"b"}', ' \n[{"model":"b"}]', '"b"', `--b\r\n${MODEL_PART}`, "\ufeff{}"]) {
    assertEquals(await read(body, [type], { mustBeKnown: false }), "bad_request", body);
    const packed = new Uint8Array(zlib.gzipSync(encode(body)));
    const lines = [type, "Content-Encoding: gzip"];
    assertEquals(await read(packed, lines, { mustBeKnown: false }), "bad_request", `${body}, compressed`);
  }
});

Deno.test("readPayload: a type that need not be known passes as it is", async () => {
  const payload = await read("RIFF", ["Content-Type: audio/wav"], { mustBeKnown: false });
  assertEquals(typeof payload === "string" ? payload : payload.kind, "other");
});

Deno.test("readPayload: nothing else waits while a long body is read", async () => {
  const wide = encode(`{"model":"a",${'"a":1,'.repeat(1_000_000)}"b":1}`);
  const begun = performance.now();
  const longest = await longestPause(async () =>
    assertEquals(await modelsOf(wide, [JSON_TYPE], { maxBytes: 1e8 }), ["a"])
  );
  const share = longest / (performance.now() - begun);
  assertEquals(share < 1 / 3, true, `something waited for ${Math.round(share * 100)} % of the time`);
});

/** How long the event loop stood still at most while something ran. */
async function longestPause(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  });
  await work();
  clearInterval(timer);
  return Math.max(longest, performance.now() - last);
}

Deno.test("readPayload: a form says how many answers it asks for", async () => {
  const form = (...fields: string[]) =>
    fields.map((field) => `--b\r\nContent-Disposition: form-data; ${field}\r\n`).join("") + "--b--\r\n";
  const model = 'name="model"\r\n\r\ngpt-image-1';
  const factsOf = async (...fields: string[]) => {
    const payload = await read(form(model, ...fields), [FORM_TYPE]);
    return typeof payload === "string" ? payload : payload.facts.choices;
  };
  assertEquals(await factsOf('name="n"\r\n\r\n10'), 10);
  assertEquals(await factsOf(), undefined);
  for (const bad of ['name="n"\r\n\r\nten', 'name="N"\r\n\r\n10', 'name="n"; filename="n"\r\n\r\n10']) {
    assertEquals(await factsOf(bad), "bad_request", bad);
  }
  assertEquals(await factsOf('name="n"\r\n\r\n1', 'name="n"\r\n\r\n10'), "bad_request");
});
