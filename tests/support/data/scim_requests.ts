/**
 * Bodies of requests in the forms that directories send, with other values. The forms are those of:
 * - Okta: "SCIM 2.0 protocol reference" of developer.okta.com.
 * - Microsoft Entra: "Develop and plan provisioning for a SCIM endpoint" and "Known issues and resolutions
 *   with SCIM 2.0 protocol compliance" of learn.microsoft.com. `…Old` is without the flag aadOptscim062020.
 * - Authentik: the requests of `authentik/providers/scim/clients` with the default mappings of
 *   `blueprints/system/providers-scim.yaml`.
 * - Keycloak: the requests of the extension keycloak-scim (`UserAdapter`, `GroupAdapter`), of which the
 *   UnboundID SCIM 2 SDK writes the JSON.
 */

const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

const operations = (...list: readonly unknown[]) => ({ schemas: [PATCH], Operations: list });

/** The requests of Okta. */
export const OKTA = {
  find: (userName: string) =>
    `/Users?filter=userName%20eq%20%22${encodeURIComponent(userName)}%22&startIndex=1&count=100`,
  user: (login: string) => ({
    schemas: [USER],
    userName: `${login}@example.com`,
    name: { givenName: "Test", familyName: "User" },
    emails: [{ primary: true, value: `${login}@example.com`, type: "work" }],
    displayName: "Test User",
    locale: "en-US",
    externalId: login,
    groups: [],
    password: "not-kept-1mz050nq",
    active: true,
  }),
  /** A PUT has no externalId. */
  replaced: (id: string, login: string, active: boolean) => ({
    schemas: [USER],
    id,
    userName: `${login}@example.com`,
    name: { givenName: "Another", middleName: "", familyName: "User" },
    emails: [{ primary: true, value: `${login}@example.com`, type: "work", display: `${login}@example.com` }],
    active,
    groups: [],
    meta: { resourceType: "User" },
  }),
  active: (active: boolean) => operations({ op: "replace", value: { active } }),
  group: (displayName: string) => ({ schemas: [GROUP], displayName, members: [] }),
  renamed: (id: string, displayName: string) => operations({ op: "replace", value: { id, displayName } }),
  members: (removed: string, added: string) =>
    operations({ op: "remove", path: `members[value eq "${removed}"]` }, {
      op: "add",
      path: "members",
      value: [{ value: added, display: "someone@example.com" }],
    }),
  allMembers: (...ids: readonly string[]) =>
    operations({
      op: "replace",
      path: "members",
      value: ids.map((value) => ({ value, display: "someone@example.com" })),
    }),
} as const;

/** The requests of Microsoft Entra. */
export const ENTRA = {
  findByMail: (address: string) =>
    `/Users?filter=${encodeURIComponent(`emails[type eq "work"].value eq "${address}"`)}`,
  findGroup: (displayName: string) =>
    `/Groups?excludedAttributes=members&filter=${encodeURIComponent(`displayName eq "${displayName}"`)}`,
  isMember: (group: string, user: string) =>
    `/Groups?filter=${encodeURIComponent(`id eq "${group}" and members eq "${user}"`)}&attributes=id`,
  user: (objectId: string, login: string) => ({
    schemas: [USER, ENTERPRISE],
    externalId: objectId,
    userName: `${login}@example.com`,
    active: true,
    emails: [{ primary: true, type: "work", value: `${login}@example.com` }],
    meta: { resourceType: "User" },
    name: { formatted: "Given Family", familyName: "Family", givenName: "Given" },
    roles: [],
    [ENTERPRISE]: { department: "Lab" },
  }),
  disabledOld: operations({ op: "Replace", path: "active", value: "False" }),
  disabled: operations({ op: "replace", path: "active", value: false }),
  enabledOld: operations({ op: "Add", path: "active", value: "True" }),
  changedOld: operations(
    { op: "Replace", path: "displayName", value: "Pvlo" },
    { op: "Replace", path: 'emails[type eq "work"].value', value: "new@example.com" },
    { op: "Replace", path: "name.givenName", value: "Gtfd" },
    { op: "Replace", path: "name.familyName", value: "Pkqf" },
    { op: "Replace", path: `${ENTERPRISE}:employeeNumber`, value: "Eqpj" },
    { op: "Add", path: "nickName", value: "Babs" },
  ),
  changed: operations(
    { op: "replace", path: 'emails[type eq "work"].value', value: "newer@example.com" },
    {
      op: "replace",
      value: {
        "displayName": "Bjfe",
        "name.givenName": "Kkom",
        "name.familyName": "Unua",
        [`${ENTERPRISE}:employeeNumber`]: "Aklq",
      },
    },
  ),
  group: (displayName: string) => ({
    schemas: [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
    externalId: "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
    displayName,
    meta: { resourceType: "Group" },
  }),
  added: (id: string) => operations({ op: "Add", path: "members", value: [{ $ref: null, value: id }] }),
  removedOld: (id: string) =>
    operations({ op: "Remove", path: "members", value: [{ $ref: null, value: id }] }),
  removed: (id: string) => operations({ op: "remove", path: `members[value eq "${id}"]` }),
} as const;

/** The requests of Authentik. */
export const AUTHENTIK = {
  user: (uid: string, login: string) => ({
    schemas: [USER],
    userName: login,
    name: { formatted: "Anna Muster", givenName: "Anna", familyName: "Muster" },
    photos: [],
    emails: [{ value: `${login}@example.com`, type: "other", primary: true }],
    externalId: uid,
    active: true,
  }),
  group: (displayName: string) => ({
    schemas: [GROUP],
    displayName,
    externalId: "5c0c9e4e-2b3e-4a59-8b0b-1a0f3f5e4c11",
  }),
  /** All operations are of one member each. */
  moved: (added: string, removed: string) =>
    operations(
      { op: "add", path: "members", value: [{ value: added }] },
      { op: "remove", path: "members", value: [{ value: removed }] },
    ),
  changedGroup: (id: string, displayName: string) =>
    operations({
      op: "replace",
      value: { schemas: [GROUP], id, displayName, externalId: "5c0c9e4e-2b3e-4a59-8b0b-1a0f3f5e4c11" },
    }),
} as const;

/** The requests of Keycloak. */
export const KEYCLOAK = {
  user: (id: string, login: string, active: boolean) => ({
    schemas: [USER],
    externalId: id,
    userName: login,
    displayName: "Anna Muster",
    active,
    emails: [{ value: `${login}@example.com`, primary: true }],
    roles: [{ value: "lab" }],
  }),
  group: (id: string, displayName: string, members: readonly string[]) => ({
    schemas: [GROUP],
    externalId: id,
    displayName,
    members: members.map((value) => ({ value, $ref: `Users/${value}` })),
  }),
} as const;
