/** A project as a form. */

import { useState } from "preact/hooks";
import { call, type Endpoint, get, type Listed, type Project } from "./api.ts";
import { Check, Input } from "./controls.tsx";
import { Dialog, Failure, Shown, useSubmit } from "./pieces.tsx";
import { changedRules, type Draft, draftOf, RulesForm } from "./rules_form.tsx";
import { useLoad } from "./use_load.ts";

interface FormProps {
  readonly onClose: () => void;
  readonly onDone: (project: Project) => void;
}

/** A new one, or the one of an id as it is at this moment. */
export function ProjectForm({ project, ...rest }: FormProps & { project: Project | undefined }) {
  const fresh = useLoad(
    async (signal) => {
      const read = project && await call<Project>("GET", `/projects/${project.id}`, { signal });
      const { data: endpoints } = await get<Listed<Endpoint>>("/endpoints", signal);
      return { before: read?.body, etag: read?.etag ?? null, endpoints };
    },
    "",
  );
  return (
    <Dialog title={project === undefined ? "New project" : `Project ${project.name}`} onClose={rest.onClose}>
      <Shown of={fresh}>{(value) => <Form {...value} {...rest} />}</Shown>
    </Dialog>
  );
}

function Form({ before, etag, endpoints, onClose, onDone }: FormProps & {
  before: Project | undefined;
  /** Of the version that is shown: what somebody else changes meanwhile is not written over. */
  etag: string | null;
  endpoints: readonly Endpoint[];
}) {
  const [name, setName] = useState(before?.name ?? "");
  const [isActive, setActive] = useState(before?.active ?? true);
  const [start] = useState<Draft>(() => draftOf(before));
  const [draft, setDraft] = useState<Draft>(start);
  const [keys, setKeys] = useState<Readonly<Record<string, string | null>>>({});
  const { busy, error, submit } = useSubmit(async () => {
    const given = Object.fromEntries(Object.entries(keys).filter(([, key]) => key !== ""));
    const body = {
      ...(name !== before?.name && { name }),
      ...(before !== undefined && isActive !== before.active && { active: isActive }),
      ...changedRules(start, draft),
      ...(Object.keys(given).length > 0 && { provider_keys: given }),
    };
    return (before === undefined
      ? await call<Project>("POST", "/projects", { body })
      : await call<Project>("PATCH", `/projects/${before.id}`, { body, etag })).body;
  }, onDone);
  return (
    <form onSubmit={submit}>
      <Input label="Name" name="name" required autofocus maxLength={100} value={name} set={setName} />
      {before && <Check label="Active" value={isActive} set={setActive} />}
      <RulesForm draft={draft} onChange={setDraft} />
      <details>
        <summary>Provider keys of its own</summary>
        <p class="help">They are sent instead of the proxy's, kept encrypted, and never shown again.</p>
        {endpoints.map(({ name: endpoint }) => {
          const set = before?.provider_keys[endpoint];
          const isTakenAway = keys[endpoint] === null;
          return (
            <div key={endpoint}>
              <Input
                label={`Key for ${endpoint}`}
                help={isTakenAway
                  ? "It is taken away when you save."
                  : set
                  ? `Set, it ends in ${set.suffix}. Empty: it stays.`
                  : "Empty: the proxy's own."}
                type="password"
                disabled={isTakenAway}
                value={keys[endpoint] ?? ""}
                set={(value) => setKeys({ ...keys, [endpoint]: value })}
              />
              {set && (
                <button
                  type="button"
                  onClick={() => setKeys({ ...keys, [endpoint]: isTakenAway ? "" : null })}
                >
                  {isTakenAway ? "Keep it" : "Take it away"}
                </button>
              )}
            </div>
          );
        })}
      </details>
      {error && <Failure error={error} />}
      <footer>
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="submit" class="primary" disabled={busy}>Save</button>
      </footer>
    </form>
  );
}
