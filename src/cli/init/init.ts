/** `llm-proxy init`: writes a configuration for somebody who has none. */

import { DEFAULT_HOST, DEFAULT_PORT } from "../../config/values/defaults.ts";
import type { Config } from "../../config/config.ts";
import { probeBackends, type ProbeResult } from "../../forwarding/probe.ts";
import { CommandError } from "../command_error.ts";
import { writeErr, writeOut } from "../output.ts";
import { askYes, type Prompt, terminalPrompt } from "../prompt.ts";
import { certificatePaths, makeCertificate, trustText } from "../tls.ts";
import { checkDrafts, shadowing } from "./check_drafts.ts";
import { type Draft, draftsOf, TLS_FOLDER } from "./drafts.ts";
import { checkDatabase, checkFolder, hasCertificate, shown, writeDrafts } from "./files.ts";
import { type InitOptions, planFromFlags } from "./from_flags.ts";
import { nextSteps } from "./next_steps.ts";
import type { Plan } from "./plan.ts";
import { askKey, askPlan } from "./questions.ts";

/** Asks at a terminal, where no flag says what to write; else flags and the environment say everything. */
export async function init(options: InitOptions): Promise<void> {
  const prompt = Deno.stdin.isTerminal() ? terminalPrompt() : undefined;
  const { folder, online, ...others } = options;
  const asks = Object.keys(others).length === 0 ? prompt : undefined;
  if (folder !== undefined || asks === undefined) checkFolder(folder ?? ".");
  const plan = asks === undefined ? await planFromFlags(options, { readStdin, prompt }) : await askPlan({
    prompt: asks,
    checkFolder,
    isPortFree,
    defaultPort: DEFAULT_PORT,
    folder: folder,
  });
  checkDatabase(plan);
  const isNew = plan.https && !hasCertificate(plan.folder);
  const certificate = isNew ? (await makeCertificate({ folder: TLS_FOLDER, name: plan.names })).files : [];
  const make = async (made: Plan): Promise<Made> => {
    const drafts = draftsOf(made, certificate);
    return { plan: made, drafts, config: await checkDrafts(drafts, made) };
  };
  const made = asks === undefined
    ? await triedByFlag(await make(plan), online === true)
    : await triedByAnswers(await make(plan), { prompt: asks, make, isAsked: online === true });
  const names = made.drafts.map(({ path }) => shown(plan.folder, path));
  if (asks !== undefined && !await askYes(asks, `\nWrite ${names.join(", ")}?`, true)) {
    throw new CommandError("Nothing was written.");
  }
  const written = writeDrafts(made.drafts, plan.folder);
  for (const warning of await configWarnings(made)) writeErr(`warning: ${warning}\n`);
  writeOut(`Written: ${written.join(", ")}. Only you can read what holds a secret.\n\n`);
  if (isNew) writeOut(`${trustText(shown(plan.folder, certificatePaths(TLS_FOLDER).authority))}\n`);
  writeOut(nextSteps(plan, made.config));
}

/** A plan, the files that it comes to, and what they mean. */
interface Made {
  readonly plan: Plan;
  readonly drafts: readonly Draft[];
  readonly config: Config;
}

async function triedByFlag(made: Made, isAsked: boolean): Promise<Made> {
  if (!isAsked) return made;
  const failed = (await probeBackends(made.config)).filter(({ ok }) => !ok);
  if (failed.length === 0) return made;
  const lines = failed.map((result) => `  ${failureText(result)}`);
  throw new CommandError(
    `Nothing was written: a provider rejected the request.\n${lines.join("\n")}`,
  );
}

/** A key that is refused can be given again, or kept. */
async function triedByAnswers(
  made: Made,
  { prompt, make, isAsked }: { prompt: Prompt; make: (plan: Plan) => Promise<Made>; isAsked: boolean },
): Promise<Made> {
  const isTried = isAsked || await askYes(
    prompt,
    "\nAsk each provider for its list of models now, to see whether it is reached and the key works?",
    false,
  );
  if (!isTried) return made;
  let current = made;
  while (true) {
    const results = await probeBackends(current.config);
    for (const result of results) {
      prompt.say(result.ok ? `${result.endpoint}: works.\n` : `${failureText(result)}\n`);
    }
    const refused = results.filter(({ key }) => key === "refused").map(({ endpoint }) => endpoint);
    if (refused.length === 0 || !await askYes(prompt, "Give another key?", true)) return current;
    const providers = [];
    for (const provider of current.plan.providers) {
      const isRefused = refused.includes(provider.name);
      providers.push(isRefused ? { ...provider, key: await askKey(prompt, provider.name) } : provider);
    }
    current = await make({ ...current.plan, providers });
  }
}

function failureText({ endpoint, key, detail }: ProbeResult): string {
  return key === "refused" ? `${endpoint}: refuses the key (${detail}).` : `${endpoint}: ${detail}.`;
}

async function configWarnings({ drafts, plan, config }: Made): Promise<string[]> {
  const shadows = await shadowing(drafts, plan.folder);
  const taken = [config.server.port, config.server.httpsPort, config.server.adminPort].filter((port) =>
    port !== undefined && !isPortFree(port)
  );
  return [
    ...(shadows.length === 0
      ? []
      : [`this shell sets ${shadows.join(", ")}, which wins over .env: unset it before the start`]),
    ...(taken.length === 0 ? [] : [
      `port ${taken.join(" and ")} is taken on this machine now: free it, or give --port and begin again`,
    ]),
  ];
}

function isPortFree(port: number): boolean {
  try {
    Deno.listen({ hostname: DEFAULT_HOST, port }).close();
    return true;
  } catch {
    return false;
  }
}

async function readStdin(): Promise<string> {
  return await new Response(Deno.stdin.readable).text();
}
