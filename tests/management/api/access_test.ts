/**
 * The table of routes and roles, and what people of each role reach over HTTP. A new route fails here until
 * its row is stated.
 */

import { assert, assertEquals } from "@std/assert";
import { SURFACES } from "../../../src/management/api/access.ts";
import { ROUTES } from "../../../src/management/api/manage.ts";
import { hiddenRoles, itemOf, membersOf } from "../../../src/management/api/visible.ts";
import { type Access, ROLES } from "../../../src/people/role.ts";
import type * as v from "valibot";

/** In the order of the roles: admin, manager, member, viewer. A star: it asks for a fresh sign-in. */
const TABLE = `
get /projects                       all  projects  projects  projects
post /projects                      all  denied    denied    denied    * with provider keys
get /projects/{id}                  all  projects  projects  projects
patch /projects/{id}                all  denied    denied    denied    * with provider keys
delete /projects/{id}               all  denied    denied    denied
post /projects/{id}/delete          all  denied    denied    denied    *
post /projects/{id}/tokens/revoke   all  projects  denied    denied    *
get /tokens                         all  projects  own       projects
post /tokens                        all  projects  own       denied
get /tokens/{id}                    all  projects  own       projects
patch /tokens/{id}                  all  projects  own       denied
delete /tokens/{id}                 all  projects  own       denied
post /tokens/{id}/delete            all  projects  own       denied
post /tokens/{id}/rotate            all  projects  own       denied
get /usage                          all  projects  own       projects
get /exchanges                      all  projects  own       projects
get /exchanges/live                 all  projects  own       projects
get /endpoints                      all  all       all       all
post /endpoints/{id}/try            all  denied    denied    denied
get /connect                        all  all       all       all
post /connect                       all  all       all       all
post /qr                            all  all       all       all
get /me                             own  own       own       own
post /me/passphrase                 own  own       own       own
get /people                         all  denied    denied    denied
post /people                        all  denied    denied    denied    *
get /people/{id}                    all  denied    denied    denied
patch /people/{id}                  all  denied    denied    denied    *
delete /people/{id}                 all  denied    denied    denied    *
post /people/{id}/invitation        all  denied    denied    denied    *
get /sessions                       all  own       own       own
delete /sessions/{id}               all  own       own       own
get /management-tokens              all  own       own       own
post /management-tokens             all  denied    denied    denied    *
delete /management-tokens/{id}      all  own       own       own       *
post /device-logins/find            own  own       own       own
post /device-logins/{id}/confirm    own  own       own       own       *
post /device-logins/{id}/refuse     own  own       own       own
get /passkeys                       all  own       own       own
patch /passkeys/{id}                all  own       own       own
delete /passkeys/{id}               all  own       own       own       *
get /audit                          all  denied    denied    denied
get /health                         all  denied    denied    denied
get /system                         all  denied    denied    denied
get /reload                         all  denied    denied    denied
post /reload                        all  denied    denied    denied
post /stop                          all  denied    denied    denied
get /backup                         all  denied    denied    denied
the OpenAPI document                all  all       all       all
/manage/device                      all  all       all       all
/metrics                            all  denied    denied    projects
/admin/docs                         all  all       all       all
/admin/session/passkeys             own  own       own       own
/admin/try                          all  all       all       all
`;

Deno.test("access: how far each role reaches at each route and each other part of the management plane", () => {
  const row = (place: string, access: Access, needsFreshSignIn: unknown = false): string =>
    [
      place,
      ...ROLES.map((role) => access[role]),
      ...needsFreshSignIn === false ? [] : [needsFreshSignIn === true ? "*" : "* with provider keys"],
    ].join(" ");
  const actual = [
    ...ROUTES.map(({ method, path, access, needsFreshSignIn }) =>
      row(`${method} ${path}`, access, needsFreshSignIn)
    ),
    ...Object.entries(SURFACES).map(([name, access]) => row(name, access)),
  ];
  assertEquals(actual, TABLE.trim().split("\n").map((line) => line.trim().replaceAll(/ +/g, " ")));
});

/** The members that a schema hides, with the roles. */
function hiddenMembers(schema: v.GenericSchema, place: string): string[] {
  const members = Object.entries(membersOf(schema) ?? {}).flatMap(([name, of]) => {
    const roles = hiddenRoles(of);
    const at = `${place}.${name}`;
    return roles.length > 0 ? [`${at}: ${roles.join(", ")}`] : hiddenMembers(of, at);
  });
  const item = itemOf(schema);
  return item === undefined ? members : [...members, ...hiddenMembers(item, `${place}[]`)];
}

Deno.test("access: the members of responses that a role does not see", () => {
  const all = "manager, member, viewer";
  const hidden = ROUTES.flatMap(({ method, path, responses }) =>
    Object.values(responses).flatMap((schema) =>
      schema === undefined ? [] : hiddenMembers(schema, `${method} ${path} `)
    )
  );
  const project = (place: string) => [
    `${place}.spent: member`,
    `${place}.model_limits[].spent: member`,
    `${place}.provider_keys: ${all}`,
  ];
  const endpoint = ["strategy", "affinity", "retries", "retry_statuses", "max_buffer_bytes", "stream_usage"];
  assertEquals(hidden, [
    ...project("get /projects .data[]"),
    ...project("post /projects "),
    ...project("get /projects/{id} "),
    ...project("patch /projects/{id} "),
    "get /exchanges .data[].backend: member",
    "get /exchanges .data[].attempt_log: member",
    ...[...endpoint, "expose_backend", "price_provider", "own_prices", "anthropic_version", "backends"].map(
      (name) => `get /endpoints .data[].${name}: ${all}`,
    ),
  ]);
});

Deno.test("access: a route that changes something denies viewers, but for what is their own", () => {
  const open = ROUTES.filter(({ method, access }) => method !== "get" && access.viewer !== "denied");
  assertEquals(open.map(({ method, path }) => `${method} ${path}`), [
    "post /connect",
    "post /qr",
    "post /me/passphrase",
    "delete /sessions/{id}",
    "delete /management-tokens/{id}",
    "post /device-logins/find",
    "post /device-logins/{id}/confirm",
    "post /device-logins/{id}/refuse",
    "patch /passkeys/{id}",
    "delete /passkeys/{id}",
  ]);
  assert(ROUTES.every(({ access }) => access.admin !== "denied"));
});
