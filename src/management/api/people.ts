/** Routes for people. */

import { createInvitationValue, hashOf } from "../../auth/token_value.ts";
import { loginOf, type Person } from "../../people/person.ts";
import type { Projects, Role } from "../../people/role.ts";
import type { PersonOutcome } from "../../storage/people_store.ts";
import { type Store, StoreError } from "../../storage/store.ts";
import { ADMIN_ONLY } from "./access.ts";
import { createId } from "./create_id.ts";
import { listBody, pageOf } from "./paging.ts";
import type { RouteParts } from "./parts.ts";
import { Problem } from "./problem.ts";
import { type Resource, resource } from "./resource.ts";
import {
  type BodyRequest,
  json,
  type JsonReply,
  type QueryRequest,
  type Route,
  route,
  type RouteRequest,
} from "./route.ts";
import { moment } from "./rules.ts";
import * as requests from "./people_requests.ts";
import { pageQuery } from "./requests.ts";
import * as responses from "./people_responses.ts";
import { listOf } from "./responses.ts";

/** How long an invitation works, in milliseconds. */
const INVITATION_MS = 7 * 24 * 3_600_000;

/** The routes at `/people`. */
export const PEOPLE_ROUTES: readonly Route[] = [
  route("get /people", {
    access: ADMIN_ONLY,
    summary: "People, newest first",
    query: pageQuery,
    responses: { 200: listOf(responses.person) },
    handle: listPeople,
  }),
  route("post /people", {
    access: ADMIN_ONLY,
    needsFreshSignIn: true,
    summary: "Add a person, who can sign in after an invitation",
    body: requests.personCreation,
    responses: { 201: responses.person },
    handle: addPerson,
  }),
  route("get /people/{id}", {
    access: ADMIN_ONLY,
    summary: "A person",
    responses: { 200: responses.person },
    handle: ({ id }, parts) => peopleOf(parts).respond(id),
  }),
  route("patch /people/{id}", {
    access: ADMIN_ONLY,
    needsFreshSignIn: true,
    summary: "Change a person; omitted members stay. The tokens of a disabled person are rejected",
    body: requests.personChange,
    responses: { 200: responses.person },
    handle: changePerson,
  }),
  route("delete /people/{id}", {
    access: ADMIN_ONLY,
    needsFreshSignIn: true,
    summary: "Remove a person and revoke their tokens; their usage is kept under their id",
    responses: { 204: undefined },
    handle: removePerson,
  }),
  route("post /people/{id}/invitation", {
    access: ADMIN_ONLY,
    needsFreshSignIn: true,
    summary: "Make a link by which the person sets a passphrase, once and within 7 days; earlier links end",
    responses: { 201: responses.invitation },
    handle: invite,
  }),
];

async function listPeople(
  { query }: QueryRequest<typeof pageQuery>,
  { store }: RouteParts,
): Promise<JsonReply> {
  return json(listBody(await store.whole().listPeople(pageOf(query)), shownPerson));
}

