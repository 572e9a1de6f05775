/** The method that an upstream may use instead of the method of the request. */

import { ProxyFault } from "../faults.ts";
import { queryParameters } from "../http/query.ts";
import { PATH_FIELDS } from "../limits/allowed.ts";
import { someLimits } from "../limits/model_rules.ts";
import type { Limits, Principal, Rules, Subject } from "../principal.ts";

/** Headers, in lower case, that make some upstreams use another method. Google's APIs obey the first. */
const METHOD_FIELDS: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
  "x-original-method",
]);
/**
 * Parameters of the query, in lower case, that make some upstreams use another method. Google's APIs obey the
 * first.
 */
const METHOD_PARAMETERS: ReadonlySet<string> = new Set(["$httpmethod", "$httpheaders", "_method"]);

/** The part of a request's head that decides which method and path an upstream uses. */
export interface Head {
  /** The raw query of the request, without its `?`. */
  readonly query: string;
  readonly fields: readonly { readonly lower: string; readonly value: string }[];
}

/**
 * The method that decides what a request costs. A request that names another method counts as that method.
 * If it names several, or one in a form that the proxy does not read, it counts as `POST`.
 */
export function effectiveMethod(method: string, head: Head): string {
  const named = overridesOf(head);
  if (named.length === 0) return method;
  const [first, second] = new Set([method, ...named.map(({ value }) => value.trim().toUpperCase())]);
  return first === undefined || second !== undefined ? "POST" : first;
}

/**
 * The methods to check if a head names another method, because servers could choose among several, or read an
 * unusual form.
 */
const ANY_METHODS = ["GET", "POST", "DELETE"];

/**
 * The methods that an upstream could use. A head that names another method allows several readings, so that
 * rules for paths check more methods than those it names.
 */
export function possibleMethods(method: string, head: Head): readonly string[] {
  const named = overridesOf(head);
  if (named.length === 0) return [method];
  return [...new Set([method, ...named.map(({ value }) => value.trim().toUpperCase()), ...ANY_METHODS])];
}

/**
 * Throws `forbidden` for a principal with any limit if the head names another method or path. The proxy could
 * not know what such a request costs.
 */
export function checkHeadIsPlain(principal: Principal, head: Head): void {
  const subject = principal.subjects.find(isLimited);
  if (subject === undefined) return;
  const other = otherRequestNamed(head);
  if (other === undefined) return;
  throw new ProxyFault(
    "forbidden",
    `This ${subject.what} has limits, and ${other} names another method or path. Remove it.`,
  );
}

/**
 * The place of a head that names another method or path, as error messages name it. `undefined` if no place
 * does.
 */
export function otherRequestNamed(head: Head): string | undefined {
  const path = head.fields.find(namesPath);
  return overridesOf(head)[0]?.name ?? (path && `the header ${path.lower}`);
}

/** A query that is not read, since it has too many parameters. It may name any method. */
const UNREAD_QUERY = { name: "a parameter of the very long query", value: "POST" };
const NO_OVERRIDES: ReturnType<typeof overridesOf> = [];

function namesMethod({ lower }: { readonly lower: string }): boolean {
  return METHOD_FIELDS.has(lower);
}

function namesPath({ lower }: { readonly lower: string }): boolean {
  return PATH_FIELDS.has(lower);
}

function isLimited({ rules }: Subject): boolean {
  return hasLimits(rules);
}

/** The places of a head that name a method, as error messages name them. */
function overridesOf({ query, fields }: Head): readonly { readonly name: string; readonly value: string }[] {
  // Most heads have none. The names of the parameters have one of these characters.
  const mayHaveParameter = /[$_%]/.test(query);
  if (!mayHaveParameter && !fields.some(namesMethod)) return NO_OVERRIDES;
  const inFields = fields.filter(namesMethod)
    .map(({ lower, value }) => ({ name: `the header ${lower}`, value }));
  if (!mayHaveParameter) return inFields;
  const parameters = queryParameters(query.replaceAll(";", "&"));
  if (parameters === undefined) return [...inFields, UNREAD_QUERY];
  const inQuery = parameters
    .filter(([name]) => METHOD_PARAMETERS.has(name.trim().toLowerCase()))
    .map(([name, value]) => ({ name: `the parameter ${name}`, value }));
  return [...inFields, ...inQuery];
}

/** Whether a head has something that may name another method or path. Most heads have nothing of the kind. */
export function mayRename({ query, fields }: Head): boolean {
  return /[$_%]/.test(query) || fields.some(namesAnything);
}

function namesAnything(field: { readonly lower: string }): boolean {
  return namesMethod(field) || namesPath(field);
}

/** Whether rules limit requests, tokens or money. */
function hasLimits(rules: Rules): boolean {
  return rules.maxRequests !== undefined || someLimits(rules, limitsAnything);
}

function limitsAnything(limits: Limits): boolean {
  return limits.requestsPerMinute !== undefined || limits.concurrentRequests !== undefined ||
    limits.tokensPerMinute !== undefined || limits.dayBudgetMicros !== undefined ||
    limits.weekBudgetMicros !== undefined || limits.monthBudgetMicros !== undefined ||
    limits.totalBudgetMicros !== undefined;
}
