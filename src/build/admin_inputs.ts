/** Records the inputs of the admin page bundle, so that it is built again only after a change. */

/** The folder of the bundle. It is committed, so that running the program needs no bundler. */
export const BUNDLE = "src/management/admin/bundle";
const RECORD = `${BUNDLE}/inputs.json`;
/** The packages in the bundle, and the minifier. */
const PACKAGES = ["preact", "uplot", "valibot", "terser"];
/** The files that pin the versions of {@link PACKAGES}. */
const MANIFESTS = ["deno.json", "src/management/page/deno.json", "src/build/deno.json"];

/** The content of the record. */
interface Inputs {
  /** SHA-256 of each file, by its path. */
  readonly files: Readonly<Record<string, string>>;
  /** Each package with its version. */
  readonly packages: readonly string[];
}

/** Whether the bundle exists and its inputs have not changed. */
export async function isUpToDate(): Promise<boolean> {
  const text = await Deno.readTextFile(RECORD).catch(() => undefined);
  if (text === undefined) return false;
  const { files }: Inputs = JSON.parse(text);
  return text === await recordOf(Object.keys(files));
}

/** Writes the record for a bundle of these files. */
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

/** Line ends are normalized, because a checkout on Windows may have CRLF. */
async function hashOfFile(path: string): Promise<string> {
  const text = await Deno.readTextFile(path).catch(() => "missing");
  const bytes = new TextEncoder().encode(text.replaceAll("\r\n", "\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
