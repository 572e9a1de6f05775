/** What the bundle of the admin page was made of, so that it is made again only where that has changed. */

/** Where the bundle is kept, under version control: nobody who only runs the program needs a bundler. */
export const BUNDLE = "src/management/admin/bundle";
const RECORD = `${BUNDLE}/inputs.json`;
/** Packages that end up in the bundle, and the one that makes it small. */
const PACKAGES = ["preact", "uplot", "valibot", "terser"];
/** Where their versions are pinned. */
const MANIFESTS = ["deno.json", "src/management/page/deno.json", "src/build/deno.json"];

/** What is recorded beside the bundle. */
interface Inputs {
  /** SHA-256 of each file, by its path. */
  readonly files: Readonly<Record<string, string>>;
  /** Each package with its version. */
  readonly packages: readonly string[];
}

/** Whether the bundle is there and everything that it was made of is as it was. */
export async function isUpToDate(): Promise<boolean> {
  const text = await Deno.readTextFile(RECORD).catch(() => undefined);
  if (text === undefined) return false;
  const { files }: Inputs = JSON.parse(text);
  return text === await recordOf(Object.keys(files));
}

/** Records that the bundle was made of these files. */
export async function recordInputs(files: readonly string[]): Promise<void> {
  await Deno.writeTextFile(RECORD, await recordOf(files));
}

async function recordOf(files: readonly string[]): Promise<string> {
  const hashes = await Promise.all(
    files.toSorted().map(async (path) => [path, await hashOfFile(path)] as const),
  );
  const imports: Record<string, string> = {};
  for (const path of MANIFESTS) Object.assign(imports, JSON.parse(await Deno.readTextFile(path)).imports);
  const inputs: Inputs = {
    files: Object.fromEntries(hashes),
    packages: PACKAGES.map((name) => imports[name] ?? `${name} is missing`),
  };
  return `${JSON.stringify(inputs, null, 2)}\n`;
}

/** Line ends count as one, whichever a checkout has. */
async function hashOfFile(path: string): Promise<string> {
  const text = await Deno.readTextFile(path).catch(() => "missing");
  const bytes = new TextEncoder().encode(text.replaceAll("\r\n", "\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
