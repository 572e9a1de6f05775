/** What the service says of itself (RFC 7643, 5 to 7): its features, resource types and schemas. */

import { NAME_PARTS } from "../../people/directory.ts";
import { GROUP_SCHEMA, USER_SCHEMA } from "./conditions.ts";

/** The most resources of a response. */
export const MAX_RESULTS = 200;
/** The most groups of users, or members of groups, in a response, unless one resource alone has more. */
export const MAX_MEMBERSHIPS = 10_000;
/** The longest body, in bytes: see `web_adapter.ts`. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Authentik divides long lists of operations by this number, also without bulk requests. */
const CHUNK = 500;

const SCHEMA_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const TYPE_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const CONFIG_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/** A document with an id, by which it can be read alone. */
export interface ServiceDocument {
  readonly id: string;
}

/** The document that says which parts of SCIM are supported. `base` is the URL of the API. */
export function serviceProviderConfig(base: string) {
  return {
    schemas: [CONFIG_SCHEMA],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: CHUNK, maxPayloadSize: MAX_BODY_BYTES },
    filter: { supported: true, maxResults: MAX_RESULTS },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [{
      type: "oauthbearertoken",
      name: "Management token",
      description: "a management token with the role scim, in the header Authorization",
      primary: true,
    }],
    meta: { resourceType: "ServiceProviderConfig", location: `${base}/ServiceProviderConfig` },
  };
}

/** The documents of the kinds of resources: users and groups. `base` is the URL of the API. */
export function resourceTypes(base: string): readonly ServiceDocument[] {
  return ([["User", USER_SCHEMA], ["Group", GROUP_SCHEMA]] as const).map(([id, schema]) => ({
    schemas: [TYPE_SCHEMA],
    id,
    name: id,
    endpoint: `/${id}s`,
    schema,
    schemaExtensions: [],
    meta: { resourceType: "ResourceType", location: `${base}/ResourceTypes/${id}` },
  }));
}

/** The schemas: the attributes that are kept. */
export function schemas(base: string): readonly ServiceDocument[] {
  const documents = [
    { id: USER_SCHEMA, name: "User", description: "A person of the directory", attributes: USER_ATTRIBUTES },
    {
      id: GROUP_SCHEMA,
      name: "Group",
      description: "A group of the directory",
      attributes: GROUP_ATTRIBUTES,
    },
  ];
  return documents.map((document) => ({
    schemas: [SCHEMA_SCHEMA],
    ...document,
    meta: { resourceType: "Schema", location: `${base}/Schemas/${document.id}` },
  }));
}

interface AttributeOptions {
  readonly type?: "string" | "boolean" | "complex" | "reference";
  readonly isMany?: boolean;
  readonly isRequired?: boolean;
  readonly mutability?: "readOnly" | "readWrite" | "immutable";
  readonly isUnique?: boolean;
  readonly isCaseExact?: boolean;
  /** The kinds of resources that a reference is to. */
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly unknown[];
}

function attribute(
  name: string,
  description: string,
  {
    type = "string",
    isMany = false,
    isRequired = false,
    mutability = "readWrite",
    isUnique = false,
    isCaseExact = false,
    referenceTypes,
    subAttributes,
  }: AttributeOptions = {},
) {
  return {
    name,
    type,
    multiValued: isMany,
    description,
    required: isRequired,
    caseExact: isCaseExact,
    mutability,
    returned: "default",
    uniqueness: isUnique ? "server" : "none",
    ...(referenceTypes !== undefined && { referenceTypes }),
    ...(subAttributes !== undefined && { subAttributes }),
  };
}

const EXTERNAL_ID = attribute("externalId", "the directory's identifier; it joins a user to a person", {
  isCaseExact: true,
});
const USER_ATTRIBUTES = [
  attribute("userName", "the login name in the directory", { isRequired: true, isUnique: true }),
  EXTERNAL_ID,
  attribute("name", "the name by its parts", {
    type: "complex",
    subAttributes: NAME_PARTS.map((part) => attribute(part, "a part of the name")),
  }),
  attribute("displayName", "the name to show"),
  attribute("active", "whether the person may use the proxy", { type: "boolean" }),
  attribute("emails", "email addresses, by which no person is recognised", {
    type: "complex",
    isMany: true,
    subAttributes: [
      attribute("value", "the address"),
      attribute("type", "the kind, such as work"),
      attribute("primary", "whether it is the preferred address", { type: "boolean" }),
    ],
  }),
  attribute("groups", "the groups of the user", {
    type: "complex",
    isMany: true,
    mutability: "readOnly",
    subAttributes: referencesOf("the id of the group", { mutability: "readOnly", to: ["Group"] }),
  }),
];
const GROUP_ATTRIBUTES = [
  attribute("displayName", "the name, by which the configuration gives roles and projects", {
    isRequired: true,
    isUnique: true,
  }),
  EXTERNAL_ID,
  attribute("members", "the users of the group", {
    type: "complex",
    isMany: true,
    subAttributes: referencesOf("the id of the user", { mutability: "immutable", to: ["User"] }),
  }),
];

function referencesOf(
  description: string,
  { mutability, to }: { mutability: "readOnly" | "immutable"; to: readonly string[] },
) {
  return [
    attribute("value", description, { mutability }),
    attribute("display", "the name", { mutability: "readOnly" }),
    attribute("type", "the kind of resource", { mutability: "readOnly" }),
    attribute("$ref", "the URL", { type: "reference", mutability, referenceTypes: to }),
  ];
}
