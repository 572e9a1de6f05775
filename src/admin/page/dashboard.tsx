/** What was used, by whom, at what cost; what is left; and how the backends are. */

import { useState } from "preact/hooks";
import { type Endpoint, get, getAll, type Listed, type Project, type Token, type UsageRow } from "./api.ts";
import { Chart, type Series } from "./chart.tsx";
import { change, count, duration, money, UNKNOWN } from "./format.ts";
import { type PeriodName, periodOf, PERIODS } from "./period.ts";
import { Choice, Empty, Shown, State } from "./pieces.tsx";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";

const METRICS = {
  requests: ["Requests", (row) => row.requests, count],
  tokens: ["Tokens", tokensOf, count],
  cost: ["Cost", (row) => row.cost_micros, money],
  errors: ["Errors", (row) => row.errors, count],
  first_byte: ["First byte", (row) => row.time_to_first_byte_p50_ms ?? null, duration],
} as const satisfies Record<
  string,
  readonly [string, (row: UsageRow) => number | null, (value: number) => string]
>;
type Metric = keyof typeof METRICS;

const GROUPS = [
  ["model", "Model"],
  ["token", "Token"],
  ["project", "Project"],
  ["endpoint", "Endpoint"],
  ["client", "Client"],
] as const;
type Group = typeof GROUPS[number][0];

/** Series of their own in the chart; the rest is one more. */
const MAX_SERIES = 5;
const EVERY_MS = 30_000;

export function Dashboard() {
  const [name, setName] = useState<PeriodName>("7");
  const [group, setGroup] = useState<Group>("model");
  const [metric, setMetric] = useState<Metric>("cost");
  const isTime = metric === "first_byte";
  const used = useLoad(
    async (signal) => {
      const period = periodOf(name, Date.now());
      const usage = async (query: string) => (await get<Listed<UsageRow>>(`/usage?${query}`, signal)).data;
      const split = isTime ? "" : `&split=${group}`;
      const [[now], [before], rows, times] = await Promise.all([
        usage(period.query),
        usage(period.queryBefore),
        usage(`group=${group}&${period.query}`),
        usage(`group=${period.group}${split}&${period.query}`),
      ]);
      return { period, now, before, rows, times, group, metric };
    },
    `${name} ${group} ${isTime}`,
    EVERY_MS,
  );
  return (
    <>
      <h1>Dashboard</h1>
      <Choice label="Period" options={PERIODS} value={name} onChange={setName} />
      <Shown of={used}>
        {({ period, now, before, rows, times, group: shown }) => (
          <>
            <Totals now={now} before={before} />
            <section>
              <h2>Over time</h2>
              <div class="row">
                <Choice
                  label="What is shown"
                  options={(Object.keys(METRICS) as Metric[]).map((key) => [key, METRICS[key][0]] as const)}
                  value={metric}
                  onChange={setMetric}
                />
                <Choice label="Grouped by" options={GROUPS} value={group} onChange={setGroup} />
              </div>
              <OverTime
                keys={period.keys}
                rows={times}
                group={shown}
                metric={metric}
              />
              <UsageTable rows={rows} group={shown} />
            </section>
          </>
        )}
      </Shown>
      <Budgets />
      <Backends />
    </>
  );
}

function OverTime({ keys, rows, group, metric }: {
  keys: readonly string[];
  rows: readonly UsageRow[];
  group: Group;
  metric: Metric;
}) {
  const [title, , format] = METRICS[metric];
  const isTime = metric === "first_byte";
  const series = isTime ? firstByteSeries(keys, rows) : seriesOf(keys, rows, { group, metric });
  if (!series.some(({ values }) => values.some((value) => value))) {
    return <Empty>{title}: nothing in this period.</Empty>;
  }
  return (
    <Chart
      label={`${title} over time`}
      times={keys}
      series={series}
      stacked={!isTime}
      format={format}
    />
  );
}

function Totals({ now, before }: { now: UsageRow | undefined; before: UsageRow | undefined }) {
  const tile = (
    title: string,
    read: (row: UsageRow) => number | null,
    format: (value: number | null) => string,
  ) => {
    const value = now === undefined ? null : read(now);
    const earlier = before === undefined ? null : read(before);
    const difference = value === null || earlier === null ? "" : change(value, earlier);
    return (
      <div class="tile" key={title}>
        <dt>{title}</dt>
        <dd>
          <strong>{format(value)}</strong>
          <small title="in the same time before this period">
            {difference && `${difference}, `}before {format(earlier)}
          </small>
        </dd>
      </div>
    );
  };
  return (
    <section>
      <h2 class="unseen">In all</h2>
      <dl class="tiles">
        {tile("Requests", (row) => row.requests, count)}
        {tile("Tokens", tokensOf, count)}
        {tile("Cost", (row) => row.cost_micros, money)}
        {tile("Errors", (row) => row.errors, count)}
        {tile("First byte, median", (row) => row.time_to_first_byte_p50_ms ?? null, duration)}
        {tile("First byte, 95 %", (row) => row.time_to_first_byte_p95_ms ?? null, duration)}
      </dl>
      {now !== undefined && now.unpriced_requests > 0 && (
        <p class="help">
          {count(now.unpriced_requests)}{" "}
          requests had tokens whose price is not known: they are neither in the cost nor in budgets. Prices
          can be set in the configuration (price_provider, prices).
        </p>
      )}
      {now !== undefined && now.unmetered_requests > 0 && (
        <p class="help">
          {count(now.unmetered_requests)}{" "}
          answers did not tell their tokens. Where those are OpenAI's streams, stream_usage in the
          configuration asks for them.
        </p>
      )}
    </section>
  );
}

