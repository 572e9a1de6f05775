/**
 * Makes the admin page: `deno task admin`. One script, one style sheet and the page that names them, each also
 * compressed, go to `dist/admin`. Names hold a hash of the contents, so that browsers may keep the files for ever.
 * Nothing is done where nothing has changed.
 */

import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { minify } from "terser";

const SOURCE = "src/admin/page";
const OUTPUT = "dist/admin";
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

const stamp = await sourcesHash();
if (await Deno.readTextFile(`${OUTPUT}/stamp`).catch(() => "") === stamp) Deno.exit(0);

const work = await Deno.makeTempDir();
const script = await minified(withoutUnused(await bundled(`${SOURCE}/main.tsx`, "js")));
const style = await bundled(`${SOURCE}/style.css`, "css", "--minify");
await Deno.remove(work, { recursive: true });
const scriptName = `admin-${await hashOf(script)}.js`;
const styleName = `admin-${await hashOf(style)}.css`;
const icon = await Deno.readTextFile(`${SOURCE}/icon.svg`);
const iconName = `icon-${await hashOf(icon)}.svg`;
const page = (await Deno.readTextFile(`${SOURCE}/index.html`))
  .replace("main.tsx", `/admin/assets/${scriptName}`)
  .replace("style.css", `/admin/assets/${styleName}`)
  .replace("icon.svg", `/admin/assets/${iconName}`);

await Deno.remove(OUTPUT, { recursive: true }).catch(() => {});
await Deno.mkdir(OUTPUT, { recursive: true });
const files = { [scriptName]: script, [styleName]: style, [iconName]: icon, "index.html": page };
for (const [name, text] of Object.entries(files)) {
  const bytes = new TextEncoder().encode(text);
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  await Deno.writeFile(`${OUTPUT}/${name}`, bytes);
  await Deno.writeFile(`${OUTPUT}/${name}.gz`, gzipSync(bytes, { level: 9 }));
  await Deno.writeFile(`${OUTPUT}/${name}.br`, brotliCompressSync(bytes, { params }));
}
const size = (ending: string) =>
  [scriptName, styleName].reduce((sum, name) => sum + Deno.statSync(`${OUTPUT}/${name}${ending}`).size, 0);
console.log(`${OUTPUT}: ${size("")} bytes, ${size(".gz")} with gzip, ${size(".br")} with brotli.`);
if (size("") > MAX_BYTES || size(".gz") > MAX_GZIP_BYTES) {
  console.error(`The admin page is over its ${MAX_BYTES} bytes, or ${MAX_GZIP_BYTES} with gzip.`);
  Deno.exit(1);
}
await Deno.writeTextFile(`${OUTPUT}/stamp`, stamp);

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

/** Of everything the page is made of, and of what makes it. */
async function sourcesHash(): Promise<string> {
  const names: string[] = [".ci/build_admin.ts", "deno.json", "deno.lock"];
  const pending = [SOURCE];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      (isDirectory ? pending : names).push(`${folder}/${name}`);
    }
  }
  const texts = await Promise.all(names.sort().map(async (name) => name + await Deno.readTextFile(name)));
  return await hashOf(texts.join("\0"));
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}
