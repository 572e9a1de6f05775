/** The questions of `llm-proxy init`. */

import { PRESET_NAMES, type PresetName, presetNamed } from "../../config/values/presets.ts";
import { closestName } from "../../config/values/suggest.ts";
import { askYes, type Prompt } from "../prompt.ts";
import type { ChosenProvider, Plan } from "./plan.ts";
import { checkBaseUrl, checkKey, isLocal, keyInEnvironment, usualBaseUrl } from "./provider_input.ts";

/** The terminal and the checks that the questions use. */
export interface QuestionContext {
  readonly prompt: Prompt;
  /** Throws if a folder has a configuration. It is called before the question for a key. */
  readonly checkFolder: (folder: string) => void;
  readonly isPortFree: (port: number) => boolean;
  readonly defaultPort: number;
  /** The folder of `--folder`. If it is `undefined`, a question asks for the folder. */
  readonly folder: string | undefined;
}

/** Asks for all choices of a plan. */
export async function askPlan(context: QuestionContext): Promise<Plan> {
  const { prompt } = context;
  prompt.say(
    "This writes the configuration of a proxy: .env, and config.toml if it is needed. Press Enter for the answer\n" +
      "in brackets, or Ctrl-C to cancel. Existing files do not change.\n\n",
  );
  const folder = context.folder ?? (await prompt.line("Folder [.]: ") || ".");
  context.checkFolder(folder);
  const providers: ChosenProvider[] = [];
  for (const name of await askNames(prompt)) providers.push(await askProvider(prompt, name));
  const access = await askAccess(prompt);
  const https = await askYes(
    prompt,
    "\nUse HTTPS, with a new certificate authority? Each client has to trust this authority.",
    false,
  );
  return { folder, providers, access, https, names: [], port: await askPort(context) };
}

async function askNames(prompt: Prompt): Promise<PresetName[]> {
  const found = PRESET_NAMES.filter((name) => keyInEnvironment(name) !== undefined);
  const fallback: readonly PresetName[] = found.length > 0 ? found : ["openai"];
  const width = Math.max(...PRESET_NAMES.map((name) => name.length));
  prompt.say("\nWhich providers? One is enough.\n\n");
  for (const [index, name] of PRESET_NAMES.entries()) {
    const where = usualBaseUrl(name) ?? "at your own address";
    prompt.say(`  ${String(index + 1).padStart(2)}  ${name.padEnd(width)}  ${where}\n`);
  }
  while (true) {
    const answer = await prompt.line(
      `\nNumbers or names, separated by commas [${fallback.join(", ")}]: `,
    );
    if (answer === "") return [...fallback];
    const words = answer.split(/[\s,]+/).filter((word) => word !== "");
    const names = words.map((word) => PRESET_NAMES[Number(word) - 1] ?? presetNamed(word.toLowerCase()));
    const known = names.filter((name) => name !== undefined);
    if (known.length === words.length && known.length > 0) return [...new Set(known)];
    const unknown = words.filter((_, index) => names[index] === undefined);
    const near = unknown.map((word) => closestName(word, PRESET_NAMES)).filter((name) => name !== undefined);
    prompt.say(
      `Not all of these are known providers.${near.length > 0 ? ` Did you mean ${near.join(", ")}?` : ""}\n`,
    );
  }
}

async function askProvider(prompt: Prompt, name: PresetName): Promise<ChosenProvider> {
  const usual = usualBaseUrl(name);
  const baseUrl = usual !== undefined && !isLocal(name) ? usual : await askBaseUrl(prompt, name, usual);
  if (isLocal(name)) return { name, baseUrl, key: undefined };
  const found = keyInEnvironment(name);
  if (found !== undefined && "value" in found.key) {
    const isAccepted = await askYes(
      prompt,
      `\n${found.variable} is set in this shell. Use this key for ${name}?`,
      true,
    );
    if (isAccepted) return { name, baseUrl, key: found.key.value };
  }
  return { name, baseUrl, key: await askKey(prompt, name) };
}

async function askBaseUrl(prompt: Prompt, name: PresetName, usual: string | undefined): Promise<string> {
  while (true) {
    const hint = usual === undefined ? ", like https://api.example.com/v1" : ` [${usual}]`;
    const answer = await prompt.line(`\nBase URL of ${name}${hint}: `) || usual || "";
    const checked = checkBaseUrl(answer);
    if ("value" in checked) return checked.value;
    prompt.say(`That ${checked.problem}.\n`);
  }
}

/** Asks for a key until the answer is valid. */
export async function askKey(prompt: Prompt, name: PresetName): Promise<string> {
  while (true) {
    const answer = await prompt.hidden(`\nKey of ${name} (paste it; it is not shown): `);
    const checked = checkKey(answer);
    if ("value" in checked) {
      prompt.say(`Got ${checked.value.length} characters.\n`);
      return checked.value;
    }
    prompt.say(`That ${checked.problem}.\n`);
  }
}

async function askAccess(prompt: Prompt): Promise<Plan["access"]> {
  prompt.say(
    "\nHow do clients sign in?\n\n" +
      "   1  all with one shared token, which is created now\n" +
      "   2  each with a managed token, with limits, usage and cost; needs a database, has an admin page\n\n",
  );
  while (true) {
    const answer = await prompt.line("Number [1]: ") || "1";
    if (answer === "1") return "one token";
    if (answer === "2") return "managed tokens";
    prompt.say("Answer 1 or 2.\n");
  }
}

/** Asks for a port only if another program uses the default port. */
async function askPort({ prompt, isPortFree, defaultPort }: QuestionContext): Promise<number> {
  if (isPortFree(defaultPort)) return defaultPort;
  const free = Array.from({ length: 100 }, (_, index) => defaultPort + 10 * (index + 1)).find(isPortFree);
  while (true) {
    const answer =
      await prompt.line(`\nAnother program uses port ${defaultPort}. Port for the proxy [${free}]: `) ||
      String(free);
    const port = Number(answer);
    if (Number.isInteger(port) && port >= 1 && port < 65_535 && isPortFree(port)) return port;
    prompt.say("That is not a free port (1 to 65534).\n");
  }
}