function UsageTable({ rows, group }: { rows: readonly UsageRow[]; group: Group }) {
  const name = namesOf(rows, group);
  // What nobody told is not nothing.
  const told = (row: UsageRow, value: number) =>
    value === 0 && row.unmetered_requests > 0 ? UNKNOWN : count(value);
  return (
    <Table
      label={`Usage by ${group}`}
      rows={rows}
      id={(row) => String(row[group])}
      text={name}
      empty="Nobody has asked for anything in this period."
      columns={[
        {
          title: GROUPS.find(([key]) => key === group)?.[1] ?? "",
          cell: name,
          by: name,
        },
        { title: "Requests", cell: (row) => count(row.requests), by: (row) => row.requests, isNumber: true },
        { title: "Errors", cell: (row) => count(row.errors), by: (row) => row.errors, isNumber: true },
        {
          title: "In",
          cell: (row) => told(row, row.input_tokens),
          by: (row) => row.input_tokens,
          isNumber: true,
        },
        {
          title: "Out",
          cell: (row) => told(row, row.output_tokens),
          by: (row) => row.output_tokens,
          isNumber: true,
        },
        {
          title: "Cost",
          cell: (row) =>
            row.cost_micros === 0 && row.unpriced_requests + row.unmetered_requests > 0
              ? UNKNOWN
              : money(row.cost_micros),
          by: (row) => row.cost_micros,
          isNumber: true,
        },
        {
          title: "First byte",
          cell: (row) => duration(row.time_to_first_byte_p50_ms),
          by: (row) => row.time_to_first_byte_p50_ms ?? 0,
          isNumber: true,
        },
      ]}
    />
  );
}

function Budgets() {
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

function budgetsOf(name: string, { id, budget, spent }: Pick<Project, "id" | "budget" | "spent">) {
  return ([
    ["today (UTC)", budget.day_usd, spent.day_micros],
    ["this month (UTC)", budget.month_usd, spent.month_micros],
    ["in all", budget.total_usd, spent.total_micros],
  ] as const).flatMap(([period, dollars, micros]) =>
    dollars === null ? [] : [{ key: id + period, name, period, spent: micros, budget: dollars * 1e6 }]
  );
}

function Backends() {
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

function tokensOf(row: UsageRow): number {
  return row.input_tokens + row.output_tokens;
}

/** What groups are called; those of one name are told apart by the end of their id. */
function namesOf(rows: readonly UsageRow[], group: Group): (row: UsageRow) => string {
  const plain = (row: UsageRow) => String(row[`${group}_name`] ?? row[group] ?? "") || "none";
  const ids = Map.groupBy(rows, plain);
  return (row) => {
    const isShared = new Set(ids.get(plain(row))?.map((one) => one[group])).size > 1;
    return isShared ? `${plain(row)} (…${String(row[group]).slice(-4)})` : plain(row);
  };
}

/** The largest on their own, the rest together. */
function seriesOf(
  keys: readonly string[],
  rows: readonly UsageRow[],
  { group, metric }: { group: Group; metric: Metric },
): Series[] {
  const read = METRICS[metric][1];
  const nameOf = namesOf(rows, group);
  const index = new Map(keys.map((key, at) => [key, at]));
  const found = new Map<string, { sum: number; values: number[] }>();
  for (const row of rows) {
    const at = index.get(String(row["day"] ?? row["hour"]));
    if (at === undefined) continue;
    const name = nameOf(row);
    const series = found.get(name) ?? { sum: 0, values: keys.map(() => 0) };
    found.set(name, series);
    const value = read(row) ?? 0;
    series.sum += value;
    series.values[at] = (series.values[at] ?? 0) + value;
  }
  const sorted = [...found].filter(([, { sum }]) => sum > 0).toSorted(([, one], [, other]) =>
    other.sum - one.sum
  );
  const rest = sorted.slice(MAX_SERIES).map(([, { values }]) => values);
  const largest = sorted.slice(0, MAX_SERIES).map(([name, { values }]) => ({ name, values }));
  if (rest.length === 0) return largest;
  return [...largest, {
    name: `${rest.length} others`,
    values: keys.map((_, at) => rest.reduce((sum, values) => sum + (values[at] ?? 0), 0)),
  }];
}

function firstByteSeries(keys: readonly string[], rows: readonly UsageRow[]): Series[] {
  const byKey = new Map(rows.map((row) => [String(row["day"] ?? row["hour"]), row]));
  return [
    { name: "median", values: keys.map((key) => byKey.get(key)?.time_to_first_byte_p50_ms ?? null) },
    { name: "95 %", values: keys.map((key) => byKey.get(key)?.time_to_first_byte_p95_ms ?? null) },
  ];
}
