/** Finds the npm packages in the program, from its module graph, `deno.lock` and the packages themselves. */

/** One npm package in the program. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** The SHA-512 of the archive that `deno.lock` pins, in hexadecimal. */
  readonly sha512: string;
  /** The SPDX identifier or expression in `package.json` of the package. */
  readonly license: string;
  /** Whether the code of the program imports the package itself. */
  readonly isDirect: boolean;
  /** The dependencies as `name@version`. */
  readonly dependsOn: readonly string[];
}

/** The used part of the output of `deno info --json`. */
interface Graph {
  readonly roots: readonly string[];
  readonly redirects: Readonly<Record<string, string>>;
  readonly modules: readonly GraphModule[];
  readonly npmPackages: Readonly<Record<string, GraphPackage>>;
}

interface GraphModule {
  readonly specifier: string;
  /** Set for a module of an npm package. Such a module has no `dependencies`. */
  readonly npmPackage?: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
}

interface GraphPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
  readonly localPath: string;
}

/** The used part of `deno.lock`. */
interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/**
 * Dependencies that only unused parts of a package import, by the name of the package.
 * `tests/release/sbom_test.ts` compares the result with the bundles.
 */
export const UNUSED_DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  // The program has no summaries with quantiles.
  "prom-client": ["tdigest"],
  // The program asks providers for no encrypted responses.
  "openid-client": ["jose"],
};

/**
 * Returns the packages in the bundles of the entry files, sorted by name. Throws if a package cannot be
 * described.
 */
export async function bundledPackages(entries: readonly string[]): Promise<BundledPackage[]> {
  const lock: Lock = JSON.parse(await Deno.readTextFile("deno.lock"));
  const found = new Map<string, BundledPackage>();
  for (const entry of entries) {
    const graph = await readGraph(entry);
    const direct = importedPackages(graph);
    for (const id of withDependencies(graph, direct)) {
      const described = await describe(id, { graph, lock, isDirect: direct.has(id) });
      const key = keyOf(described);
      found.set(key, { ...described, isDirect: described.isDirect || found.get(key)?.isDirect === true });
    }
  }
  return [...found].sort(([one], [other]) => one < other ? -1 : 1).map(([, described]) => described);
}

/** Returns `name@version` of a package. */
export function keyOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${name}@${version}`;
}

async function readGraph(entry: string): Promise<Graph> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot read the module graph of ${entry}: deno info failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Follows imports of code only, because an import of types adds nothing to the bundle. */
function importedPackages({ roots, redirects, modules }: Graph): Set<string> {
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const seen = new Set<string>();
  const packages = new Set<string>();
  const pending = [...roots];
  for (let wanted = pending.pop(); wanted !== undefined; wanted = pending.pop()) {
    const specifier = redirects[wanted] ?? wanted;
    if (seen.has(specifier)) continue;
    seen.add(specifier);
    const { npmPackage, dependencies = [] } = bySpecifier.get(specifier) ?? {};
    if (npmPackage !== undefined) packages.add(npmPackage);
    for (const { code } of dependencies) if (code !== undefined) pending.push(code.specifier);
  }
  return packages;
}

function withDependencies({ npmPackages }: Graph, direct: ReadonlySet<string>): Set<string> {
  const all = new Set(direct);
  // The iteration of a set also visits elements that are added during the iteration.
  for (const id of all) {
    for (const dependency of usedDependencies(npmPackages, id)) all.add(dependency);
  }
  return all;
}

function usedDependencies(npmPackages: Graph["npmPackages"], id: string): string[] {
  const { name = "", dependencies = [] } = npmPackages[id] ?? {};
  const unused = UNUSED_DEPENDENCIES[name] ?? [];
  return dependencies.filter((one) => !unused.includes(npmPackages[one]?.name ?? ""));
}

async function describe(
  id: string,
  { graph, lock, isDirect }: { graph: Graph; lock: Lock; isDirect: boolean },
): Promise<BundledPackage> {
  const found = graph.npmPackages[id];
  if (found === undefined) throw new Error(`Cannot describe ${id}: the module graph does not list it`);
  const { name, version, localPath } = found;
  const [, digest] = /^sha512-(.+)$/.exec(lock.npm[id]?.integrity ?? "") ?? [];
  if (digest === undefined) throw new Error(`Cannot describe ${id}: deno.lock has no SHA-512 of it`);
  const { license }: { license?: unknown } = JSON.parse(
    await Deno.readTextFile(`${localPath}/package.json`),
  );
  if (typeof license !== "string") {
    throw new Error(`Cannot describe ${id}: the licence is ${JSON.stringify(license)}`);
  }
  const dependsOn = usedDependencies(graph.npmPackages, id)
    .flatMap((one) => graph.npmPackages[one] ?? [])
    .map(keyOf);
  return { name, version, sha512: Uint8Array.fromBase64(digest).toHex(), license, isDirect, dependsOn };
}
