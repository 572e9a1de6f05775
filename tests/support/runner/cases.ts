/** How many generated cases a test tries. */

/** The variable with which `deno task test` asks for few cases. */
export const FEW_CASES = "FEW_TEST_CASES";

const isFew = Deno.env.get(FEW_CASES) === "1";

/** Numbers of cases. */
export interface Cases {
  /** In a whole run of the short tests. */
  readonly few: number;
  /** In all other runs: of long tests, of all tests, and of named files. */
  readonly all: number;
}

/** Returns the number of cases for this run. `tests/suites.ts` lists each file that calls it. */
export function cases({ few, all }: Cases): number {
  return isFew ? few : all;
}
