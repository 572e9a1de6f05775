/** Finds models whose route leads to an endpoint with another API than that of the request. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import { matchesAny } from "../text/glob.ts";
import type { ModelRouting } from "./table.ts";

/**
 * Whether the file routes a model to an endpoint that does not have the API of the path. Another provider must not get
 * its requests then: it does not have the model, and would read the prompt. A route for all models says less.
 */
export function isRoutedElsewhere(
  { routes, speakers }: Pick<ModelRouting, "routes" | "speakers">,
  model: string,
  api: UnnamedApi,
): boolean {
  return routes.some(({ model: pattern, endpoint }) =>
    pattern !== "*" && matchesAny([pattern], model) && !speakers[api].some(({ name }) => name === endpoint)
  );
}
