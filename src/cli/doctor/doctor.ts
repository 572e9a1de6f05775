/** `llm-proxy doctor`: checks everything that the proxy depends on. */

import { secretsOf } from "../../config/redact.ts";
import type { Flags } from "../../config/read/resolver.ts";
import { probeBackends } from "../../forwarding/probe.ts";
import { counted } from "../../text/counted.ts";
import { CommandError } from "../command_error.ts";
import { writeResult } from "../output.ts";
import { checkBuffering, publicUrl } from "./buffering.ts";
import { checkCertificates } from "./certificates.ts";
import { checkConfiguration } from "./configuration.ts";
import { checkDisk } from "./disk.ts";
import { checkFiles } from "./files.ts";
import { CHECKS, type Finding, findingsText } from "./finding.ts";
import { checkNames } from "./names.ts";
import { checkOutboundProxies } from "./outbound.ts";
import { checkPorts } from "./ports.ts";
import { checkLocalProviders, describeProviders } from "./providers.ts";
import { readSubject, type Subject } from "./subject.ts";
import { checkTime } from "./time.ts";

/** The options of the command. */
export interface DoctorOptions {
  /** Whether to send requests to providers and outbound proxies too. */
  readonly online?: true;
  /** The address that clients use, to check the reverse proxy there. */
  readonly url?: string;
}

/**
 * Checks everything that the proxy depends on, and prints the findings. Throws a {@link CommandError} if
 * there is a problem.
 */
export async function doctor({ online, url }: DoctorOptions, flags: Flags = {}): Promise<void> {
  const checkedUrl = url === undefined ? undefined : publicUrl(url);
  const subject = await readSubject({ flags, isOnline: online === true });
  const parts = await Promise.all([
    checkSubject(subject),
    checkedUrl === undefined ? [] : checkBuffering(checkedUrl, subject.loaded?.config),
  ]);
  const [{ findings: own, notChecked }, buffering] = parts;
  const redact = secretsRedactor(subject);
  const findings = [...own, ...buffering]
    .toSorted((one, other) => CHECKS.indexOf(one.check) - CHECKS.indexOf(other.check))
    .map((finding) => ({
      ...finding,
      text: redact(finding.text),
      advice: finding.advice && redact(finding.advice),
    }));
  const problems = findings.filter(({ status }) => status === "problem").length;
  writeResult(
    { ok: problems === 0, findings: findings.map(withAdvice), not_looked_at: notChecked },
    () => findingsText(findings, notChecked),
  );
  if (problems > 0) throw new CommandError(`The doctor found ${counted(problems, "problem")}.`);
}

async function checkSubject(subject: Subject): Promise<{ findings: Finding[]; notChecked: string[] }> {
  const { loaded, isOnline, epochMs } = subject;
  const always = [...checkConfiguration(subject), ...checkFiles(subject), ...await checkPorts(subject)];
  if (loaded === undefined) {
    return {
      findings: [...always, ...checkTime(epochMs, undefined)],
      notChecked: ["everything that needs a valid configuration"],
    };
  }
  const { config } = loaded;
  const [names, certificates, outbound, providers, managed] = await Promise.all([
    checkNames(config),
    checkCertificates(config, epochMs),
    checkOutboundProxies(config, { isOnline }),
    isOnline ? probeBackends(config) : checkLocalProviders(config),
    checkManagement(subject),
  ]);
  const probes = Array.isArray(providers) ? providers : undefined;
  const local = Array.isArray(providers)
    ? { findings: describeProviders(providers), notChecked: [] }
    : providers;
  return {
    findings: [
      ...always,
      ...names,
      ...checkTime(epochMs, probes),
      ...certificates,
      ...outbound.findings,
      ...managed,
      ...local.findings,
    ],
    notChecked: [...outbound.notChecked, ...local.notChecked],
  };
}

async function checkManagement({ loaded }: Subject): Promise<Finding[]> {
  const { management } = loaded?.config ?? {};
  if (management === undefined) return [];
  // Only proxies with the management plane have a database, so the library is loaded only for them.
  const { checkDatabase } = await import("./database.ts");
  return [...checkDisk(management), ...await checkDatabase(management)];
}

/** Returns the JSON of a finding. The member `advice` is missing if the finding has no advice. */
function withAdvice({ check, status, text, advice }: Finding): Record<string, string> {
  return { check, status, message: text, ...(advice !== undefined && { advice }) };
}

/**
 * Returns a function that replaces secrets in a text. The checks print no secrets, but messages of other
 * programs could contain them.
 */
function secretsRedactor({ loaded }: Subject): (text: string) => string {
  const secrets = loaded === undefined ? [] : secretsOf(loaded.config);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
}
