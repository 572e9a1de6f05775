/**
 * Makes the admin page: `deno task admin`. One script, one style sheet and the page that names them go to
 * `src/management/admin/bundle`, which is under version control: nobody who only runs the program needs a bundler. Names hold a
 * hash of the contents, so that browsers may keep the files for ever. Nothing is done where nothing has changed.
 *
 * With `--check` nothing is made: the exit code says whether the bundle is that of its sources. With `--output FOLDER`
 * it is made there in any case, to be compared.
 */

import { gzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import { minify } from "terser";
import { BUNDLE, isUpToDate, recordInputs } from "./admin_inputs.ts";

const SOURCE = "src/management/page";
/** What the page is made of besides its modules. */
const OTHER_INPUTS = [
  ...["style.css", "index.html", "icon.svg"].map((name) => `${SOURCE}/${name}`),
  "src/build/build_admin.ts",
];
/** Together, as they are and with gzip: a page for a Raspberry Pi. */
const MAX_BYTES = 120_000;
const MAX_GZIP_BYTES = 48_000;

/**
 * uPlot can do much that the page does not ask of it, where no bundler can tell: it hangs everything on its
 * constructor, and looks at each scale whether it is one of time, or logarithmic, when it draws. The page's scales are
 * plain, with labels of its own. What only the others need is a fifth of the library. Each edit has to find as much as
 * it did in the version that is pinned.
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
  { found: 6, pattern: /\bxScaleDistr == [234]/g, instead: "false" },
];

const { values } = parseArgs({ options: { check: { type: "boolean" }, output: { type: "string" } } });
if (values.output === undefined && await isUpToDate()) Deno.exit(0);
if (values.check === true) {
  console.error(
    `${BUNDLE} is not what ${SOURCE} gives: run \`deno task admin\`, and commit what it changes.`,
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
  console.error(`The admin page is over its ${MAX_BYTES} bytes, or ${MAX_GZIP_BYTES} with gzip.`);
  Deno.exit(1);
}
await Deno.remove(output, { recursive: true }).catch(() => {});
await Deno.mkdir(output, { recursive: true });
const files = { [scriptName]: script, [styleName]: style, [iconName]: icon, "index.html": page };
for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${output}/${name}`, text);
if (values.output === undefined) {
  await recordInputs([...await modulesOf(`${SOURCE}/main.tsx`), ...OTHER_INPUTS]);
}

/** What `deno bundle` makes of an entry. */
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

/** Without what {@link UNUSED} lists. */
function withoutUnused(code: string): string {
  return UNUSED.reduce((rest, { found, pattern, instead }) => {
    const count = rest.match(pattern)?.length;
    if (count === found) return rest.replaceAll(pattern, instead);
    throw new Error(`uPlot has changed: ${pattern} was found ${count} times, not ${found}`);
  }, code);
}

/** A tenth less than the bundler's own: it looks at the whole several times. */
async function minified(code: string): Promise<string> {
  const { code: result = "" } = await minify(code, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, pure_getters: true, unsafe_arrows: true, unsafe_methods: true },
  });
  return result;
}

/** The modules of this project that an entry consists of. */
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

/** Line ends count as one, whichever a checkout has. */
async function readText(path: string): Promise<string> {
  return (await Deno.readTextFile(path)).replaceAll("\r\n", "\n");
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}
