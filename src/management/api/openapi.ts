/** The OpenAPI document, made from the schemas that validate requests. */

import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { VERSION } from "../../release.ts";
import type { Route } from "./route.ts";
import { problem } from "./responses.ts";

/** A route that needs no credential: it takes a form by POST, and answers with JSON. */
export interface OpenOperation {
  readonly path: string;
  readonly summary: string;
  readonly body: GenericSchema;
  readonly response: GenericSchema;
  /** The body of a 400. */
  readonly error: GenericSchema;
}

/** Makes an OpenAPI 3.1 document. `base` is the path of the API. */
export function openApiDocument(
  routes: readonly Route[],
  base: string,
  open: readonly OpenOperation[] = [],
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = paths[`${base}${route.path}`] ??= {};
    path[route.method] = operationOf(route);
  }
  for (const operation of open) paths[`${base}${operation.path}`] = { post: openOperation(operation) };
  return {
    openapi: "3.1.0",
    info: {
      title: "llm-proxy management",
      version: VERSION,
      description:
        "Projects, tokens, usage and cost of llm-proxy. Members ending in _micros are millionths of a US " +
        "dollar, members ending in _usd are US dollars.",
    },
    security: [{ managementToken: [] }],
    paths,
    components: {
      securitySchemes: {
        managementToken: { type: "http", scheme: "bearer", description: "MANAGEMENT_TOKEN of the proxy" },
      },
      schemas: { Problem: schemaOf(problem, "output") },
    },
  };
}

function operationOf(
  { path, summary, query, body, responses: schemas, types = ["application/json"] }: Route,
) {
  const parameters = [
    ...(path.includes("{id}")
      ? [{ name: "id", in: "path", required: true, schema: { type: "string" } }]
      : []),
    ...(query === undefined ? [] : parametersOf(query)),
  ];
  const responses = Object.fromEntries(
    Object.entries(schemas).map(([status, schema]) => {
      const content = Object.fromEntries(types.map((type) => [
        type,
        {
          schema: schema === undefined || type !== "application/json"
            ? { type: "string" }
            : schemaOf(schema, "output"),
        },
      ]));
      return [status, { description: summary, ...(status !== "204" && { content }) }];
    }),
  );
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } },
    }),
    responses: { ...responses, default: PROBLEM_RESPONSE },
  };
}

const PROBLEM_RESPONSE = {
  description: "An error",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

function openOperation({ summary, body, response, error }: OpenOperation) {
  const ofJson = (schema: GenericSchema) => ({
    description: summary,
    content: { "application/json": { schema: schemaOf(schema, "output") } },
  });
  return {
    summary,
    security: [],
    requestBody: {
      required: true,
      content: { "application/x-www-form-urlencoded": { schema: schemaOf(body, "input") } },
    },
    responses: { 200: ofJson(response), 400: ofJson(error), default: PROBLEM_RESPONSE },
  };
}

function parametersOf(query: GenericSchema): unknown[] {
  const { properties = {}, required = [] } = schemaOf(query, "input");
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function schemaOf(schema: GenericSchema, typeMode: "input" | "output"): JsonSchema {
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    typeMode,
    errorMode: "ignore",
    target: "draft-2020-12",
  });
  return rest;
}
