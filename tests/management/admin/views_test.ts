/** The table of the page's views and buttons, beside the table of the API's routes and roles. */

import { assert, assertEquals } from "@std/assert";
import { ROUTES } from "../../../src/management/api/manage.ts";
import { ACTIONS, VIEWS, viewsOf } from "../../../src/management/page/views.ts";
import { type Role, ROLES } from "../../../src/people/role.ts";

/** Views that the API would let a role read, and that the page leaves out for it. */
const LEFT_OUT: Readonly<Partial<Record<Role, readonly string[]>>> = {
  // A member has own tokens, own usage and a client to connect: the rest of a project is not their work.
  member: ["requests", "projects", "endpoints"],
};

function rolesOf(routes: readonly string[]): Role[] {
  return ROLES.filter((role) =>
    routes.every((name) => {
      const route = ROUTES.find(({ method, path }) => `${method} ${path}` === name);
      assert(route, `${name} is no route of the API`);
      return route.access[role] !== "denied";
    })
  );
}

Deno.test("views: a role has the views whose routes the API gives it, but for those that are left out", () => {
  for (const [name, { reads, roles }] of Object.entries(VIEWS)) {
    const expected = rolesOf(reads).filter((role) => LEFT_OUT[role]?.includes(name) !== true);
    assertEquals([...roles], expected, name);
  }
});

Deno.test("views: a role has the buttons whose routes the API gives it", () => {
  for (const [name, { calls, roles }] of Object.entries(ACTIONS)) {
    // One button stands for all of its routes, so they must not differ.
    for (const call of calls.filter((one) => !one.startsWith("get "))) {
      assertEquals([...roles], rolesOf([call]), `${name}: ${call}`);
    }
  }
});

Deno.test("views: a member has their own things alone", () => {
  assertEquals(viewsOf("member").map(({ label }) => label), [
    "My usage",
    "My tokens",
    "Connect",
    "My account",
  ]);
});

Deno.test("views: the page calls no route that the table does not have, and all that it has", async () => {
  const folder = new URL("../../../src/management/page/", import.meta.url);
  const called = new Set<string>();
  for await (const { name } of Deno.readDir(folder)) {
    if (!/\.tsx?$/.test(name)) continue;
    const text = await Deno.readTextFile(new URL(name, folder));
    // The method of a call, and the start of its path with an id at most: `/tokens/${id}/rotate`.
    const calls = [
      ...text.matchAll(/\bcall(?:<[^(]*>)?\("(\w+)", ["`](\/[^"`?]*)/g).map(([, method = "", path = ""]) =>
        [method.toLowerCase(), path] as const
      ),
      ...text.matchAll(/\bget(?:All)?(?:<[^(]*>)?\(["`](\/[^"`?]*)/g).map(([, path = ""]) =>
        ["get", path] as const
      ),
    ];
    for (const [method, path] of calls) {
      called.add(`${method} ${path.replace(/\$\{query\}$/, "").replace(/\$\{[^}]*\}/, "{id}")}`);
    }
  }
  assert(called.size > 20, "the calls were found");
  const stated = [
    ...Object.values(VIEWS).flatMap(({ reads }) => reads),
    ...Object.values(ACTIONS).flatMap(({ calls }) => calls),
  ];
  assertEquals([...called].filter((route) => !stated.includes(route as typeof stated[number])), []);
  // Other modules of the page make these with paths of their own, or as the action of a form.
  const others = ["get /exchanges", "get /exchanges/live", "get /backup", "post /endpoints/{id}/try"];
  assertEquals([...new Set(stated)].filter((route) => !called.has(route) && !others.includes(route)), []);
});
