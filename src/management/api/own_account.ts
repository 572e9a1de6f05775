/** Routes for who makes a request, and for their passphrase. */

import { OWN } from "./access.ts";
import { auditor } from "./audit_entry.ts";
import type { RouteParts } from "./parts.ts";
import { passphraseChange } from "./people_requests.ts";
import * as responses from "./people_responses.ts";
import { Problem } from "./problem.ts";
import { type BodyRequest, json, type JsonReply, type Route, route } from "./route.ts";

/** The routes at `/me`, for the actor of the request. */
export const OWN_ROUTES: readonly Route[] = [
  route("get /me", {
    access: OWN,
    summary: "Who you are: your role and your projects",
    responses: { 200: responses.self },
    handle: (_, parts) => showSelf(parts),
  }),
  route("post /me/passphrase", {
    access: OWN,
    summary: "Change your passphrase; your other sessions end, and a wrong current passphrase is a guess",
    body: passphraseChange,
    responses: { 204: undefined },
    handle: changePassphrase,
  }),
];

async function showSelf({ actor, store }: RouteParts): Promise<JsonReply> {
  const { kind, id, name, role, projects } = actor;
  const origin = (await store.self())?.origin;
  return json({
    kind,
    id: kind === "person" ? id : null,
    name,
    role,
    projects,
    provider: origin?.kind === "provider" ? origin.provider : null,
  });
}

async function changePassphrase(
  { body, source, caller }: BodyRequest<typeof passphraseChange>,
  parts: RouteParts,
): Promise<Response> {
  const { store, passphrases } = parts;
  const self = await store.self();
  if (self === undefined || passphrases === undefined) {
    throw new Problem(409, "Only a person who signs in at the admin page has a passphrase.");
  }
  if (self.origin.kind === "provider") {
    throw new Problem(409, "You sign in with a provider, and have no passphrase here.");
  }
  const checked = await passphrases.check({ name: self.login, passphrase: body.current }, caller)
    .catch((error) => {
      // The page takes a 401 for the end of the session.
      if (error instanceof Problem && error.status === 401) {
        throw new Problem(403, "The current passphrase is wrong.");
      }
      throw error;
    });
  const hash = await passphrases.hash(body.new, caller);
  const audit = auditor(parts)(source, "person.passphrase", checked.id, {});
  if (!await store.setOwnPassphrase(hash, checked, audit)) {
    throw new Problem(409, "Your account was changed at the same moment: try again.");
  }
  return new Response(null, { status: 204 });
}
