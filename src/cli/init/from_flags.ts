/**
 * Makes a plan from options and the environment. If a key is missing, it asks for the key, but only at a
 * terminal.
 */

import { DEFAULT_PORT } from "../../config/values/defaults.ts";
import { keyVariable, PRESET_NAMES, type PresetName, presetNamed } from "../../config/values/presets.ts";
import { closestName } from "../../config/values/suggest.ts";
import { counted } from "../../text/counted.ts";
import { CommandError } from "../command_error.ts";
import type { Prompt } from "../prompt.ts";
import { isSubjectName } from "../tls/certificate_files.ts";
import type { ChosenProvider, Plan } from "./plan.ts";
import {
  checkBaseUrl,
  type Checked,
  checkKey,
  isLocal,
  keyInEnvironment,
  keyInFile,
  usualBaseUrl,
} from "./provider_input.ts";
import { askKey } from "./questions.ts";

/** The options of `llm-proxy init`. */
export interface InitOptions {
  /** Names of providers. Each value may be a list that is separated by commas. */
  readonly provider?: readonly string[];
  /** `FILE` or `PROVIDER=FILE`, where the file `-` is standard input. */
  readonly keyFile?: readonly string[];
  /** `URL` or `PROVIDER=URL`. */
  readonly baseUrl?: readonly string[];
  readonly tokens?: true;
  readonly https?: true;
  readonly name?: readonly string[];
  readonly port?: string;
  readonly folder?: string;
  readonly online?: true;
}

/** The sources of values that the options do not have. */
export interface FlagContext {
  readonly readStdin: () => Promise<string>;
  /** Asks for a key. `undefined` if there is no terminal. */
  readonly prompt: Prompt | undefined;
}

/** Makes the plan. Throws a {@link CommandError} that lists all problems. */
export async function planFromFlags(options: InitOptions, context: FlagContext): Promise<Plan> {
  const problems: Problems = [];
  const { provider = [], baseUrl = [], keyFile = [], name: certificateNames = [] } = options;
  const names = readNames(provider, problems);
  const urls = readPairs("--base-url", baseUrl, { names, problems });
  const files = readPairs("--key-file", keyFile, { names, problems });
  const providers: ChosenProvider[] = [];
  for (const name of names) {
    const baseUrl = readBaseUrl(name, urls.get(name), problems);
    const key = await readKey(name, files.get(name), { ...context, problems });
    if (baseUrl !== undefined) providers.push({ name, baseUrl, key });
  }
  if ([...files.values()].filter((file) => file === "-").length > 1) {
    problems.push(["--key-file", "can read only one key from standard input: use files for the other keys"]);
  }
  for (const name of certificateNames) {
    if (!isSubjectName(name)) {
      problems.push(["--name", `${JSON.stringify(name)} is neither a host name nor an IP address`]);
    }
  }
  if (certificateNames.length > 0 && options.https !== true) {
    problems.push(["--name", "is for the certificate: add --https"]);
  }
  const plan: Plan = {
    folder: options.folder ?? ".",
    providers,
    access: options.tokens === true ? "managed tokens" : "one token",
    https: options.https === true,
    names: certificateNames,
    port: readPort(options.port, problems),
  };
  throwProblems(problems);
  return plan;
}

/** Problems, each with its option or variable. */
type Problems = [where: string, problem: string][];

function throwProblems(problems: Readonly<Problems>): void {
  if (problems.length === 0) return;
  const width = Math.max(...problems.map(([where]) => where.length));
  const lines = problems.map(([where, problem]) => `  ${where.padEnd(width)}  ${problem}\n`);
  const count = counted(problems.length, "problem");
  throw new CommandError(`Nothing was written: ${count}.\n${lines.join("").trimEnd()}`, 2);
}

function readNames(given: readonly string[], problems: Problems): PresetName[] {
  const words = given.flatMap((text) => text.split(",")).map((word) => word.trim()).filter((word) =>
    word !== ""
  );
  if (words.length === 0) {
    problems.push(["--provider", `is missing: at least one of ${PRESET_NAMES.join(", ")}`]);
  }
  const names = words.flatMap((word) => {
    const name = presetNamed(word);
    if (name !== undefined) return [name];
    const near = closestName(word, PRESET_NAMES);
    // The message repeats only a text that is almost a name, because any other text may be a key.
    const hint = near === undefined
      ? `the providers are ${PRESET_NAMES.join(", ")}`
      : `did you mean ${near}?`;
    problems.push([
      "--provider",
      near === undefined
        ? `names an unknown provider; ${hint}`
        : `${JSON.stringify(word)} is not known; ${hint}`,
    ]);
    return [];
  });
  return [...new Set(names)];
}

/** Returns the values by provider. A value without a name belongs to the only provider. */
function readPairs(
  flag: string,
  given: readonly string[],
  { names, problems }: { names: readonly PresetName[]; problems: Problems },
): Map<PresetName, string> {
  const values = new Map<PresetName, string>();
  for (const text of given) {
    const [, prefix = "", rest = ""] = /^([a-z]+)=(.*)$/s.exec(text) ?? [];
    const named = presetNamed(prefix);
    const name = named ?? (names.length === 1 ? names[0] : undefined);
    if (name === undefined) {
      if (names.length > 1) {
        problems.push([flag, `needs the name of a provider: ${flag} ${names[0]}=…`]);
      }
    } else if (!names.includes(name)) problems.push([flag, `is for ${name}, which is missing in --provider`]);
    else if (values.has(name)) problems.push([flag, `is given twice for ${name}`]);
    else values.set(name, named === undefined ? text : rest);
  }
  return values;
}

function readBaseUrl(name: PresetName, given: string | undefined, problems: Problems): string | undefined {
  if (given === undefined) {
    const usual = usualBaseUrl(name);
    if (usual === undefined) {
      problems.push(["--base-url", `is missing for ${name}: --base-url ${name}=https://…`]);
    }
    return usual;
  }
  return noted(checkBaseUrl(given), ["--base-url", `of ${name} `], problems);
}

async function readKey(
  name: PresetName,
  file: string | undefined,
  { readStdin, prompt, problems }: FlagContext & { problems: Problems },
): Promise<string | undefined> {
  if (file !== undefined) {
    const key = file === "-" ? checkKey(await readStdin()) : keyInFile(file);
    return noted(key, ["--key-file", `of ${name} `], problems);
  }
  if (isLocal(name)) return undefined;
  const found = keyInEnvironment(name);
  if (found !== undefined) return noted(found.key, [`env ${found.variable}`, ""], problems);
  // Other problems are reported first, so that the user does not type a key and then gets an error.
  if (prompt !== undefined && problems.length === 0) return await askKey(prompt, name);
  problems.push([
    "--key-file",
    `is missing for ${name}: name a file that holds the key, or "-" for standard input, or set ${
      keyVariable(name)
    }`,
  ]);
  return undefined;
}

function noted(
  checked: Checked,
  [where, subject]: readonly [where: string, subject: string],
  problems: Problems,
): string | undefined {
  if ("value" in checked) return checked.value;
  problems.push([where, subject + checked.problem]);
  return undefined;
}

function readPort(given: string | undefined, problems: Problems): number {
  if (given === undefined) return DEFAULT_PORT;
  // The admin page uses the next port, so the highest port is not possible.
  if (/^\d{1,5}$/.test(given) && Number(given) >= 1 && Number(given) < 65_535) return Number(given);
  problems.push(["--port", `${JSON.stringify(given)} is not a port (1 to 65534)`]);
  return DEFAULT_PORT;
}
