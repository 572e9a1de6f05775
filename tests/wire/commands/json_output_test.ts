/**
 * `--json`: one value of the documented shape and nothing else, failures in JSON too, and no secret in
 * either.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMAND_NOTES } from "../../../src/cli/command_notes.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { freePort } from "../../support/processes/port.ts";
import { copiedList, modelIn } from "../../support/data/price_lists.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

interface Place {
  readonly folder: string;
  readonly run: (line: string) => Promise<{ code: number; out: string; err: string }>;
  readonly serve: () => Promise<ProxyProcess>;
}

async function inPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await using upstream = new FakeUpstream();
  const env = {
    MANAGEMENT_TOKEN: SECRETS.managementToken,
    PROXY_TOKEN: SECRETS.proxyToken,
    KEY: SECRETS.openaiKey,
    CLIENT_KEY: SECRETS.clientKey,
    LOG_FORMAT: "json",
  };
  await Deno.writeTextFile(
    `${folder}/config.toml`,
    `[server]\nhost = "127.0.0.1"\nport = ${freePort()}\n[endpoints.openai]\nbase_url = "${upstream.origin}/openai/v1"
api_key = "\${KEY}"\nheaders = { "x-secret" = "\${CLIENT_KEY}" }\n`,
  );
  await Deno.writeTextFile(`${folder}/key`, SECRETS.projectKey);
  await Deno.writeTextFile(
    `${folder}/prices.json`,
    JSON.stringify(
      await copiedList((list) => void (modelIn(list, "openai", "gpt-4o").prices.input_mtok = 3)),
    ),
  );
  await test({
    folder,
    async run(line) {
      const { code, stdout, stderr } = await proxyCommand(line.split(" "), env, folder).output();
      const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assertNoSecrets(out + err, line);
      return { code, out, err };
    },
    serve: () => ProxyProcess.startCommand(proxyCommand([], env, folder)),
  });
  await Deno.remove(folder, { recursive: true });
}

/** Members of the value that the help of a command describes; `isOpen`: there may be more. */
function documented(words: string, variant: string): { names: string[]; isOpen: boolean } {
  const lines = COMMAND_NOTES[words]?.json?.split("\n") ?? [];
  const text = lines.find((line) => line.startsWith(variant === "" ? "{" : `${variant}: `)) ?? "";
  let depth = 0;
  const top = [...text.slice(text.indexOf("{"))].filter((letter) => {
    if ("{[".includes(letter)) depth++;
    if ("}]".includes(letter)) depth--;
    return depth === 1;
  }).join("");
  return { names: [...top.matchAll(/"(\w+)"/g)].map(([, name]) => name ?? ""), isOpen: top.includes("…") };
}

/** Command lines with the words of the command, in an order in which they work. */
const STOPPED: readonly (readonly [line: string, words: string, variant?: string])[] = [
  ["version", "version"],
  ["token generate", "token generate"],
  ["check", "check"],
  ["check --online", "check"],
  ["check --permissions", "check", "with --permissions"],
  ["doctor", "doctor"],
  ["connect openai-sdk", "connect"],
  ["service print", "service", "print"],
  ["service print --platform kubernetes", "service", "print"],
  ["service print --platform compose", "service", "print"],
  ["tls init", "tls init"],
  ["tls show", "tls show"],
  ["tls renew", "tls renew"],
  ["project create home --budget-month 20 --key-file openai=key", "project create"],
  ["project list", "project list"],
  ["project show home", "project show"],
  ["project update home --max-requests 9", "project update"],
  ["token create anna --project home", "token create"],
  ["token list", "token list"],
  ["token show anna", "token show"],
  ["token update anna --expires 7d", "token update"],
  ["token rotate anna --overlap 1h", "token rotate"],
  ["user add berta --project home", "user add"],
  ["user list", "user list"],
  ["user invite berta", "user invite"],
  ["user disable berta", "user disable"],
  ["user enable berta", "user enable"],
  ["user remove berta", "user remove"],
  ["whoami", "whoami"],
  ["usage --group token,model", "usage"],
  ["prices gpt-4o*", "prices"],
  ["prices update prices.json --yes", "prices update"],
  ["store copy sqlite:./data/llm-proxy.db sqlite:./copied.db", "store copy"],
  ["backup copy.db", "backup"],
  ["restore copy.db", "restore"],
  ["token revoke anna", "token revoke"],
  ["token delete anna", "token delete"],
  ["project revoke-tokens home", "project revoke-tokens"],
  ["project deactivate home", "project deactivate"],
  ["project delete home", "project delete"],
];
const RUNNING: typeof STOPPED = [
  ["healthcheck", "healthcheck"],
  ["check --changed", "check", "with --changed"],
  ["reload", "reload"],
  ["stop", "stop"],
];

/** Commands that need a person who confirms: `login_test.ts` has them. */
const CONFIRMED: readonly string[] = ["login", "logout"];

