import { getAll, type Project, type Token } from "./api.ts";
import { money } from "./format.ts";
import { Empty, LoadView } from "./load_view.tsx";
import { useLoad } from "./use_load.ts";

const REFRESH_MS = 30_000;

/** Lists what is left of the budgets of active projects and tokens, those nearest to their end first. */
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
    REFRESH_MS,
  );
  return (
    <section>
      <h2>Budgets</h2>
      <LoadView loaded={loaded}>
        {(budgets) =>
          budgets.length === 0
            ? <Empty>No active project or token has a budget.</Empty>
            : (
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
      </LoadView>
    </section>
  );
}

type Budgeted = Pick<Project, "id" | "budget" | "spent">;

/** The budgets of a project or a token, with those for certain models. */
function budgetsOf(name: string, owner: Budgeted & Pick<Project, "model_limits">) {
  const forModels = owner.model_limits.flatMap((limits) =>
    budgetsByPeriod(`${name}, ${limits.model}`, { ...limits, id: `${owner.id} ${limits.model}` })
  );
  return [...budgetsByPeriod(name, owner), ...forModels];
}

/** The budgets that are set. `spent` and `budget` are millionths of a US dollar. */
function budgetsByPeriod(name: string, { id, budget, spent }: Budgeted) {
  // A member does not see the spending of a project, so what is left is not known.
  if (spent === undefined) return [];
  return ([
    ["per day", budget.day_usd, spent.day_micros],
    ["per week", budget.week_usd, spent.week_micros],
    ["per month", budget.month_usd, spent.month_micros],
    ["in total", budget.total_usd, spent.total_micros],
  ] as const).flatMap(([period, dollars, micros]) =>
    dollars === null ? [] : [{ key: id + period, name, period, spent: micros, budget: dollars * 1e6 }]
  );
}
