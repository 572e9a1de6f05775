/** What is left of budgets, and how the backends are. */

import { type Endpoint, get, getAll, type Listed, type Project, type Token } from "./api.ts";
import { count, money } from "./format.ts";
import { Empty, Shown, State } from "./pieces.tsx";
import { useLoad } from "./use_load.ts";

const EVERY_MS = 30_000;

/** Of projects and tokens, the most used first. */
export function Budgets() {
  const loaded = useLoad(
    async (signal) => {
      const [projects, tokens] = await Promise.all([
        getAll<Project>("/projects?active_only=true", signal),
        getAll<Token>("/tokens?active_only=true", signal),
      ]);
      return [
        ...projects.flatMap((project) => budgetsOf(`Project ${project.name}`, project)),
        ...tokens.flatMap((token) => budgetsOf(`Token ${token.name}`, token)),
      ];
    },
    "",
    EVERY_MS,
  );
  return (
    <section>
      <h2>Budgets</h2>
      <Shown of={loaded}>
        {(budgets) =>
          budgets.length === 0 ? <Empty>No project and no token has a budget.</Empty> : (
            <ul class="budgets">
              {budgets.toSorted((one, other) => other.spent / other.budget - one.spent / one.budget).map((
                { key, name, period, spent, budget },
              ) => (
                <li key={key}>
                  <span>{name}, {period}</span>
                  <meter
                    min={0}
                    max={budget || 1}
                    high={budget * 0.8}
                    optimum={0}
                    value={spent}
                    aria-label={`${name}, ${period}`}
                  />
                  <span>{money(Math.max(0, budget - spent))} left of {money(budget)}</span>
                </li>
              ))}
            </ul>
          )}
      </Shown>
    </section>
  );
}

type Budgeted = Pick<Project, "id" | "budget" | "spent">;

function budgetsOf(name: string, project: Budgeted & Pick<Project, "model_limits">) {
  const limited = project.model_limits.flatMap((limits) =>
    budgetsOfOne(`${name}, ${limits.model}`, { ...limits, id: `${project.id} ${limits.model}` })
  );
  return [...budgetsOfOne(name, project), ...limited];
}

function budgetsOfOne(name: string, { id, budget, spent }: Budgeted) {
  return ([
    ["per day", budget.day_usd, spent.day_micros],
    ["per week", budget.week_usd, spent.week_micros],
    ["per month", budget.month_usd, spent.month_micros],
    ["in all", budget.total_usd, spent.total_micros],
  ] as const).flatMap(([period, dollars, micros]) =>
    dollars === null ? [] : [{ key: id + period, name, period, spent: micros, budget: dollars * 1e6 }]
  );
}

/** Of every endpoint. */
export function Backends() {
  const loaded = useLoad((signal) => get<Listed<Endpoint>>("/endpoints", signal), "", EVERY_MS);
  return (
    <section>
      <h2>Backends</h2>
      <Shown of={loaded}>
        {({ data }) => (
          <ul class="backends">
            {data.flatMap((endpoint) =>
              endpoint.backends.map((backend) => (
                <li key={`${endpoint.name}/${backend.name}`}>
                  <span>{endpoint.name} → {backend.name}</span>
                  <State of={backend.state} />
                  {backend.in_flight > 0 && <span>{count(backend.in_flight)} running</span>}
                </li>
              ))
            )}
          </ul>
        )}
      </Shown>
    </section>
  );
}