async function addPerson(
  { body, source }: BodyRequest<typeof requests.personCreation>,
  parts: RouteParts,
): Promise<JsonReply> {
  const now = parts.clock.epochMs();
  const login = loginOf(body.login);
  if (login === undefined) throw wrong("login", "is not a login name: use letters, digits and . _ - @ +");
  const id = createId("usr");
  const person: Person = {
    id,
    login,
    name: body.name ?? login,
    role: body.role,
    projects: await checkedProjects(parts.store.whole(), body),
    disabled: false,
    origin: { kind: "local" },
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  const audit = peopleOf(parts).auditOf({ id, source })("create", { ...body, login });
  await withFreeLogin(parts.store.whole().addPerson(person, audit));
  return json(shownPerson(person), { status: 201, version: 1 });
}

async function changePerson(
  request: BodyRequest<typeof requests.personChange>,
  parts: RouteParts,
): Promise<JsonReply> {
  const { body } = request;
  checkOther(request, parts, body.role ?? body.projects ?? body.disabled);
  const store = parts.store.whole();
  return await peopleOf(parts).update(request, async (before, audit) => {
    const { role = before.role } = body;
    if (before.role === "admin" && role !== "admin" && body.projects === undefined) {
      throw wrong(
        "projects",
        "is missing: an administrator has all projects, so name those of the other role",
      );
    }
    const projects = body.projects ?? (role === "admin" ? "all" : before.projects);
    return wasDone(
      await store.changePerson(before, {
        ...(body.name !== undefined && { name: body.name }),
        ...(body.disabled !== undefined && { disabled: body.disabled }),
        role,
        ...((body.projects !== undefined || role !== before.role) && {
          projects: await checkedProjects(store, { role, projects }),
        }),
      }, { audit: audit("update", body), guard: { keepsAdmin: !parts.hasBootstrap } }),
    );
  });
}

function removePerson(request: RouteRequest, parts: RouteParts): Promise<Response> {
  checkOther(request, parts, true);
  return peopleOf(parts).remove(request, async (before, audit) => {
    const { login, name } = before;
    const guarded = { audit: audit("remove", { login, name }), guard: { keepsAdmin: !parts.hasBootstrap } };
    return wasDone(await parts.store.whole().removePerson(before, guarded));
  });
}

async function invite({ id, source }: RouteRequest, parts: RouteParts): Promise<JsonReply> {
  const people = peopleOf(parts);
  const { origin, disabled } = await people.find(id);
  if (origin.kind === "provider") {
    throw new Problem(409, "The person signs in with a provider, and has no passphrase.");
  }
  if (disabled) throw new Problem(409, "The person is disabled: enable them before you invite them.");
  const value = createInvitationValue();
  const expiresAt = parts.clock.epochMs() + INVITATION_MS;
  const audit = people.auditOf({ id, source })("invite", {});
  await parts.store.whole().addInvitation({ hash: hashOf(value), personId: id, expiresAt }, audit);
  const path = `/admin#invite=${value}`;
  const urls = parts.adminOrigins().map((origin) => origin + path);
  const body = { path, urls, at_public_url: parts.hasPublicUrl, expires_at: moment(expiresAt) };
  return json(body, { status: 201 });
}

function peopleOf(parts: RouteParts): Resource<Person> {
  return resource(parts, {
    name: "person",
    read: (id) => parts.store.whole().findPerson(id),
    shown: shownPerson,
  });
}

/** A person in the form of the API. */
function shownPerson({ id, login, name, role, projects, disabled, origin, createdAt, updatedAt }: Person) {
  return {
    id,
    login,
    name,
    role,
    projects,
    disabled,
    provider: origin.kind === "provider" ? origin.provider : null,
    created_at: moment(createdAt),
    updated_at: moment(updatedAt),
  };
}

/** A person cannot change what they may do themselves, neither up nor down. */
function checkOther({ id }: RouteRequest, { actor }: RouteParts, change: unknown): void {
  if (actor.id !== id || change === undefined) return;
  throw new Problem(409, "You cannot change your own role or projects, or disable or remove yourself.");
}

/**
 * The projects of a role. Throws a {@link Problem} if one of them does not exist, or if an administrator
 * would not have all.
 */
export async function checkedProjects(
  store: Pick<Store, "findProject">,
  { role, projects = role === "admin" ? "all" : [] }: { role: Role; projects?: Projects | undefined },
): Promise<Projects> {
  if (projects === "all") return "all";
  if (role === "admin") throw wrong("projects", 'is not "all", and an administrator has all projects');
  const ids = [...new Set(projects)].sort();
  for (const id of ids) {
    if (await store.findProject(id) === undefined) {
      throw wrong("projects", `there is no project ${JSON.stringify(id)}`);
    }
  }
  return ids;
}

function wrong(member: string, detail: string): Problem {
  return new Problem(400, `#/${member}: ${detail}`, { places: [{ pointer: `#/${member}`, detail }] });
}

/** Whether a change was written. Throws a `409` {@link Problem} if no administrator would be left. */
function wasDone(outcome: PersonOutcome): boolean {
  if (outcome !== "last admin") return outcome === "done";
  throw new Problem(
    409,
    "No other person could administer the proxy: it has no MANAGEMENT_TOKEN, and no other administrator can sign in.",
  );
}

async function withFreeLogin<Result>(change: Promise<Result>): Promise<Result> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== "taken") throw error;
    throw new Problem(409, "Another person has this login name: choose another one.");
  }
}
