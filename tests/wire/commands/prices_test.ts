/** `llm-proxy prices` and `prices update` as a person runs them, and the proxy that uses what they write. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertEnded, atTerminal, withoutTerminal } from "../../support/processes/at_terminal.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { unless } from "../../support/runner/left_out.ts";
import {
  flagIn,
  narrowLine,
  shellCommand,
  withoutNarrowFlags,
} from "../../support/processes/narrow_command.ts";
import { copiedList, type LooseList, modelIn } from "../../support/data/price_lists.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

const MANAGEMENT = { authorization: `Bearer ${SECRETS.managementToken}` };
const CHAT = plainAnswer('{"model":"gpt-4o-mini","usage":{"prompt_tokens":1000000,"completion_tokens":0}}', {
  headers: "Content-Type: application/json\r\n",
});

interface Place {
  readonly folder: string;
  readonly env: Record<string, string>;
}

type Run = (args: readonly string[], around?: readonly string[]) => Promise<{
  code: number;
  out: string;
  err: string;
}>;

async function inFolder(
  test: (run: Run, place: Place, upstream: FakeUpstream) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(CHAT);
    },
  });
  const env = proxyEnv({
    upstream: upstream.origin,
    env: {
      MANAGEMENT_TOKEN: SECRETS.managementToken,
      OPENAI_PRICE_PROVIDER: "openai",
      NO_COLOR: "1",
    },
  });
  const run: Run = async (args, around = []) => {
    const command = proxyCommand(args, { PATH: Deno.env.get("PATH") ?? "", ...env }, folder, { around });
    const { code, stdout, stderr } = await command.output();
    const text = { out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
    if (around.length > 0) assertEnded({ code, shown: text.out });
    assertNoSecrets(text.out + text.err, args.join(" "));
    return { code, ...text };
  };
  try {
    await test(run, { folder, env }, upstream);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeList(path: string, change: (list: LooseList) => void = () => {}): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(await copiedList(change)));
}

function dearer(list: LooseList): void {
  modelIn(list, "openai", "gpt-4o-mini").prices.input_mtok = 0.5;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("prices: a pattern of models or of providers, as a table and as JSON", () =>
  inFolder(async (run) => {
    const table = await run(["prices", "gpt-4o-mini"]);
    assertEquals(table.code, 0, table.err);
    assertMatch(
      table.out,
      /^provider +model +input +output +cached\n(?:.*\n)*openai +gpt-4o-mini +0\.15 +0\.6 +0\.075\n/,
    );
    assertStringIncludes(table.out, "The list is built in, of 2026-09-23 (genai-prices 0.1.8).");
    const { data, file, version } = JSON.parse((await run(["prices", "OpenAI/*", "--json"])).out);
    assertEquals([file, version], [null, "genai-prices 0.1.8"]);
    assertEquals(new Set(data.map(({ provider }: { provider: string }) => provider)), new Set(["openai"]));
    assert(data.length > 50);
    const none = await run(["prices", "nobody*"]);
    assertEquals([none.code, none.err], [
      1,
      'No model with a published price matches "nobody*".\n',
    ]);
    assertStringIncludes((await run(["prices", "updat"])).err, "Did you mean llm-proxy prices update?");
  }));

Deno.test("prices update: a list with problems is rejected with all problems, and nothing is written", () =>
  inFolder(async (run, { folder }) => {
    await writeList(`${folder}/wrong.json`, (list) => {
      modelIn(list, "openai", "gpt-4o").prices.input_mtok = -1;
      modelIn(list, "openai", "gpt-4o-mini").prices.output_mtok = 1e6;
    });
    assertEquals(await run(["prices", "update", "wrong.json", "--yes"]), {
      code: 1,
      out: "",
      err: "Cannot use wrong.json: 2 problems.\n" +
        "  openai/gpt-4o: prices.input_mtok is negative: -1\n" +
        "  openai/gpt-4o-mini: prices.output_mtok is 1000000: more than 10000 US dollars\n",
    });
    await writeList(`${folder}/old.json`, dearer);
    await Deno.utime(`${folder}/old.json`, new Date("2026-01-01"), new Date("2026-01-01"));
    const old = await run(["prices", "update", "old.json", "--yes"]);
    assertEquals([old.code, old.err], [
      1,
      "Cannot use old.json: it is dated 2026-01-01, and the built-in prices are dated 2026-09-23.\n",
    ]);
    await writeList(`${folder}/same.json`);
    const same = await run(["prices", "update", "same.json", "--yes"]);
    assertEquals([same.code, same.out], [
      0,
      "Nothing was written: the built-in list has the same prices.\n",
    ]);
    assertEquals(await isThere(`${folder}/data`), false);
  }));

Deno.test("prices update: contradictory options are wrong usage, and without a terminal it writes only with --yes", () =>
  inFolder(async (run, { folder }, upstream) => {
    await writeList(`${folder}/new.json`, dearer);
    const failures: [string[], string][] = [
      [["new.json"], "there is no terminal for the question: --yes writes the prices without it"],
      [["--yes"], "name a file with prices, or download the newest with --online"],
      [["new.json", "--online", "--yes"], "use either a file or --online, not both"],
      [["new.json", "--url", upstream.origin, "--yes"], "--url needs --online"],
      [
        ["--online", "--url", "http://prices.example.test/", "--yes"],
        '--url "http://prices.example.test/" is neither an https URL nor an http URL of this machine',
      ],
    ];
    for (const [args, message] of failures) {
      const { code, err } = await run(["prices", "update", ...args]);
      assertEquals([code, err], [2, `${message}\n`]);
    }
    assertEquals(await isThere(`${folder}/data`), false);
    assertEquals(upstream.requests.length, 0);
  }));

Deno.test("prices update --online: downloads the list once and prints the changes", async () => {
  // The length that the upstream states is that of letters of one byte.
  const list = JSON.stringify(await copiedList(dearer)).replace(/[^ -~]/g, "?");
  await using mirror = new FakeUpstream({
    script: async ({ request, write }) =>
      await write(
        request.target === "/data.json" ? plainAnswer(list) : plainAnswer("", { status: "404 No" }),
      ),
  });
  await inFolder(async (run, { folder }) => {
    const missing = await run(["prices", "update", "--online", "--url", `${mirror.origin}/x`, "--yes"]);
    assertEquals([missing.code, missing.err], [1, `Cannot download ${mirror.origin}/x: it answered 404.\n`]);
    const { code, out, err } = await run(
      ["prices", "update", "--online", "--url", `${mirror.origin}/data.json`, "--yes", "--json"],
    );
    assertEquals([code, err], [0, ""]);
    const { changed, added, removed, written } = JSON.parse(out);
    assertEquals([added, removed, written], [[], [], true]);
    assertEquals(changed, [{
      provider: "openai",
      model: "gpt-4o-mini",
      used: false,
      before: { input: 0.15, output: 0.6, cached: 0.075, varies: false },
      after: { input: 0.5, output: 0.6, cached: 0.075, varies: false },
    }]);
    assertEquals([...Deno.readDirSync(`${folder}/data`)].map(({ name }) => name), ["prices.json"]);
  });
  assertEquals(mirror.requests.length, 2);
});

Deno.test("prices update: a list that is too long is rejected, from a file and from the network", async () => {
  const MAX = 16 * 1024 * 1024;
  await using mirror = new FakeUpstream({ script: ({ write }) => write(plainAnswer("x".repeat(MAX + 1))) });
  await inFolder(async (run, { folder }) => {
    await Deno.writeTextFile(`${folder}/long.json`, "[");
    await Deno.truncate(`${folder}/long.json`, MAX + 1);
    const ofFile = await run(["prices", "update", "long.json", "--yes"]);
    assertEquals([ofFile.code, ofFile.err], [1, `Cannot read long.json: it is longer than ${MAX} bytes.\n`]);
    const online = await run(["prices", "update", "--online", "--url", mirror.origin, "--yes"]);
    assertEquals([online.code, online.err], [
      1,
      `Cannot download ${mirror.origin}: the response is longer than ${MAX} bytes.\n`,
    ]);
  });
});

Deno.test({
  ...unless(withoutTerminal(), "prices update: at a terminal it asks, and no is the answer of Enter"),
  fn: () =>
    inFolder(async (run, { folder }) => {
      await writeList(`${folder}/new.json`, (list) => {
        dearer(list);
        modelIn(list, "openai", "gpt-4o").prices = {};
        modelIn(list, "openai", "gpt-4o-audio-preview").prices.input_audio_mtok = 41;
      });
      const ask = (typed: string) =>
        run(
          ["prices", "update", "new.json"],
          atTerminal([["Write these prices to ./data/prices.json? [y/N]: ", typed]]),
        );
      const no = await ask("\n");
      assertEquals([no.code, await isThere(`${folder}/data/prices.json`)], [1, false]);
      assertStringIncludes(no.out, "0.15 -> 0.5");
      assertMatch(no.out, /gpt-4o-audio-preview +2\.5 +10 +- +other kinds or times/);
      assertMatch(no.out, /gpt-4o +2\.5 -> 0 +10 -> 0 +1\.25 -> - +now free/);
      assertStringIncludes(no.out, "Nothing was written.");
      assertEquals((await ask("y\n")).code, 0);
      assertEquals(await isThere(`${folder}/data/prices.json`), true);
    }),
});

/** Asks a model, and gives the cost and the list that it was computed by. */
async function chatCost(proxy: ProxyProcess): Promise<[micros: number, version: string]> {
  const answer = await fetch(`${proxy.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { "authorization": `Bearer ${SECRETS.proxyToken}`, "content-type": "application/json" },
    body: '{"model":"gpt-4o-mini","messages":[]}',
  });
  await answer.body?.cancel();
  const rows = await fetch(`${proxy.url}/manage/exchanges?limit=1`, { headers: MANAGEMENT });
  const { data: [row] } = await rows.json();
  return [row.cost_micros, row.price_version];
}

function isEvent(event: string) {
  return (line: Record<string, unknown>): boolean => line["event"] === event;
}

Deno.test("prices update: the proxy uses a valid file after a reload and at a start, and never a broken file", () =>
  inFolder(async (run, { folder, env }) => {
    await writeList(`${folder}/new.json`, (list) => {
      dearer(list);
      modelIn(list, "anthropic", "claude-3-haiku").prices.input_mtok = 0.3;
    });
    const file = `${folder}/data/prices.json`;
    const started = { ...env, DATABASE_URL: `sqlite:${folder}/data/llm-proxy.db` };
    const builtIn: [number, string] = [150_000, "genai-prices 0.1.8"];
    let version: string;
    {
      await using proxy = await ProxyProcess.startWith(started);
      assertEquals(await chatCost(proxy), builtIn);
      const update = await run(["prices", "update", "new.json", "--yes"]);
      assertEquals(update.code, 0, update.err);
      // It was used a moment ago.
      assertMatch(
        update.out,
        /: 2\n.*\nopenai +gpt-4o-mini +0\.15 -> 0\.5 +0\.6 +0\.075 +in use\nanthropic +claude-3-haiku /,
      );
      version = /\((genai-prices 2\S+ [0-9a-f]{8})\)/.exec(update.out)?.[1] ?? "";
      assertEquals(await chatCost(proxy), builtIn);
      await fetch(`${proxy.url}/manage/reload`, { method: "POST", headers: MANAGEMENT })
        .then((answer) => answer.body?.cancel());
      assertEquals((await proxy.logged(isEvent("prices_loaded")))["detail"], version);
      assertEquals(await chatCost(proxy), [500_000, version]);
    }
    {
      await using proxy = await ProxyProcess.startWith(started);
      assertEquals(await chatCost(proxy), [500_000, version]);
      const text = await Deno.readTextFile(file);
      await Deno.writeTextFile(file, text.replace('"input_mtok":0.5,', '"input_mtok":-0.5,'));
      await fetch(`${proxy.url}/manage/reload`, { method: "POST", headers: MANAGEMENT })
        .then((answer) => answer.body?.cancel());
      const refused = await proxy.logged(isEvent("prices_refused"));
      assertMatch(
        String(refused["detail"]),
        /input_mtok is negative: -0\.5: the built-in prices of 2026-09-23 are used$/,
      );
      assertEquals(await chatCost(proxy), builtIn);
      await Deno.writeTextFile(file, text.replace(/"date":"[^"]*"/, '"date":"2026-01-01"'));
    }
    {
      await using proxy = await ProxyProcess.startWith(started);
      const refused = await proxy.logged(isEvent("prices_refused"));
      assertEquals(
        refused["detail"],
        "is dated 2026-01-01, and the built-in prices are dated 2026-09-23: the built-in prices of 2026-09-23 are used",
      );
      assertEquals(await chatCost(proxy), builtIn);
    }
    const check = await run(["check"]);
    assertStringIncludes(check.out, "warning: ./data/prices.json is dated 2026-01-01");
  }));

Deno.test("PRICES_FILE: a warning names a missing file", () =>
  inFolder(async (_, { env, folder }) => {
    const DATABASE_URL = `sqlite:${folder}/data/llm-proxy.db`;
    await using proxy = await ProxyProcess.startWith({
      ...env,
      DATABASE_URL,
      PRICES_FILE: `${folder}/p.json`,
    });
    const { file, detail } = await proxy.logged(isEvent("prices_refused"));
    assertEquals([file, detail], [
      `${folder}/p.json`,
      "does not exist: the built-in prices of 2026-09-23 are used. llm-proxy prices update creates it",
    ]);
  }));

Deno.test({
  ...unless(
    withoutNarrowFlags(),
    "check --permissions: a named file of prices may be read, and nothing more",
  ),
  fn: () =>
    inFolder(async (run, { folder, env }) => {
      await Deno.mkdir(`${folder}/prices`);
      await writeList(`${folder}/new.json`, dearer);
      const named = { ...env, PRICES_FILE: `${folder}/prices/p.json` };
      const { line } = await narrowLine({ env, cwd: folder });
      const { line: withPrices } = await narrowLine({ env: named, cwd: folder });
      const read = new Set(flagIn(withPrices, "allow-read"));
      assertEquals([...read].filter((path) => !flagIn(line, "allow-read")?.includes(path)), [
        `${folder}/prices/p.json`,
      ]);
      for (const flag of ["allow-net", "allow-write", "allow-env", "allow-sys"]) {
        assertEquals(flagIn(withPrices, flag), flagIn(line, flag), flag);
      }
      assertEquals((await run(["prices", "update", "new.json", "--yes"])).code, 0);
      await Deno.rename(`${folder}/data/prices.json`, `${folder}/prices/p.json`);
      await using proxy = await ProxyProcess.startCommand(
        shellCommand(withPrices, { env: named, cwd: folder }),
      );
      assertEquals((await chatCost(proxy))[0], 500_000);
    }),
});
