/** The directory of the tests, which writes the people of one sign-in provider. */

import { type Directory, directoryOf } from "../../../src/management/directory.ts";
import type { Role } from "../../../src/people/role.ts";

/** Makes the directory. `claim` links a person who signs in with a user, and `roles` are those of groups. */
export function testDirectory(
  roles: Readonly<Record<string, Role>>,
  { issuer = "https://sso.example.com", claim = "sub" }: { issuer?: string; claim?: string } = {},
): Directory {
  const directory = directoryOf({
    signIn: {
      publicUrl: "https://llm.example.com",
      providers: [{
        name: "sso",
        title: "Sso",
        preset: "oidc",
        issuer,
        clientId: "x",
        scopes: [],
        groupsClaim: undefined,
        allow: { domains: [], groups: [], emails: [] },
        roles: new Map(Object.entries(roles)),
        projects: new Map(),
        outbound: {},
      }],
    },
    scim: { provider: "sso", claim, groupsDecide: true },
  });
  if (directory === undefined) throw new Error("the configuration has no directory");
  return directory;
}
