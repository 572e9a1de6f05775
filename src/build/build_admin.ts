/**
 * `deno task admin`: builds the admin page if its sources have changed. The result is a script, a style sheet
 * and a page in `src/management/admin/bundle`, which is committed, so that running the program needs no
 * bundler. File names contain a hash, so that browsers can cache the files forever.
 *
 * `--check` builds nothing and exits with 1 if the bundle is out of date. `--output FOLDER` always builds
 * into that folder, for a comparison.
 */

import { gzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import { minify } from "terser";
import { BUNDLE, isUpToDate, recordInputs } from "./admin_inputs.ts";

const SOURCE = "src/management/page";
/** Inputs of the page besides its modules. */
const OTHER_INPUTS = [
  ...["style.css", "index.html", "icon.svg"].map((name) => `${SOURCE}/${name}`),
  "src/build/build_admin.ts",
];
/**
 * The maximum size of script and style sheet, so that the page loads fast from a Raspberry Pi. The pages of
 * people, who sign in with different roles, took 30,000 bytes. Passkeys and logins of commands took 7,000.
 */
const MAX_BYTES = 150_000;
const MAX_GZIP_BYTES = 53_000;

/**
 * Edits that remove unused code of uPlot, a fifth of the library. A bundler cannot find this code, because
 * uPlot attaches all functions to its constructor and checks at run time whether a scale is logarithmic or
 * one of time. The page has only linear scales, and formats their labels itself. Each pattern must match
 * `found` times in the pinned version.
 */
const UNUSED: readonly { readonly found: number; readonly pattern: RegExp; readonly instead: string }[] = [
  {
    found: 13,
    pattern:
      /^ *(?:uPlot\.(?:assign|fmtNum|rangeNum|rangeLog|rangeAsinh|orient|join|fmtDate|tzDate|addGap|clipGaps)|paths\.(?:stepped|spline)) = .*;$/gm,
    instead: "",
  },
  { found: 3, pattern: /let isTime = .*;/g, instead: "const isTime = false;" },
  { found: 6, pattern: /^ *(?:var|const) (?:\[time|_timeAxis|_timeSeriesVal|_fmtDate).*;$/gm, instead: "" },
  { found: 14, pattern: /\bw?sc\.distr (?:>= 3|== (?:2|3|4|100))(?!\d)/g, instead: "false" },
  { found: 1, pattern: /\bsc\.distr == 1(?!\d)/g, instead: "true" },
  // The page draws its own legend.
  { found: 1, pattern: /(?:let|const) showLegend = .*;/g, instead: "const showLegend = false;" },
  { found: 6, pattern: /\bxScaleDistr == [234]/g, instead: "false" },
];

const { values } = parseArgs({ options: { check: { type: "boolean" }, output: { type: "string" } } });
if (values.output === undefined && await isUpToDate()) Deno.exit(0);
if (values.check === true) {
  console.error(
    `${BUNDLE} is out of date: run \`deno task admin\` and commit its changes.`,
  );
  Deno.exit(1);
}

const output = values.output ?? BUNDLE;
const work = await Deno.makeTempDir();
const script = await minified(withoutUnused(await bundled(`${SOURCE}/main.tsx`, "js")));
const style = await bundled(`${SOURCE}/style.css`, "css", "--minify");
await Deno.remove(work, { recursive: true });
const scriptName = `admin-${await hashOf(script)}.js`;
const styleName = `admin-${await hashOf(style)}.css`;
const icon = await readText(`${SOURCE}/icon.svg`);
const iconName = `icon-${await hashOf(icon)}.svg`;
const page = (await readText(`${SOURCE}/index.html`))
  .replace("main.tsx", `/admin/assets/${scriptName}`)
  .replace("style.css", `/admin/assets/${styleName}`)
  .replace("icon.svg", `/admin/assets/${iconName}`);

const bytes = new TextEncoder().encode(script + style);
const gzipBytes = gzipSync(bytes, { level: 9 }).length;
console.log(`${output}: ${bytes.length} bytes, ${gzipBytes} with gzip.`);
if (bytes.length > MAX_BYTES || gzipBytes > MAX_GZIP_BYTES) {
  console.error(
    `The admin page is larger than ${MAX_BYTES} bytes, or than ${MAX_GZIP_BYTES} bytes with gzip.`,
  );
  Deno.exit(1);
}
await Deno.remove(output, { recursive: true }).catch(() => {});
await Deno.mkdir(output, { recursive: true });
const files = { [scriptName]: script, [styleName]: style, [iconName]: icon, "index.html": page };
for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${output}/${name}`, text);
if (values.output === undefined) {
  await recordInputs([...await modulesOf(`${SOURCE}/main.tsx`), ...OTHER_INPUTS]);
}

/** The output of `deno bundle` for an entry. */
async function bundled(entry: string, ending: string, ...options: string[]): Promise<string> {
  const output = `${work}/out.${ending}`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", ...options, "--output", output, entry],
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  if (!success) Deno.exit(1);
  return await Deno.readTextFile(output);
}

/** Applies the edits of {@link UNUSED}. */
function withoutUnused(code: string): string {
  return UNUSED.reduce((rest, { found, pattern, instead }) => {
    const count = rest.match(pattern)?.length;
    if (count === found) return rest.replaceAll(pattern, instead);
    throw new Error(`uPlot has changed: ${pattern} was found ${count} times, not ${found}`);
  }, code);
}

/** Minifies with terser, whose several passes save a tenth over the minifier of the bundler. */
async function minified(code: string): Promise<string> {
  const { code: result = "" } = await minify(code, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, pure_getters: true, unsafe_arrows: true },
  });
  return result;
}

/** The modules of this project that an entry imports, directly or indirectly. */
async function modulesOf(entry: string): Promise<string[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    stderr: "inherit",
  }).output();
  if (!success) Deno.exit(1);
  const { modules }: { modules: { specifier: string }[] } = JSON.parse(new TextDecoder().decode(stdout));
  const root = new URL("../../", import.meta.url).href;
  return modules.map(({ specifier }) => specifier).filter((specifier) => specifier.startsWith(root))
    .map((specifier) => specifier.slice(root.length));
}

/** Line ends are normalized, because a checkout on Windows may have CRLF. */
async function readText(path: string): Promise<string> {
  return (await Deno.readTextFile(path)).replaceAll("\r\n", "\n");
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}
