import { assertEquals } from "@std/assert";
import { type Actor, BOOTSTRAP, scopeOf } from "../../src/people/actor.ts";
import { loginOf } from "../../src/people/person.ts";
import type { Access } from "../../src/people/role.ts";
import { hasProject, isWithin, type Scope } from "../../src/people/scope.ts";

const ACCESS: Access = { admin: "all", manager: "projects", member: "own", viewer: "denied" };
const anna: Actor = {
  ...BOOTSTRAP,
  kind: "person",
  id: "usr_anna",
  role: "member",
  projects: ["prj_1"],
  name: "anna (passphrase)",
};

Deno.test("scopeOf: a role reaches what the route states, and no more than the projects of the actor", () => {
  assertEquals(scopeOf(BOOTSTRAP, ACCESS), { kind: "all" });
  assertEquals(scopeOf({ ...anna, role: "manager" }, ACCESS), { kind: "projects", projects: ["prj_1"] });
  assertEquals(scopeOf({ ...anna, role: "manager", projects: "all" }, ACCESS), { kind: "all" });
  assertEquals(scopeOf(anna, ACCESS), { kind: "own", owner: "usr_anna", projects: ["prj_1"] });
  assertEquals(scopeOf({ ...anna, projects: "all" }, ACCESS), {
    kind: "own",
    owner: "usr_anna",
    projects: "all",
  });
  assertEquals(scopeOf({ ...anna, role: "viewer" }, ACCESS), undefined);
});

Deno.test("isWithin: a thing belongs to a scope by its project, and in the scope of a member by its owner too", () => {
  const of = (projectId?: string, ownerId?: string) => ({ projectId, ownerId });
  const ofProject: Scope = { kind: "projects", projects: ["prj_1"] };
  const own: Scope = { kind: "own", owner: "usr_anna", projects: ["prj_1"] };
  const ownOfAll: Scope = { ...own, projects: "all" };
  const things = [
    of("prj_1", "usr_anna"),
    of("prj_1", "usr_ben"),
    of("prj_1"),
    of("prj_2", "usr_anna"),
    of(),
  ];
  const seen = (scope: Scope) => things.map((thing) => isWithin(scope, thing));
  assertEquals(seen({ kind: "all" }), [true, true, true, true, true]);
  assertEquals(seen(ofProject), [true, true, true, false, false]);
  assertEquals(seen(own), [true, false, false, false, false]);
  assertEquals(seen(ownOfAll), [true, false, false, true, false]);
  assertEquals([hasProject(own, "prj_1"), hasProject(own, "prj_2"), hasProject(ownOfAll, "prj_2")], [
    true,
    false,
    true,
  ]);
});

Deno.test("loginOf: one spelling for each name, and none for other texts", () => {
  assertEquals(loginOf(" Anna "), "anna");
  assertEquals(loginOf("ＡＮＮＡ"), "anna");
  assertEquals(loginOf("Jürgen.Groß@example.org"), "jürgen.groß@example.org");
  for (const text of ["", " ", "a b", "-a", "a\u202eb", "a\0", "a/b", "x".repeat(101)]) {
    assertEquals(loginOf(text), undefined, JSON.stringify(text));
  }
});
