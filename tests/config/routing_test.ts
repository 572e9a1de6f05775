import { assertEquals, assertRejects } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { configSources } from "../support/proxies/config_sources.ts";

const TWO = `[auth]
token = "a-token-of-some-length"
[endpoints.openai]
api_key = "sk-1"
[endpoints.groq]
api_key = "sk-2"
`;
const ONE = TWO.slice(0, TWO.indexOf("[endpoints.groq]"));

async function load(toml: string) {
  const { config, warnings } = await loadConfig(configSources({}, { "config.toml": toml }));
  const texts = warnings.map(({ origin, message }) => `${origin} ${message}`);
  return { routing: config.routing, endpoints: config.endpoints, warnings: texts };
}

Deno.test("routing: it is on with several endpoints, and with routes or aliases", async () => {
  assertEquals((await load(TWO)).routing, {
    byModel: true,
    routes: [],
    aliases: new Map(),
    refreshMs: 300_000,
    localRefreshMs: 30_000,
  });
  assertEquals((await load(ONE)).routing, undefined);
  const alias = await load(`[aliases]\nfast = "gpt-5.4-mini"\n${ONE}`);
  assertEquals(alias.routing?.aliases, new Map([["fast", "gpt-5.4-mini"]]));
  const route = await load(`[[routes]]\nmodel = "x"\nendpoint = "openai"\nto = "y"\n${ONE}`);
  assertEquals(route.routing?.routes, [{ model: "x", endpoint: "openai", to: "y" }]);
  assertEquals([...alias.warnings, ...route.warnings], []);
});

Deno.test("routing: off by route_by_model, which a warning says of routes and aliases; lists that are not read", async () => {
  const off = await load(
    `[server]\nroute_by_model = false\n[aliases]\nfast = "groq/x"\n[[routes]]\nmodel = "*"\nendpoint = "groq"\n${TWO}`,
  );
  assertEquals(off.routing, undefined);
  assertEquals(off.warnings, [
    "config.toml:5: routes do nothing: route_by_model is false",
    "config.toml:3: aliases do nothing: route_by_model is false",
  ]);
  const unread = await load(`[server]\nmodels_refresh = "none"\n${TWO}`);
  assertEquals([unread.routing?.refreshMs, unread.routing?.localRefreshMs], [undefined, undefined]);
  const often = await load(`[server]\nmodels_refresh = "10s"\n${TWO}`);
  assertEquals([often.routing?.refreshMs, often.routing?.localRefreshMs], [10_000, 10_000]);
});

Deno.test("routing: all problems of routes and aliases at once", async () => {
  const error = await assertRejects(
    () =>
      load(`[[routes]]
endpoint = "openai"
[[routes]]
model = "x"
[[routes]]
model = "y"
endpoint = "grok"
[[routes]]
model = "y"
endpoint = "groq"
target = "z"
[[routes]]
model = "z-*"
endpoint = "groq"
to = "*/z-*"
[aliases]
same = "same"
empty = "groq/"
number = 7
${TWO}`),
    ConfigError,
  );
  assertEquals(error.problems.map(({ origin, message }) => `${origin} ${message}`), [
    "config.toml:1: routes.0.model is missing",
    "config.toml:3: routes.1.endpoint is missing",
    'config.toml:7: routes.2.endpoint there is no endpoint "grok"; did you mean groq?',
    "config.toml:11: routes.3.target is not a known key",
    'config.toml:15: routes.4.to has more * than the model "z-*"',
    "config.toml:17: aliases.same is its own alias",
    "config.toml:18: aliases.empty names no model after the /",
    "config.toml:19: aliases.number must be a string, not a number",
  ]);
});

Deno.test("routing: warnings about what can do nothing", async () => {
  const { warnings } = await load(`[[routes]]
model = "*"
endpoint = "own"
[[routes]]
model = "x"
endpoint = "groq"
[aliases]
one = "two"
two = "groq/x"
typo = "qroq/x"
theirs = "own/x"
${TWO}[endpoints.own]
provider = "mistral"
`);
  assertEquals(warnings, [
    'config.toml:4: routes.1 does nothing: the route "*" before it matches first',
    'config.toml:8: aliases.one names the alias "two", which is sent as it is: name the model',
    'config.toml:10: aliases.typo names no endpoint "qroq"; did you mean groq?',
    "config.toml:1: routes.0 may do nothing: own forwards the client's own key, and only the default endpoint gets it",
    "config.toml:11: aliases.theirs may hold only at /own/…: own forwards the client's own key, and only the default " +
    "endpoint gets it",
  ]);
});

Deno.test("routes: one model may have a route for each API", async () => {
  const route = (endpoint: string) => `[[routes]]\nmodel = "claude"\nendpoint = "${endpoint}"\n`;
  const { warnings } = await load(`${route("claude")}${route("groq")}${route("own")}
${TWO}[endpoints.claude]
provider = "anthropic"
api_key = "sk-3"
[endpoints.own]
provider = "mistral"
api_key = "sk-4"
`);
  assertEquals(warnings, [
    'config.toml:7: routes.2 does nothing: the route "claude" before it matches first',
  ]);
});

Deno.test("filter_models: a switch of an endpoint", async () => {
  const { endpoints } = await load(TWO.replace('"sk-2"', '"sk-2"\nfilter_models = true'));
  assertEquals(endpoints.map(({ filterModels }) => filterModels), [undefined, true]);
});
