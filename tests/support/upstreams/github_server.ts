/** A server like GitHub Enterprise: OAuth 2.0 and an API, without OpenID Connect. */

import type { Clock } from "../../../src/time/clock.ts";
import { ScriptedProvider } from "./scripted_provider.ts";

const API: Readonly<Record<string, unknown>> = {
  "/api/v3/user": { id: 583231, login: "octocat", name: "Mona" },
  "/api/v3/user/emails": [
    { email: "octo@other.example", primary: false, verified: true },
    { email: "octo@example.com", primary: true, verified: true },
  ],
  "/api/v3/user/orgs": [{ login: "acme" }],
  "/api/v3/user/teams": [{ slug: "llm", organization: { login: "acme" } }],
};

/** Opens the server. It lets every browser in as the same person, and each code works once. */
export async function openGithub(clock: Pick<Clock, "epochMs">): Promise<ScriptedProvider> {
  const server = await ScriptedProvider.open(clock);
  for (const [path, value] of Object.entries(API)) {
    server.answers.set(
      path,
      ({ headers }) =>
        headers.get("authorization") === "Bearer gho_token"
          ? Response.json(value)
          : Response.json({ message: "Bad credentials" }, { status: 401 }),
    );
  }
  server.answers.set("/login/oauth/authorize", ({ url }) => {
    const { searchParams } = new URL(url);
    const back = new URL(searchParams.get("redirect_uri") ?? "");
    // GitHub sends no issuer.
    back.search = `${new URLSearchParams({
      code: crypto.randomUUID(),
      state: searchParams.get("state") ?? "",
    })}`;
    return Response.redirect(back, 302);
  });
  const used = new Set<string | null>();
  server.answers.set("/login/oauth/access_token", () => {
    const code = server.tokenRequest.get("code");
    // Its errors have the status 200.
    if (used.has(code)) return Response.json({ error: "bad_verification_code" });
    used.add(code);
    return Response.json({ access_token: "gho_token", token_type: "bearer", scope: "read:user" });
  });
  return server;
}
