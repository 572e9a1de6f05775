/** `llm-proxy doctor`: looks at everything that a proxy depends on, and says what to do. */

import { secretsOf } from "../../config/redact.ts";
import type { Flags } from "../../config/read/resolver.ts";
import { probeBackends } from "../../forwarding/probe.ts";
import { CommandError } from "../command_error.ts";
import { writeAnswer } from "../output.ts";
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

/** What the command takes. */
export interface DoctorOptions {
  /** Ask providers and outbound proxies too. */
  readonly online?: true;
  /** The address that clients use, if there is a reverse proxy in front. */
  readonly url?: string;
}

/** Throws a {@link CommandError} where there is a problem; warnings alone are none. */
export async function doctor({ online, url }: DoctorOptions, flags: Flags = {}): Promise<void> {
  const asked = url === undefined ? undefined : publicUrl(url);
  const subject = await readSubject({ flags, isOnline: online === true });
  const parts = await Promise.all([
    checkSubject(subject),
    asked === undefined ? [] : checkBuffering(asked, subject.loaded?.config),
  ]);
  const [{ findings: found, notAsked }, buffering] = parts;
  const clean = withoutSecrets(subject);
  const findings = [...found, ...buffering]
    .toSorted((one, other) => CHECKS.indexOf(one.check) - CHECKS.indexOf(other.check))
    .map((finding) => ({
      ...finding,
      text: clean(finding.text),
      advice: finding.advice && clean(finding.advice),
    }));
  const problems = findings.filter(({ status }) => status === "problem").length;
  writeAnswer(
    { ok: problems === 0, findings: findings.map(withAdvice), not_looked_at: notAsked },
    () => findingsText(findings, notAsked),
  );
  if (problems > 0) {
    throw new CommandError(problems === 1 ? "There is a problem." : `There are ${problems} problems.`);
  }
}

async function checkSubject(subject: Subject): Promise<{ findings: Finding[]; notAsked: string[] }> {
  const { loaded, isOnline, epochMs } = subject;
  const always = [...checkConfiguration(subject), ...checkFiles(subject), ...await checkPorts(subject)];
  if (loaded === undefined) {
    return {
      findings: [...always, ...checkTime(epochMs, undefined)],
      notAsked: ["what depends on a valid configuration"],
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
    ? { findings: describeProviders(providers), notAsked: [] }
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
    notAsked: [...outbound.notAsked, ...local.notAsked],
  };
}

async function checkManagement({ loaded }: Subject): Promise<Finding[]> {
  const { management } = loaded?.config ?? {};
  if (management === undefined) return [];
  // The database's library is loaded only where there is one.
  const { checkDatabase } = await import("./database.ts");
  return [...checkDisk(management), ...await checkDatabase(management)];
}

/** JSON without a member for what there is not. */
function withAdvice({ check, status, text, advice }: Finding): Record<string, string> {
  return { check, status, message: text, ...(advice !== undefined && { advice }) };
}

/** No check shows one; what others say might. */
function withoutSecrets({ loaded }: Subject): (text: string) => string {
  const secrets = loaded === undefined ? [] : secretsOf(loaded.config);
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, "[redacted]"), text);
}