Deno.test("--json: every command prints one value of the shape that its help describes", () =>
  inPlace(async ({ run, serve }) => {
    const assertShape = async ([line, words, variant = ""]: typeof STOPPED[number]) => {
      const { code, out, err } = await run(`${line} --json`);
      assertEquals([code, err], [0, ""], line);
      assertEquals(out.match(/\n/g)?.length, 1, `${line}: ${out}`);
      const { names, isOpen } = documented(words, variant);
      assert(names.length > 0, line);
      const given = Object.keys(JSON.parse(out));
      assertEquals(names.filter((name) => !given.includes(name)), [], line);
      if (!isOpen) assertEquals(given.toSorted(), names.toSorted(), line);
    };
    for (const one of STOPPED) await assertShape(one);
    await using proxy = await serve();
    for (const one of RUNNING) await assertShape(one);
    assertEquals(await proxy.exited(), 0);
    const shown = [...STOPPED, ...RUNNING].map(([, words]) => words);
    const untried = Object.entries(COMMAND_NOTES).filter(([words, { json }]) =>
      json !== undefined && !shown.includes(words) && !CONFIRMED.includes(words)
    );
    assertEquals(untried.map(([words]) => words), []);
  }));

Deno.test("token revoke, token delete: the output has the id of the token that a name means", () =>
  inPlace(async ({ run }) => {
    await run("project create home");
    for (const isJson of [true, false]) {
      const { id } = JSON.parse((await run("token create anna --project home --json")).out);
      for (const [command, state] of [["revoke", "revoked"], ["delete", "deleted"]] as const) {
        const { out } = await run(`token ${command} anna${isJson ? " --json" : ""}`);
        if (isJson) assertEquals(JSON.parse(out), { id, state });
        else assertStringIncludes(out, `anna (${id}) is ${state}.`);
      }
    }
  }));

/** Command lines that fail, their exit codes, and what is said. */
const FAILING: readonly (readonly [line: string, code: number, message: string])[] = [
  ["token list", 1, "There is no database at"],
  ["token lst", 2, "did you mean list?"],
  ["token create x", 2, "required option '--project <project>' not specified"],
  ["project", 2, "unknown option '--json'"],
  ["usage --csv", 2, "use either --csv or --json"],
  ["usage --url http://127.0.0.1:1", 1, "No proxy answers"],
  ["healthcheck --url http://127.0.0.1:1", 1, "No response from 127.0.0.1:1"],
  ["connect nothing", 2, "There is no client"],
  ["restore nothing.db", 1, "there is no file nothing.db"],
  ["tls show", 1, "There is no authority in data/tls"],
  ["check --config nothing.toml", 2, "one problem in the configuration"],
];

Deno.test("--json: an error is one value on standard error with the same exit code", () =>
  inPlace(async ({ run }) => {
    for (const [line, code, message] of FAILING) {
      const failed = await run(`${line} --json`);
      assertEquals([failed.code, failed.out], [code, ""], line);
      assertStringIncludes(JSON.parse(failed.err).error.message, message);
      // These two are wrong by --json itself.
      if (line !== "project" && line !== "usage --csv") assertEquals((await run(line)).code, code, line);
    }
    const { err } = await run("check --config nothing.toml --json");
    assertEquals(JSON.parse(err).error.problems, [{
      origin: "--config",
      message: 'names "nothing.toml", which cannot be read: there is no such file',
    }]);
    const ill = await run("service status --json");
    assertEquals([ill.code, JSON.parse(ill.out).health.ok], [1, false]);
    assertEquals(JSON.parse(ill.err).error.message, "The service is not installed, or it does not answer.");
  }));

Deno.test("usage --group token,model: one column for each group, in the table and in CSV", () =>
  inPlace(async ({ run, serve }) => {
    await run("project create home");
    {
      await using proxy = await serve();
      const headers = { authorization: `Bearer ${SECRETS.proxyToken}`, "content-type": "application/json" };
      const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] });
      const response = await fetch(`${proxy.url}/openai/v1/chat/completions`, {
        method: "POST",
        headers,
        body,
      });
      await response.body?.cancel();
      assertEquals(response.status, 200);
    }
    const table = (await run("usage --group token,model")).out.split("\n").map((line) => line.split(/ {2,}/));
    assertEquals(table[0]?.slice(0, 3), ["token", "model", "requests"]);
    assertEquals(table[1]?.slice(0, 2), ["shared", "gpt-4o-mini"]);
    const [heading, row] = (await run("usage --group token,model --csv")).out.split("\r\n");
    assertStringIncludes(heading ?? "", "token,token_name,model,requests");
    assertStringIncludes(row ?? "", "shared,,gpt-4o-mini,1,");
    const wrong = await run("usage --group token,token");
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, ", or two of them with a comma");
  }));
