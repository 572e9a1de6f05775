/**
 * Loaded before the tests by `deno task test:engine`: leaves out the tests of what only the own engine does.
 */

import { DIFFERENCES, OWN_ENGINE_TESTS } from "../proxies/engine.ts";
import { unless } from "./left_out.ts";

const register = Deno.test;

function registerUnlessDifferent(...args: unknown[]): void {
  const [name] = args;
  const difference = typeof name === "string" ? OWN_ENGINE_TESTS[name] : undefined;
  if (typeof name !== "string" || difference === undefined) return Reflect.apply(register, Deno, args);
  register({ ...unless(`not with engine = "deno": ${DIFFERENCES[difference]}`, name), fn() {} });
}
Object.defineProperty(Deno, "test", { value: Object.assign(registerUnlessDifferent, register) });
