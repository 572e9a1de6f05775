/** The form for a new project, and for changes of a project. */

import { useState } from "preact/hooks";
import { call, type Endpoint, get, type Listed, type Project } from "./api.ts";
import { Button, Checkbox, Input } from "./controls.tsx";
import { Dialog, FormEnd } from "./dialog.tsx";
import { LoadView } from "./load_view.tsx";
import { changedRules, type Draft, draftOf, RulesForm } from "./rules_form.tsx";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

interface FormProps {
  readonly onClose: () => void;
  readonly onSaved: (project: Project) => void;
}

/** A dialog that creates a project, or loads the current version of `project` and changes it. */
export function ProjectForm({ project, ...rest }: FormProps & { project: Project | undefined }) {
  const loaded = useLoad(
    async (signal) => {
      const read = project && await call<Project>("GET", `/projects/${project.id}`, { signal });
      const { data: endpoints } = await get<Listed<Endpoint>>("/endpoints", signal);
      return { before: read?.body, etag: read?.etag ?? null, endpoints };
    },
    "",
  );
  return (
    <Dialog title={project === undefined ? "New project" : `Project ${project.name}`} onClose={rest.onClose}>
      <LoadView loaded={loaded}>{(value) => <Form {...value} {...rest} />}</LoadView>
    </Dialog>
  );
}

function Form({ before, etag, endpoints, onClose, onSaved }: FormProps & {
  before: Project | undefined;
  /** The ETag of the version in the form. The API rejects the change if another user has saved one since. */
  etag: string | null;
  endpoints: readonly Endpoint[];
}) {
  const [name, setName] = useState(before?.name ?? "");
  const [isActive, setActive] = useState(before?.active ?? true);
  const [start] = useState<Draft>(() => draftOf(before));
  const [draft, setDraft] = useState<Draft>(start);
  const [keys, setKeys] = useState<Keys>({});
  const { busy, error, submit } = useSubmit(async () => {
    const changedKeys = Object.fromEntries(Object.entries(keys).filter(([, key]) => key !== ""));
    const body = {
      ...(name !== before?.name && { name }),
      ...(before !== undefined && isActive !== before.active && { active: isActive }),
      ...changedRules(start, draft),
      ...(Object.keys(changedKeys).length > 0 && { provider_keys: changedKeys }),
    };
    return (before === undefined
      ? await call<Project>("POST", "/projects", { body })
      : await call<Project>("PATCH", `/projects/${before.id}`, { body, etag })).body;
  }, onSaved);
  return (
    <form onSubmit={submit}>
      <Input label="Name" name="name" required autofocus maxLength={100} value={name} set={setName} />
      {before && <Checkbox label="Active" value={isActive} set={setActive} />}
      <RulesForm draft={draft} onChange={setDraft} />
      <ProviderKeys
        saved={before?.provider_keys ?? {}}
        endpoints={endpoints}
        keys={keys}
        onChange={setKeys}
      />
      <FormEnd
        action={before === undefined ? "Create" : "Save"}
        busy={busy}
        error={error}
        onClose={onClose}
      />
    </form>
  );
}

/** The typed key of each endpoint; `null` if the saved key will be removed. */
type Keys = Readonly<Record<string, string | null>>;

function ProviderKeys({ saved, endpoints, keys, onChange }: {
  saved: NonNullable<Project["provider_keys"]>;
  endpoints: readonly Endpoint[];
  keys: Keys;
  onChange: (keys: Keys) => void;
}) {
  return (
    <details>
      <summary>Provider keys</summary>
      <p class="help">
        The proxy sends these keys instead of the keys in its configuration. It stores them encrypted, and
        never shows them again.
      </p>
      {endpoints.map(({ name: endpoint }) => {
        const set = saved[endpoint];
        const isRemoved = keys[endpoint] === null;
        return (
          <div key={endpoint}>
            <Input
              label={`Key for ${endpoint}`}
              help={isRemoved
                ? "The key will be removed when you save."
                : set
                ? `A key is set, ending in ${set.suffix}. Leave empty to keep it.`
                : "Leave empty to use the key of the configuration."}
              type="password"
              disabled={isRemoved}
              value={keys[endpoint] ?? ""}
              set={(value) => onChange({ ...keys, [endpoint]: value })}
            />
            {set && (
              <Button
                onClick={() => onChange({ ...keys, [endpoint]: isRemoved ? "" : null })}
              >
                {isRemoved ? "Keep key" : "Remove key"}
              </Button>
            )}
          </div>
        );
      })}
    </details>
  );
}
