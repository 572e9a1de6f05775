/** `llm-proxy run`: starts a client that uses the proxy. */

import { allVariables, processSources } from "../../config/sources/env.ts";
import { closestName } from "../../config/values/suggest.ts";
import { type ConnectEndpoint, suggestedModel } from "../../connect/endpoints.ts";
import type { Launch, Launcher, LaunchFacts } from "../../connect/launch.ts";
import { LAUNCHER_NAMES, launcherOf } from "../../connect/launchers.ts";
import { chooseEndpoint, NoSettingsError } from "../../connect/settings.ts";
import { harmlessText, isHarmless } from "../../text/harmless_text.ts";
import { CommandError } from "../command_error.ts";
import { writeOut } from "../output.ts";
import { terminalPrompt } from "../prompt.ts";
import { findProgram, runChild } from "./child.ts";
import { listFolder, readJson, removePrivateFiles, writePrivateFiles } from "./private_files.ts";
import { servedModels } from "./endpoint_list.ts";
import { findProxy, type FoundProxy, type PlaceOptions } from "./proxy_place.ts";
import { forgetProxy, savedProxyPath } from "./saved_proxy.ts";

/** The options of `llm-proxy run`. */
export interface RunOptions extends PlaceOptions {
  readonly endpoint?: string;
  readonly model?: string;
  readonly passthrough?: true;
  readonly forget?: true;
}

/** The most models that an error lists. */
const LISTED_MODELS = 20;
/** The longest name of a model in an error, in characters. */
const MAX_MODEL = 200;
/** Variables that make clients use a forward proxy. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((
  name,
) => [name, name.toLowerCase()]);

/**
 * Starts a client that uses the proxy. The exit code of this process becomes that of the client. It changes
 * no file of the user. Throws a {@link CommandError} if the client cannot start.
 */
export async function runClient(
  name: string | undefined,
  args: readonly string[],
  options: RunOptions,
): Promise<void> {
  if (options.forget === true) return forget();
  const launcher = knownLauncher(name);
  const path = findProgram(launcher.program);
  if (path === undefined) {
    throw new CommandError(
      `${launcher.title} is not installed: there is no program ${launcher.program} in PATH.\n` +
        `To install it: ${launcher.install}`,
    );
  }
  const keepsOwnKey = options.passthrough === true;
  if (keepsOwnKey && launcher.canKeepOwnKey !== true) {
    throw new CommandError(
      `${launcher.title} cannot send the proxy token beside its own key: leave --passthrough out.`,
      2,
    );
  }
  const canAsk = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  const proxy = await findProxy(options, canAsk ? terminalPrompt() : undefined);
  const endpoint = endpointFor(proxy, launcher, { name: options.endpoint, keepsOwnKey });
  const model = options.model ?? suggestedModel(endpoint, dialectOf(launcher, endpoint)) ??
    (launcher.needsModel === true ? await onlyModel(proxy, endpoint) : undefined);
  if (model !== undefined) checkModel(model);
  const facts = {
    endpointUrl: `${proxy.place.url}/${endpoint.name}`,
    dialect: dialectOf(launcher, endpoint),
    token: proxy.place.token,
    keepsOwnKey,
    chosenModel: options.model,
    model,
    hasResponses: endpoint.hasResponses,
    authority: proxy.place.url.startsWith("https:") ? proxy.place.ca : undefined,
    args,
    variable: processSources.get,
    readJson,
    listFolder,
  };
  Deno.exitCode = await start(path, launcher, facts);
}

function forget(): void {
  const path = savedProxyPath();
  writeOut(forgetProxy(path) ? `Deleted ${path}.\n` : "There is no saved address.\n");
}

function knownLauncher(name: string | undefined): Launcher {
  const launcher = name === undefined ? undefined : launcherOf(name);
  if (launcher !== undefined) return launcher;
  const near = name === undefined ? undefined : closestName(name, LAUNCHER_NAMES);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  const problem = name === undefined
    ? "The client is missing."
    : `llm-proxy run cannot start ${JSON.stringify(name)}.${hint}`;
  throw new CommandError(
    `${problem}\nThe clients are ${LAUNCHER_NAMES.join(", ")}. ` +
      "For others, llm-proxy connect prints the settings.",
    2,
  );
}

