/** `llm-proxy import` as a person runs it, and `llm-proxy check` on the result. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "smol-toml";
import { IMPORT_CASES } from "../../support/data/import_sources.ts";
import { proxyCommand } from "../../support/processes/proxy_process.ts";

const OLLA = `
discovery:
  static:
    endpoints:
      - { url: "http://127.0.0.1:11434", name: desk, type: ollama, auth: { type: bearer, token: canary-of-desk } }
`;

async function inFolder(
  test: (
    run: (line: string, env?: Record<string, string>) => Promise<[number, string, string]>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.writeTextFile(`${folder}/olla.yaml`, OLLA);
    await test(async (line, env = {}) => {
      const { code, stdout, stderr } = await proxyCommand(line.split(" "), env, folder).output();
      const decoder = new TextDecoder();
      return [code, decoder.decode(stdout), decoder.decode(stderr)];
    }, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("import: the result passes check, and what to set is on standard error", () =>
  inFolder(async (run, folder) => {
    const [code, out, err] = await run("import olla olla.yaml --output config.toml");
    assertEquals([code, out], [0, ""], err);
    assertStringIncludes(err, "Written: config.toml, with one endpoint.\n");
    assertStringIncludes(err, "olla.yaml:5: discovery.static.endpoints[0].auth.token: is a key in clear");
    assertStringIncludes(err, "DESK_API_KEY  the key of desk");
    assertEquals((err + await Deno.readTextFile(`${folder}/config.toml`)).includes("canary-of-desk"), false);
    const env = { DESK_API_KEY: "key-of-desk-of-the-test", PROXY_TOKEN: "token-of-clients-of-the-test" };
    const [checked, , problems] = await run("check", env);
    assertEquals(checked, 0, problems);

    const [again, , reason] = await run("import olla olla.yaml --output config.toml");
    assertEquals(again, 1);
    assertStringIncludes(reason, "cannot create config.toml: it exists already");
  }));

Deno.test("import: without --output the file alone is on standard output", () =>
  inFolder(async (run) => {
    const [code, out, err] = await run("import olla olla.yaml");
    assertEquals(code, 0);
    assertStringIncludes(out, '[endpoints.ollama]\nprovider = "ollama"\n');
    assertStringIncludes(err, "Then check the result: llm-proxy check --config config.toml\n");
  }));

Deno.test("import: a missing file and an unknown program are wrong usage", () =>
  inFolder(async (run) => {
    const [code, , err] = await run("import olla nowhere.yaml");
    assertEquals(code, 2);
    assertStringIncludes(err, "Cannot read nowhere.yaml: ");
    const [unknown, , reason] = await run("import portkey olla.yaml");
    assertEquals(unknown, 2);
    assertStringIncludes(reason, "Allowed choices are litellm, olla, llama-swap.");
  }));

Deno.test("import: check --route explains the route of a model, as docs/install.md shows", () =>
  inFolder(async (run, folder) => {
    await Deno.writeTextFile(
      `${folder}/litellm.yaml`,
      "model_list: [{ model_name: fast, litellm_params: { model: openai/gpt-4o-mini } }]",
    );
    const [code, , err] = await run("import litellm litellm.yaml --output imported.toml");
    assertEquals(code, 0, err);
    const env = valuesOf(await Deno.readTextFile(`${folder}/imported.toml`));
    const [found, out, reason] = await run("check --config imported.toml --route fast", env);
    assertEquals(found, 0, reason);
    assertStringIncludes(
      out,
      '"fast" at /v1/chat/completions goes to openai as "gpt-4o-mini": the route "fast" matches.\n',
    );
  }));

for (const { program, name, file, models } of IMPORT_CASES) {
  Deno.test(`import: check --route finds each model of ${program}: ${name}`, () =>
    inFolder(async (run, folder) => {
      await Deno.writeTextFile(`${folder}/other.yaml`, file);
      const [code, , err] = await run(`import ${program} other.yaml --output config.toml`);
      assertEquals(code, 0, err);
      const text = await Deno.readTextFile(`${folder}/config.toml`);
      const env = valuesOf(text);
      const [checked, , problems] = await run("check", env);
      assertEquals(checked, 0, problems);
      const { endpoints } = parse(text);
      for (const { model, endpoint, upstream, path = "/v1/chat/completions" } of models) {
        const [found, out, reason] = await run(`check --json --route ${model} --path ${path}`, env);
        assertEquals(found, 0, reason);
        const answer = JSON.parse(out);
        // The backends of this endpoint replace the name themselves.
        const isReplaced = upstream.length > 1;
        assertEquals([answer.endpoint, answer.sends], [endpoint, isReplaced ? model : upstream[0]], model);
        for (const name of isReplaced ? upstream : []) {
          assertStringIncludes(JSON.stringify(endpoints), JSON.stringify({ [model]: name }));
        }
      }
    }));
}

/** Values for the variables of a configuration file. */
function valuesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(?<!\$)\$\{(\w+)\}/g)].map(([, name = ""]) => [
      name,
      name === "LAB_HOST" ? "10.0.0.9" : `value-of-${name}-of-the-test`,
    ]),
  );
}
