/** `llm-proxy init`: writes a first configuration. */

import { DEFAULT_HOST, DEFAULT_PORT } from "../../config/values/defaults.ts";
import type { Config } from "../../config/config.ts";
import { probeBackends, type ProbeResult } from "../../forwarding/probe.ts";
import { tryListening } from "../../network/listen_everywhere.ts";
import { CommandError } from "../command_error.ts";
import { writeErr, writeOut } from "../output.ts";
import { askYes, type Prompt, terminalPrompt } from "../prompt.ts";
import { certificatePaths, makeCertificate } from "../tls/certificate_files.ts";
import { trustText } from "../tls/texts.ts";
import { checkDrafts, shadowing } from "./check_drafts.ts";
import { type Draft, draftsOf, TLS_FOLDER } from "./drafts.ts";
import { checkDatabase, checkFolder, hasCertificate, shown, writeDrafts } from "./files.ts";
import { type InitOptions, planFromFlags } from "./from_flags.ts";
import { nextSteps } from "./next_steps.ts";
import type { Plan } from "./plan.ts";
import { askKey, askPlan } from "./questions.ts";

/**
 * Writes a configuration. If there are options, it comes from them and from the environment. Otherwise it
 * comes from questions at a terminal.
 */
export async function init(options: InitOptions): Promise<void> {
  const prompt = Deno.stdin.isTerminal() ? terminalPrompt() : undefined;
  const { folder, online, ...others } = options;
  const questions = Object.keys(others).length === 0 ? prompt : undefined;
  if (folder !== undefined || questions === undefined) checkFolder(folder ?? ".");
  const plan = questions === undefined ? await planFromFlags(options, { readStdin, prompt }) : await askPlan({
    prompt: questions,
    checkFolder,
    isPortFree,
    defaultPort: DEFAULT_PORT,
    folder,
  });
  checkDatabase(plan);
  const isNew = plan.https && !hasCertificate(plan.folder);
  const certificate = isNew ? (await makeCertificate(TLS_FOLDER, plan.names)).files : [];
  const prepare = async (plan: Plan): Promise<Prepared> => {
    const drafts = draftsOf(plan, certificate);
    return { plan, drafts, config: await checkDrafts(drafts, plan) };
  };
  const prepared = questions === undefined
    ? await probeByFlag(await prepare(plan), online === true)
    : await probeByQuestions(await prepare(plan), {
      prompt: questions,
      prepare,
      isRequested: online === true,
    });
  const names = prepared.drafts.map(({ path }) => shown(plan.folder, path));
  if (questions !== undefined && !await askYes(questions, `\nWrite ${names.join(", ")}?`, true)) {
    throw new CommandError("Nothing was written.");
  }
  const written = writeDrafts(prepared.drafts, plan.folder);
  for (const warning of await configWarnings(prepared)) writeErr(`warning: ${warning}\n`);
  writeOut(`Written: ${written.join(", ")}. Only you can read the files with secrets.\n\n`);
  if (isNew) writeOut(`${trustText(shown(plan.folder, certificatePaths(TLS_FOLDER).authority))}\n`);
  writeOut(await nextSteps(plan, prepared.config));
}

/** A plan, its files, and the configuration that the files make. */
interface Prepared {
  readonly plan: Plan;
  readonly drafts: readonly Draft[];
  readonly config: Config;
}

/**
 * Sends a request to each provider if `--online` is set. Throws a {@link CommandError} if a provider fails.
 */
async function probeByFlag(prepared: Prepared, isRequested: boolean): Promise<Prepared> {
  if (!isRequested) return prepared;
  const failed = (await probeBackends(prepared.config)).filter(({ ok }) => !ok);
  if (failed.length === 0) return prepared;
  const lines = failed.map((result) => `  ${failureText(result)}`);
  throw new CommandError(
    `Nothing was written: a provider did not accept the request.\n${lines.join("\n")}`,
  );
}

/**
 * Asks whether to send a request to each provider. If a provider rejects a key, the user can replace the key
 * or keep it.
 */
async function probeByQuestions(
  prepared: Prepared,
  { prompt, prepare, isRequested }: {
    prompt: Prompt;
    prepare: (plan: Plan) => Promise<Prepared>;
    isRequested: boolean;
  },
): Promise<Prepared> {
  const isWanted = isRequested || await askYes(
    prompt,
    "\nTest the keys now? This asks each provider for its list of models.",
    false,
  );
  if (!isWanted) return prepared;
  let current = prepared;
  while (true) {
    const results = await probeBackends(current.config);
    for (const result of results) {
      prompt.say(result.ok ? `${result.endpoint}: the key works.\n` : `${failureText(result)}\n`);
    }
    const rejected = results.filter(({ key }) => key === "refused").map(({ endpoint }) => endpoint);
    if (rejected.length === 0 || !await askYes(prompt, "Enter another key?", true)) return current;
    const providers = [];
    for (const provider of current.plan.providers) {
      const isRejected = rejected.includes(provider.name);
      providers.push(isRejected ? { ...provider, key: await askKey(prompt, provider.name) } : provider);
    }
    current = await prepare({ ...current.plan, providers });
  }
}

function failureText({ endpoint, key, detail }: ProbeResult): string {
  return key === "refused" ? `${endpoint}: rejects the key (${detail}).` : `${endpoint}: ${detail}.`;
}

async function configWarnings({ drafts, plan, config }: Prepared): Promise<string[]> {
  const shadows = await shadowing(drafts, plan.folder);
  const takenPorts = [config.server.port, config.server.httpsPort, config.server.adminPort].filter((port) =>
    port !== undefined && !isPortFree(port)
  );
  return [
    ...(shadows.length === 0
      ? []
      : [`this shell sets ${shadows.join(", ")}, which overrides .env: unset it before you start the proxy`]),
    ...(takenPorts.length === 0 ? [] : [
      `another program uses port ${takenPorts.join(" and ")}: stop it, or set another port in .env`,
    ]),
  ];
}

function isPortFree(port: number): boolean {
  try {
    tryListening({ hostname: DEFAULT_HOST, port });
    return true;
  } catch {
    return false;
  }
}

async function readStdin(): Promise<string> {
  return await new Response(Deno.stdin.readable).text();
}