/** Returns the endpoint that serves the client and treats its key as wanted. */
function endpointFor(
  { endpoints, defaultEndpoint }: FoundProxy,
  launcher: Launcher,
  { name, keepsOwnKey }: { name: string | undefined; keepsOwnKey: boolean },
): ConnectEndpoint {
  const fitting = endpoints.filter(({ forwardsClientKey }) => forwardsClientKey === keepsOwnKey);
  const choose = (among: readonly ConnectEndpoint[]): ConnectEndpoint =>
    chooseEndpoint({ endpoints: among, defaultEndpoint }, launcher, name);
  try {
    return choose(fitting);
  } catch (error) {
    if (!(error instanceof NoSettingsError)) throw error;
    throw new CommandError(reasonFor(() => choose(endpoints), error, keepsOwnKey), 2);
  }
}

/**
 * Returns the reason why no endpoint fits: its treatment of the key, or the dialect that no endpoint speaks.
 */
function reasonFor(choose: () => ConnectEndpoint, error: NoSettingsError, keepsOwnKey: boolean): string {
  let other: ConnectEndpoint;
  try {
    other = choose();
  } catch (second) {
    const hint = error.reason === "dialect" ? " To use an endpoint anyway: --endpoint NAME" : "";
    return (second instanceof NoSettingsError ? second.message : error.message) + hint;
  }
  return keepsOwnKey
    ? `The endpoint ${other.name} sends a key of the proxy, not that of the client: leave --passthrough out.`
    : `The endpoint ${other.name} forwards the client's own key or login. To use these: --passthrough`;
}

function dialectOf({ dialects }: Launcher, { dialect }: ConnectEndpoint): ConnectEndpoint["dialect"] {
  return dialects.find((one) => one === dialect) ?? dialects[0] ?? "openai";
}

/**
 * Returns the only model of an endpoint. Throws a {@link CommandError} with a list of the models if there are
 * several.
 */
async function onlyModel({ place }: FoundProxy, endpoint: ConnectEndpoint): Promise<string> {
  const models = await servedModels(place, endpoint.name);
  const [only, ...others] = models;
  if (only !== undefined && others.length === 0) return only;
  const listed = models.slice(0, LISTED_MODELS).map(shownModel).join(", ") +
    (models.length > LISTED_MODELS ? ", …" : "");
  const hint = models.length === 0 ? "" : `\nThe endpoint ${endpoint.name} has ${listed}.`;
  throw new CommandError(`Name a model of the endpoint ${endpoint.name}: --model MODEL${hint}`, 2);
}

/**
 * Throws a {@link CommandError} if the name of a model cannot be an argument, or has characters that would
 * change the terminal.
 */
export function checkModel(model: string): void {
  if (isHarmless(model)) return;
  throw new CommandError(`The name of the model has invisible characters: ${shownModel(model)}`, 2);
}

function shownModel(model: string): string {
  return harmlessText(model, MAX_MODEL);
}

async function start(
  path: string,
  launcher: Launcher,
  facts: Omit<LaunchFacts, "folder">,
): Promise<number> {
  let folder: string | undefined;
  return await runChild(path, {
    prepare() {
      folder = Deno.makeTempDirSync({ prefix: "llm-proxy-run-" });
      const launch = launcher.launch({ ...facts, folder });
      writePrivateFiles(folder, launch);
      return { args: [...(launch.args ?? []), ...facts.args], env: environment(launch, facts.endpointUrl) };
    },
    clean() {
      if (folder !== undefined) removePrivateFiles(folder);
    },
  });
}

/** Returns the environment of the client: that of the user, with the changes of the launch. */
function environment({ variables }: Launch, url: string): Record<string, string> {
  const env = allVariables();
  const isWindows = Deno.build.os === "windows";
  const sameName = (name: string): string =>
    isWindows ? Object.keys(env).find((own) => own.toLowerCase() === name.toLowerCase()) ?? name : name;
  for (const [name, value] of Object.entries(variables)) {
    delete env[sameName(name)];
    if (value !== undefined) env[name] = value;
  }
  if (PROXY_VARIABLES.some((name) => env[name])) {
    // The check reached the proxy without a forward proxy, so the client must not use one for it either.
    const { hostname } = new URL(url);
    for (const name of ["NO_PROXY", "no_proxy"]) {
      env[name] = [...(env[name] ? [env[name]] : []), hostname.replace(/^\[|\]$/g, "")].join(",");
    }
  }
  return env;
}
