/** Edits the modules of a bundle, so that they are faster to load. */

/** An edit of the bundle. `pattern` must match exactly once in all modules together. */
export interface Edit {
  readonly what: string;
  readonly pattern: RegExp;
  readonly instead: string;
}

/**
 * The built-in modules that CommonJS packages load at the start. They only read members of these modules: the
 * package yaml reads `process.env` and `Buffer` when it parses a file.
 */
const READ_LATE: readonly string[] = ["node:buffer", "node:process", "node:util"];
/**
 * The built-in modules that the drivers of PostgreSQL and Redis load. They extend classes of these modules
 * and list their members, so that they need the modules themselves. The program loads a driver only if the
 * configuration needs it.
 */
const OF_DRIVERS: readonly string[] = [
  "node:assert",
  "node:crypto",
  "node:diagnostics_channel",
  "node:dns",
  "node:dns/promises",
  "node:events",
  "node:fs",
  "node:net",
  "node:path",
  "node:perf_hooks",
  "node:stream",
  "node:string_decoder",
  "node:timers/promises",
  "node:tls",
  "node:url",
  "node:util/types",
  // Optional, and not in the program: pg loads it only if a caller asks for it.
  "pg-native",
];
const REQUIRED: readonly string[] = [...READ_LATE, ...OF_DRIVERS];

/** The edits of the program. */
export const EDITS: readonly Edit[] = [
  {
    // `node:module` and the modules that packages require take 15 to 35 ms, and no request needs them.
    what: "the function require of the bundler",
    pattern:
      /^import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\(import\.meta\.url\);$/m,
    instead: `var __require = (name) => ${JSON.stringify(READ_LATE)}.includes(name)` +
      " ? new Proxy({}, { get: (_, key) => process.getBuiltinModule(name)[key] })" +
      " : process.getBuiltinModule(name);",
  },
  {
    // These modules take 17 ms to load. The package uses them only for subcommands that are separate
    // programs.
    what: "the built-in modules of commander",
    pattern:
      /^import childProcess from "node:child_process";\nimport path from "node:path";\nimport fs from "node:fs";\nimport process from "node:process";$/m,
    instead: "const [childProcess, path, fs] = ['node:child_process', 'node:path', 'node:fs'].map((name) =>" +
      " new Proxy({}, { get: (_, key) => process.getBuiltinModule(name)[key] }));",
  },
  {
    // The rules of languages take 4 to 7 ms to load. The order only has to be the same for the same keys.
    what: "the order of units in @pydantic/genai-prices",
    pattern: /\(\[t\], \[a\]\) => t\.localeCompare\(a\)/,
    instead: "([t], [a]) => t < a ? -1 : 1",
  },
];

/** The edits and the allowed modules that a test uses in place of those of the program. */
export interface EditOptions {
  readonly edits?: readonly Edit[];
  readonly required?: readonly string[];
}

/**
 * Edits all modules in a folder. Throws if an edit does not match exactly once,
 * or if a package loads a built-in module that is not in the list.
 */
export async function editBundle(folder: string, options: EditOptions = {}): Promise<void> {
  await writeModules(folder, await editedModules(folder, options));
}

/** The modules of a folder by their names, edited. See {@link editBundle}. */
export async function editedModules(
  folder: string,
  { edits = EDITS, required = REQUIRED }: EditOptions,
): Promise<Map<string, string>> {
  const modules = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    if (/\.[jt]s$/.test(name)) modules.set(name, await Deno.readTextFile(`${folder}/${name}`));
  }
  for (const edit of edits) apply(edit, modules);
  for (const [name, code] of modules) {
    for (const [, wanted = ""] of code.matchAll(/__require\("([^"]*)"\)/g)) {
      if (!required.includes(wanted)) {
        throw new Error(
          `A package in ${name} loads ${wanted}: check what it uses, and add it to READ_LATE or OF_DRIVERS`,
        );
      }
    }
  }
  return modules;
}

/** Writes modules into a folder, by their names. */
export async function writeModules(folder: string, modules: Map<string, string>): Promise<void> {
  for (const [name, code] of modules) await Deno.writeTextFile(`${folder}/${name}`, code);
}

/** Applies an edit to the module that it matches. */
function apply({ what, pattern, instead }: Edit, modules: Map<string, string>): void {
  const global = new RegExp(pattern, `${pattern.flags}g`);
  const found = [...modules].flatMap(([name, code]) => [...code.matchAll(global)].map(() => name));
  const [name = ""] = found;
  if (found.length !== 1) throw new Error(`The bundle has changed: ${what} was found ${found.length} times`);
  modules.set(name, modules.get(name)?.replace(pattern, () => instead) ?? "");
}
